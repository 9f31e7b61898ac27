import type { ConfigMap, Pod, Secret, Volume } from '@orrery/core';
import { resolveBelow } from '../pod/below.js';
import { ConfigError, type EnvSources, fieldValue, resourceValue } from '../pod/env.js';
import type { TokenProjection } from './account-tokens.js';
import { ownsEverything } from './empty-dir.js';

/** A file of a volume. */
export interface VolumeFile {
  /** Relative, checked: no `..`, not absolute. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** Where the files of volumes come from. */
export interface FileSources extends EnvSources {
  /** A token of the pod's service account; absent: there are none here. */
  token?(pod: Pod, projection: TokenProjection): Promise<string>;
}

const DEFAULT_MODE = 0o644;
/** Of tokens, for whom they are told to alone. */
const TOKEN_MODE = 0o600;

/** Whether a volume consists of files that come from the API. */
export const isPayload = ({ configMap, secret, downwardAPI, projected }: Volume): boolean => (configMap ?? secret ?? downwardAPI ?? projected) !== undefined;

/** The files such a volume consists of. Throws {@link ConfigError} for what is missing or not supported. */
export async function volumeFiles(pod: Pod, volume: Volume, sources: FileSources): Promise<readonly VolumeFile[]> {
  const namespace = pod.metadata.namespace ?? 'default';
  if (volume.configMap !== undefined) return configMapFiles(await sources.configMap(namespace, volume.configMap.name ?? ''), volume.configMap, volume.configMap.name ?? '');
  if (volume.secret !== undefined) return secretFiles(await sources.secret(namespace, volume.secret.secretName ?? ''), volume.secret, volume.secret.secretName ?? '');
  if (volume.downwardAPI !== undefined) return downwardFiles(pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode, sources);
  if (volume.projected !== undefined) return projectedFiles(pod, volume.projected, namespace, sources);
  throw new ConfigError(`volume "${volume.name}" is not made of files`);
}

interface KeySelection {
  readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number | undefined }[] | undefined;
  readonly defaultMode?: number | undefined;
  readonly optional?: boolean | undefined;
}

function configMapFiles(map: ConfigMap | undefined, selection: KeySelection, name: string): VolumeFile[] {
  if (map === undefined && selection.optional !== true) throw new ConfigError(`configmap "${name}" not found`);
  const content = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(map?.data ?? {})) content.set(key, Buffer.from(text));
  for (const [key, text] of Object.entries(map?.binaryData ?? {})) content.set(key, Buffer.from(text, 'base64'));
  return select(content, selection, `configmap "${name}"`);
}

function secretFiles(secret: Secret | undefined, selection: KeySelection, name: string): VolumeFile[] {
  if (secret === undefined && selection.optional !== true) throw new ConfigError(`secret "${name}" not found`);
  const content = new Map(Object.entries(secret?.data ?? {}).map(([key, text]): [string, Uint8Array] => [key, Buffer.from(text, 'base64')]));
  return select(content, selection, `secret "${name}"`);
}

function select(content: ReadonlyMap<string, Uint8Array>, selection: KeySelection, source: string): VolumeFile[] {
  const mode = selection.defaultMode ?? DEFAULT_MODE;
  if (selection.items === undefined || selection.items.length === 0) return [...content].map(([key, bytes]) => ({ path: checkedPath(key), content: bytes, mode }));
  return selection.items.flatMap((item) => {
    const bytes = content.get(item.key);
    if (bytes !== undefined) return [{ path: checkedPath(item.path), content: bytes, mode: item.mode ?? mode }];
    if (selection.optional === true) return [];
    throw new ConfigError(`${source} has no key ${JSON.stringify(item.key)}`);
  });
}

type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

function downwardFiles(pod: Pod, items: DownwardItems, defaultMode: number | undefined, sources: EnvSources): VolumeFile[] {
  return items.map((item) => {
    const container = pod.spec.containers[0];
    const text =
      item.fieldRef !== undefined
        ? fieldValue(pod, item.fieldRef.fieldPath, sources)
        : item.resourceFieldRef !== undefined && container !== undefined
          ? resourceValue(pod, container, item.resourceFieldRef, sources)
          : '';
    return { path: checkedPath(item.path), content: Buffer.from(text), mode: item.mode ?? defaultMode ?? DEFAULT_MODE };
  });
}

async function projectedFiles(pod: Pod, projected: NonNullable<Volume['projected']>, namespace: string, sources: FileSources): Promise<VolumeFile[]> {
  const files = new Map<string, VolumeFile>();
  for (const source of projected.sources ?? []) {
    const shared = projected.defaultMode === undefined ? {} : { defaultMode: projected.defaultMode };
    const part =
      source.configMap !== undefined
        ? configMapFiles(await sources.configMap(namespace, source.configMap.name ?? ''), { ...source.configMap, ...shared }, source.configMap.name ?? '')
        : source.secret !== undefined
          ? secretFiles(await sources.secret(namespace, source.secret.name ?? ''), { ...source.secret, ...shared }, source.secret.name ?? '')
          : source.downwardAPI !== undefined
            ? downwardFiles(pod, source.downwardAPI.items ?? [], projected.defaultMode, sources)
            : source.serviceAccountToken !== undefined && sources.token !== undefined
              ? [tokenFile(pod, source.serviceAccountToken, await sources.token(pod, source.serviceAccountToken), projected.defaultMode)]
              : undefined;
    if (part === undefined) throw new ConfigError(`projected volumes with the source ${Object.keys(source).join(', ')} are not supported by this agent`);
    for (const file of part) files.set(file.path, file);
  }
  return [...files.values()];
}

/** Where programs run as one user, or share a group, nobody else reads it; else the programs' users must (kubelet/volume/projected). */
function tokenFile(pod: Pod, { path }: TokenProjection, token: string, defaultMode = DEFAULT_MODE): VolumeFile {
  const isOwn = pod.spec.securityContext?.fsGroup !== undefined || !ownsEverything();
  return { path: checkedPath(path), content: Buffer.from(token), mode: isOwn ? TOKEN_MODE : defaultMode };
}

/** A path inside a volume of files. Throws on anything that could lead out of it, and on what begins with `..`, which the volume itself uses. */
export function checkedPath(path: string): string {
  if (resolveBelow('/', path) === undefined || path.startsWith('..')) throw new ConfigError(`${JSON.stringify(path.slice(0, 200))} is not a path inside a volume`);
  return path;
}
