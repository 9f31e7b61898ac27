import type { ApplyResult, Client, KindClient, WriteOptions } from '../contracts/client.js';
import { ApiError } from '../model/api-error.js';
import { cloneJson } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { threeWayPatch } from '../model/patch/index.js';
import type { KindRegistry } from '../model/registry.js';
import { type Manifest, readManifests } from './manifests.js';

/** Where kubectl's client-side apply remembers what it applied last. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const ATTEMPTS = 5;

interface Item {
  readonly source: string;
  readonly kind: KindDefinition;
  readonly object: KubeObject;
}

/** See `Client.apply`. */
export async function applyManifests(
  client: Client,
  kinds: KindRegistry,
  input: string | object | readonly object[],
  options: WriteOptions & { readonly namespace?: string },
): Promise<readonly ApplyResult[]> {
  const items = (await readManifests(input)).map((manifest) => identify(kinds, manifest, options.namespace));
  const applied: ApplyResult[] = [];
  const { namespace: _namespace, ...write } = options;
  for (const item of items) {
    try {
      applied.push(await applyOne(client.kind(item.kind), item.object, write));
    } catch (error) {
      if (!ApiError.is(error)) throw error;
      const where = items.length === 1 ? '' : `${item.source}: `;
      throw new ApiError(error.reason, where + error.message, { ...error.details, ...(applied.length > 0 && { applied: applied.map(({ action, object }) => ({ action, kind: object.kind, name: object.metadata.name })) }) }, error);
    }
  }
  return applied;
}

/** Which kind a manifest is of, and its name and namespace. Its fields are for the server to judge. */
function identify(kinds: KindRegistry, manifest: Manifest, namespace: string | undefined): Item {
  const { source, value } = manifest;
  const { apiVersion, kind: name, metadata } = value as { apiVersion?: unknown; kind?: unknown; metadata?: unknown };
  const bad = (why: string): ApiError => ApiError.badRequest(`${source}: ${why}`);
  if (typeof apiVersion !== 'string' || apiVersion === '') throw bad('apiVersion not set');
  if (typeof name !== 'string' || name === '') throw bad('kind not set');
  const kind = kinds.byKind(apiVersion, name);
  if (kind === undefined) throw bad(`no matches for kind ${JSON.stringify(name.slice(0, 100))} in version ${JSON.stringify(apiVersion.slice(0, 100))}`);
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) throw bad('metadata: an object with a name is required');
  const meta = metadata as Record<string, unknown>;
  if (typeof meta['name'] !== 'string' || meta['name'] === '') throw bad('metadata.name: a name is required to apply (generateName makes a new object each time)');
  const { namespace: own, annotations } = meta;
  if (own !== undefined && typeof own !== 'string') throw bad('metadata.namespace: must be text');
  // The record of what was applied goes in there: into a list or a text it would turn something that the server has to refuse.
  if (annotations !== undefined && annotations !== null && (typeof annotations !== 'object' || Array.isArray(annotations))) throw bad('metadata.annotations: must be an object');
  const placed = kind.namespaced ? { ...meta, namespace: own ?? namespace ?? 'default' } : meta;
  return { source, kind, object: { ...value, metadata: placed } as unknown as KubeObject };
}

async function applyOne(client: KindClient<KubeObject>, manifest: KubeObject, options: WriteOptions): Promise<ApplyResult> {
  const { namespace, name = '' } = manifest.metadata;
  const modified = withLastApplied(manifest);
  for (let attempt = 1; ; attempt += 1) {
    const current = await client.find({ namespace, name });
    try {
      if (current === undefined) return { action: 'created', object: await client.create(modified, options) };
      const patch = threeWayPatch(client.kind, lastApplied(current), plain(modified), plain(current));
      if (Object.keys(patch).length === 0) return { action: 'unchanged', object: current };
      const object = await client.patch({ namespace, name }, 'merge', patch, options);
      return { action: object.metadata.resourceVersion === current.metadata.resourceVersion ? 'unchanged' : 'configured', object };
    } catch (error) {
      const raced = ApiError.is(error, 'AlreadyExists') || ApiError.is(error, 'Conflict') || (current !== undefined && ApiError.is(error, 'NotFound'));
      if (!raced || attempt === ATTEMPTS) throw error;
    }
  }
}

function withLastApplied(manifest: KubeObject): KubeObject {
  const copy = cloneJson(manifest);
  const { [LAST_APPLIED]: _old, ...annotations } = copy.metadata.annotations ?? {};
  copy.metadata.annotations = annotations;
  copy.metadata.annotations = { ...annotations, [LAST_APPLIED]: `${JSON.stringify(copy)}\n` };
  return copy;
}

function lastApplied(current: KubeObject): Record<string, unknown> {
  const text = current.metadata.annotations?.[LAST_APPLIED];
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (cause) {
    throw new ApiError('BadRequest', `metadata.annotations[${LAST_APPLIED}] is not JSON; remove or correct it`, {}, cause);
  }
}

const plain = (object: KubeObject): Record<string, unknown> => object as unknown as Record<string, unknown>;
