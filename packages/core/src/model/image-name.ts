// The grammar of image references (distribution/reference), as far as defaulting of the pull policy needs it.

const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const DOMAIN = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::\d+)?$/;
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
  if (!isRepository(repository)) return '';
  if (colon >= 0) return TAG.test(named.slice(colon + 1)) ? named.slice(colon + 1) : '';
  return at < 0 ? 'latest' : '';
}

function isRepository(text: string): boolean {
  const [first = '', ...rest] = text.split('/');
  // The first part is a host when it looks like one; only then may it hold a port or capitals.
  const hasDomain = rest.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
  return hasDomain ? DOMAIN.test(first) && rest.every((part) => COMPONENT.test(part)) : [first, ...rest].every((part) => COMPONENT.test(part));
}
