// The grammar of image references (distribution/reference), as far as defaulting of the pull policy needs it.

const REPOSITORY = /^[a-z0-9._\-/:A-Z[\]]+$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** The tag of an image reference: `latest` when it names neither tag nor digest, '' when it has only a digest or is malformed. */
export function imageTag(image: string): string {
  if (image === '' || image.length > 1024) return '';
  const at = image.indexOf('@');
  const named = at < 0 ? image : image.slice(0, at);
  if (at >= 0 && !DIGEST.test(image.slice(at + 1))) return '';
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const repository = colon < 0 ? named : named.slice(0, colon);
  if (!REPOSITORY.test(repository) || /[A-Z]/.test(repository.slice(repository.indexOf('/') + 1))) return '';
  if (colon >= 0) return TAG.test(named.slice(colon + 1)) ? named.slice(colon + 1) : '';
  return at < 0 ? 'latest' : '';
}
