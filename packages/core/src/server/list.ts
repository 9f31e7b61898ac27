import type { ResourceRef, Selection } from '../contracts/transport.js';
import { OrreryError } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import type { KubeList, KubeObject } from '../model/object.js';
import { listPrefix, prefixOf } from './keys.js';
import { fromEntry, type Resource } from './resource.js';
import { compileSelection } from './selection.js';

/** A list request. */
export interface ListRequest extends Selection {
  readonly ref: ResourceRef;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

/** Entries read from the store at a time when a selector thins them out. */
const CHUNK = 1000;

/** Objects of a kind as of one revision, in key order, in pages if `limit` is given; a later page shows the state of the first one. */
export async function list(resource: Resource, request: ListRequest): Promise<KubeList> {
  const { kind, context } = resource;
  const prefix = listPrefix(kind, request.ref.namespace);
  const start = startOf(request, prefixOf(kind));
  const matches = compileSelection(kind, request).matches;
  const limit = request.limit !== undefined && request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const items: KubeObject[] = [];
  let { after, atRevision } = start;
  let more = true;
  let remaining: number | undefined;
  while (more && items.length < limit) {
    const wanted = matches === undefined ? limit - items.length : CHUNK;
    const page = await readPage(context.store.range(prefix, { ...(after !== undefined && { after }), ...(Number.isFinite(limit) && { limit: wanted }), ...(atRevision !== undefined && { atRevision }) }));
    atRevision = page.revision;
    more = page.more;
    remaining = matches === undefined ? page.remaining : undefined;
    for (const entry of page.entries) {
      const { object } = fromEntry(entry);
      if (matches !== undefined && !matches(object)) {
        after = entry.key;
        continue;
      }
      if (items.length === limit) {
        more = true;
        break;
      }
      after = entry.key;
      items.push(object);
    }
  }
  const revision = atRevision ?? 0;
  const next = more && after !== undefined ? { continue: encodeToken(revision, after.slice(prefixOf(kind).length)), ...(remaining !== undefined && remaining > 0 && { remainingItemCount: remaining }) } : {};
  return { apiVersion: kind.apiVersion, kind: kind.listKind, metadata: { resourceVersion: String(revision), ...next }, items };
}

function startOf(request: ListRequest, base: string): { after?: string; atRevision?: number } {
  if (request.continue !== undefined && request.continue !== '') {
    if ((request.resourceVersion ?? '') !== '' && request.resourceVersion !== '0') throw ApiError.badRequest('specifying resource version is not allowed when using continue');
    const { revision, key } = decodeToken(request.continue);
    return { after: base + key, atRevision: revision };
  }
  if (request.resourceVersionMatch === 'Exact') {
    const revision = parseResourceVersion(request.resourceVersion);
    if (revision === 0) throw ApiError.badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0" or none');
    return { atRevision: revision };
  }
  parseResourceVersion(request.resourceVersion);
  return {};
}

async function readPage<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (OrreryError.is(error, 'EXPIRED')) {
      throw new ApiError('Expired', 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.', {}, error);
    }
    if (OrreryError.is(error, 'REVISION_AHEAD')) {
      throw new ApiError('Timeout', 'Too large resource version', { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] }, error);
    }
    throw error;
  }
}

/** A version as given by a client: '' and '0' are 0. Throws BadRequest on anything but digits. */
export function parseResourceVersion(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,15}$/.test(text)) throw ApiError.badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text.slice(0, 50))}: strconv.ParseUint: parsing: invalid syntax`);
  return Number(text);
}

const encodeToken = (revision: number, key: string): string => Buffer.from(JSON.stringify({ v: 'orrery/v1', rv: revision, start: key })).toString('base64url');

function decodeToken(token: string): { revision: number; key: string } {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token.slice(0, 4096), 'base64url').toString()) as { v?: unknown; rv?: unknown; start?: unknown };
    if (v === 'orrery/v1' && typeof rv === 'number' && Number.isSafeInteger(rv) && rv > 0 && typeof start === 'string' && start.length < 1024) return { revision: rv, key: start };
  } catch {
    // Falls through to the refusal below: what cannot be read is as bad as what says nonsense.
  }
  throw ApiError.badRequest('continue key is not valid');
}
