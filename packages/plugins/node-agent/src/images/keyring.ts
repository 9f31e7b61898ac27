import { type RegistryAuth, type Secret } from '@orrery/core';

/** Who to be at which registries: by host and start of the path, without a scheme. */
export type Keyring = ReadonlyMap<string, readonly RegistryAuth[]>;

const CONFIG_JSON = 'kubernetes.io/dockerconfigjson';
const CONFIG = 'kubernetes.io/dockercfg';
/** Docker Hub's own place in a configuration, `https://index.docker.io/v1/`. */
const DEFAULT_REGISTRY = 'index.docker.io';
/** What a secret may hold at most (model's limit); bounds what is parsed. */
const MAX_CONFIG = 1024 * 1024;
const MAX_ENTRIES = 1_000;

/**
 * The credentials of pull secrets, in their order (credentialprovider/secrets MakeDockerKeyring). Secrets of other types hold none; `problems` names those that cannot be
 * read, without what is in them. Pure.
 */
export function keyringOf(secrets: readonly Secret[]): { readonly keyring: Keyring; readonly problems: readonly string[] } {
  const keyring = new Map<string, RegistryAuth[]>();
  const problems: string[] = [];
  for (const secret of secrets) {
    try {
      for (const [location, auth] of entriesOf(secret)) {
        const key = keyOf(location);
        if (key !== undefined) keyring.set(key, [...(keyring.get(key) ?? []), auth]);
      }
    } catch {
      // Not even the parser's words are told: they quote what they stumbled over.
      problems.push(secret.metadata.name ?? '');
    }
  }
  return { keyring, problems };
}

/**
 * Who may pull an image, the most specific place first (keyring.go Lookup): places match when their host does, part by part, with `*` for any characters, their port
 * is the same, and their path is a start of the image's. Docker Hub's credentials also serve `docker.io`. Empty: ask as nobody. Pure.
 * @param image domain and path, `docker.io/library/nginx`
 */
export function lookUp(keyring: Keyring, image: string): readonly RegistryAuth[] {
  const places = [...keyring.keys()].sort().reverse();
  const found = places.filter((place) => matches(place, image)).flatMap((place) => keyring.get(place) ?? []);
  if (found.length > 0) return found;
  const domain = image.split('/', 1)[0] ?? '';
  return domain === 'docker.io' || domain === DEFAULT_REGISTRY ? (keyring.get(DEFAULT_REGISTRY) ?? []) : [];
}

function entriesOf(secret: Secret): readonly (readonly [string, RegistryAuth])[] {
  const encoded = secret.type === CONFIG_JSON ? secret.data?.['.dockerconfigjson'] : secret.type === CONFIG ? secret.data?.['.dockercfg'] : undefined;
  if (encoded === undefined) return [];
  if (encoded.length > MAX_CONFIG * 2) throw new RangeError('too large');
  const config = object(JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')));
  const places = secret.type === CONFIG_JSON ? object(config['auths'] ?? {}) : config;
  return Object.entries(places).slice(0, MAX_ENTRIES).flatMap(([location, entry]) => {
    const auth = authOf(object(entry));
    return auth === undefined ? [] : [[location, auth] as const];
  });
}

/** `auth` holds name and password in base64 and wins over them (DockerConfigEntry.UnmarshalJSON). */
function authOf(entry: Readonly<Record<string, unknown>>): RegistryAuth | undefined {
  const text = (name: string): string | undefined => (typeof entry[name] === 'string' && entry[name] !== '' ? entry[name] : undefined);
  const decoded = text('auth') === undefined ? undefined : Buffer.from((text('auth') as string).trim(), 'base64').toString('utf8');
  const colon = decoded?.indexOf(':') ?? -1;
  if (decoded !== undefined && colon < 0) throw new SyntaxError('auth without a colon');
  const username = decoded === undefined ? text('username') : decoded.slice(0, colon);
  const password = decoded === undefined ? text('password') : decoded.slice(colon + 1);
  const [identityToken, registryToken] = [text('identitytoken'), text('registrytoken')];
  if ([username, password, identityToken, registryToken].every((part) => part === undefined)) return undefined;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identityToken !== undefined && { identityToken }),
    ...(registryToken !== undefined && { registryToken }),
  };
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
  return value as Readonly<Record<string, unknown>>;
}

/** Host and path of a place, without scheme, API version and a lone slash (BasicDockerKeyring.Add). */
function keyOf(location: string): string | undefined {
  const match = /^(?:https?:\/\/)?([^/?#\s@]{1,300})(\/[^?#\s]{0,1000})?$/.exec(location);
  if (match === null) return undefined;
  const [, host = '', given = ''] = match;
  const path = /^\/v[12]\//.test(given) ? given.slice('/v1'.length) : given;
  return path === '/' ? host : `${host}${path}`;
}

/** urlsMatch: the same number of parts of the host, each matching, the same port, and the path a start of the other. */
function matches(place: string, image: string): boolean {
  const [wanted, target] = [split(place), split(image)];
  if (wanted.port !== target.port || wanted.parts.length !== target.parts.length || !target.path.startsWith(wanted.path)) return false;
  return wanted.parts.every((part, index) => globMatches(part, target.parts[index] ?? ''));
}

function split(url: string): { readonly parts: readonly string[]; readonly port: string; readonly path: string } {
  const slash = url.indexOf('/');
  const host = slash < 0 ? url : url.slice(0, slash);
  const [, name = host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  return { parts: name.split('.'), port, path: slash < 0 ? '' : url.slice(slash) };
}

/** `*` stands for any number of characters; in time proportional to the product of the lengths. */
function globMatches(glob: string, text: string): boolean {
  let [at, from, star, mark] = [0, 0, -1, 0];
  while (at < text.length) {
    if (glob[from] === '*') [star, mark, from] = [from, at, from + 1];
    else if (from < glob.length && glob[from] === text[at]) [from, at] = [from + 1, at + 1];
    else if (star >= 0) [from, mark, at] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (glob[from] === '*') from += 1;
  return from === glob.length;
}
