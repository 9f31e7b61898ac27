import { type ImageReference, type ImageStatus, OrreryError, parseImageReference, type RegistryAuth } from '@orrery/core';

/** What may name an image: a reference, or the id of one that is present. */
export type ImageName = { readonly id: string } | { readonly reference: ImageReference };

const ID = /^(?:sha256:)?([0-9a-f]{64})$/;

/** Reads the name of an image. Throws `INVALID` when it is neither a reference nor an id. An id is never guessed from its start: `deadbeef` is a name. */
export function imageName(text: string): ImageName {
  const id = ID.exec(text)?.[1];
  if (id !== undefined) return { id: `sha256:${id}` };
  const reference = parseImageReference(text);
  if (reference === undefined) throw new OrreryError('INVALID', `${JSON.stringify(text.slice(0, 256))} is not the name of an image.`);
  return { reference };
}

/** How the engine is asked for an image: by digest if there is one, whatever the tag says. */
export function engineImageName(name: ImageName): string {
  if ('id' in name) return name.id;
  const { reference } = name;
  return reference.digest === undefined ? reference.canonical : `${reference.name}@${reference.digest}`;
}

/** What the engine tells of an image, in a list or asked for it alone. */
export interface EngineImage {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null | undefined;
  readonly RepoDigests?: readonly string[] | null | undefined;
  readonly Size: number;
  readonly Config?: { readonly User?: string | undefined } | null;
}

/** What the engine tells about an image, in the contract's words. `asked`: what it was asked by; absent: its first name, or its id. */
export function imageStatusOf(info: EngineImage, pinned: boolean, asked?: string): ImageStatus {
  const named = (list: readonly string[] | null | undefined): readonly string[] => (list ?? []).filter((name) => !name.includes('<none>'));
  const [tags, digests] = [named(info.RepoTags), named(info.RepoDigests)];
  const user = userOf(info.Config?.User ?? '');
  return { id: info.Id, reference: asked ?? tags[0] ?? digests[0] ?? info.Id, tags, digests, sizeBytes: info.Size, ...(user !== undefined && { user }), pinned };
}

/** `1000:1000`, `app`, '' (kuberuntime getImageUser). */
function userOf(text: string): ImageStatus['user'] {
  const user = text.split(':', 1)[0] ?? '';
  if (user === '') return undefined;
  return /^[0-9]{1,10}$/.test(user) ? { uid: Number(user) } : { name: user.slice(0, 256) };
}

/** The header that tells the engine who asks the registry. Never logged. */
export function authHeader(auth: RegistryAuth, serverAddress: string): string {
  const { username, password, identityToken, registryToken } = auth;
  const said = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identityToken !== undefined && { identitytoken: identityToken }),
    ...(registryToken !== undefined && { registrytoken: registryToken }),
    serveraddress: serverAddress,
  };
  // Base64 for addresses, but with its padding: without that the engine takes it for nothing and asks as nobody.
  return Buffer.from(JSON.stringify(said)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** `text` without any of the secrets in it, in case a registry repeats them. */
export function withoutSecrets(text: string, auth: RegistryAuth | undefined): string {
  const { username, password, identityToken, registryToken } = auth ?? {};
  const basic = password === undefined ? undefined : Buffer.from(`${username ?? ''}:${password}`).toString('base64');
  // One that is shorter would take ordinary words apart.
  const secrets = [password, identityToken, registryToken, basic].filter((secret): secret is string => secret !== undefined && secret.length >= 4);
  return secrets.reduce((left, secret) => left.replaceAll(secret, '…'), text);
}
