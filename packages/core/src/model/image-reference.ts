/** The parts of an image's name, completed as `docker pull` completes it. */
export interface ImageReference {
  /** `docker.io`, `registry.example.com:5000`. */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  /** Domain and path. */
  readonly name: string;
  /** `latest` when neither tag nor digest is given. */
  readonly tag?: string;
  /** `sha256:…`. It wins over a tag. */
  readonly digest?: string;
  /** The whole, with everything that was left out. */
  readonly canonical: string;
}

/** Longest name without tag and digest (distribution/reference NameTotalLengthMax). */
const MAX_NAME = 255;
/** Name, tag and the longest digest that is allowed, with room. */
const MAX_REFERENCE = 1_024;
const DEFAULT_DOMAIN = 'docker.io';

const DOMAIN = /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,253}[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,253}[a-zA-Z0-9]))*(?::[0-9]{1,5})?$/;
const IPV6 = /^\[[a-fA-F0-9:]{2,45}\](?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,256}$/;
const KNOWN_DIGESTS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
/** An id of an image is not a name: it says nothing of where it comes from. */
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Reads an image's name by the grammar of distribution/reference: `[domain[:port]/]path[:tag][@digest]`, the domain `docker.io` and the folder
 * `library` when they are left out. Undefined when it is malformed. Pure; bounded input.
 */
export function parseImageReference(text: string): ImageReference | undefined {
  if (text.length > MAX_REFERENCE || IDENTIFIER.test(text)) return undefined;
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !validDigest(digest)) return undefined;
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : digest === undefined ? 'latest' : undefined;
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  const [domain, path] = splitDomain(hasTag ? named.slice(0, colon) : named);
  if (!DOMAIN.test(domain) && !IPV6.test(domain)) return undefined;
  if (!path.split('/').every((component) => COMPONENT.test(component))) return undefined;
  const name = `${domain}/${path}`;
  if (name.length > MAX_NAME) return undefined;
  return { domain, path, name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }), canonical: `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}` };
}

/** What stands before the first slash is a domain when it looks like one; else it is a folder of Docker's own registry. */
function splitDomain(name: string): readonly [string, string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  const isDomain = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const domain = !isDomain || first === 'index.docker.io' ? DEFAULT_DOMAIN : first;
  const path = isDomain ? name.slice(slash + 1) : name;
  return [domain, domain === DEFAULT_DOMAIN && !path.includes('/') ? `library/${path}` : path];
}

function validDigest(digest: string): boolean {
  if (!DIGEST.test(digest)) return false;
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = Object.hasOwn(KNOWN_DIGESTS, algorithm) ? KNOWN_DIGESTS[algorithm] : undefined;
  return length !== undefined && hex.length === length && hex === hex.toLowerCase();
}
