import type { ResourceRef, Selection } from '../contracts/transport.js';
import { OrreryError } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import { type FieldError, fieldError } from '../model/field-error.js';
import type { KubeList, KubeObject } from '../model/object.js';
import { listPrefix, prefixOf } from './keys.js';
import { fromEntry, type Resource } from './resource.js';
import { compileSelection } from './selection.js';
import { prepareToSee } from './versioned.js';

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
    const page = await readPage(context.store.range(prefix, { ...(after !== undefined && { after }), ...(Number.isFinite(limit) && { limit: wanted }), ...(atRevision !== undefined && { atRevision }) }), start.after !== undefined);
    atRevision = page.revision;
    more = page.more;
    remaining = matches === undefined ? page.remaining : undefined;
    await prepareToSee(kind, page.entries.map(({ value }) => value));
    for (const entry of page.entries) {
      const { object } = fromEntry(kind, entry);
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
  if (start.notOlderThan > revision) throw tooLarge(start.notOlderThan, revision);
  const next = more && after !== undefined ? { continue: encodeToken(revision, after.slice(prefixOf(kind).length)), ...(remaining !== undefined && remaining > 0 && { remainingItemCount: remaining }) } : {};
  return { apiVersion: kind.apiVersion, kind: kind.listKind, metadata: { resourceVersion: String(revision), ...next }, items };
}

interface Start {
  readonly after?: string;
  readonly atRevision?: number;
  /** What is answered must be at least of this revision. */
  readonly notOlderThan: number;
}

/** Which state is asked for, from where (the rules of ValidateListOptions). */
function startOf(request: ListRequest, base: string): Start {
  const { resourceVersion = '', resourceVersionMatch: match } = request;
  if (match !== undefined) {
    if (match !== 'Exact' && match !== 'NotOlderThan') throw badOptions(fieldError.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan']));
    if (resourceVersion === '') throw badOptions(fieldError.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if ((request.continue ?? '') !== '') throw badOptions(fieldError.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  }
  if (request.continue !== undefined && request.continue !== '') {
    if (resourceVersion !== '' && resourceVersion !== '0') throw ApiError.badRequest('specifying resource version is not allowed when using continue');
    const { revision, key } = decodeToken(request.continue);
    return { after: base + key, atRevision: revision, notOlderThan: 0 };
  }
  const revision = parseResourceVersion(resourceVersion);
  if (match !== 'Exact') return { notOlderThan: revision };
  if (revision === 0) throw badOptions(fieldError.forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  return { atRevision: revision, notOlderThan: 0 };
}

const badOptions = (error: FieldError): ApiError => ApiError.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [error]);

const tooLarge = (wanted?: number, current?: number, cause?: unknown): ApiError => {
  const which = wanted === undefined ? '' : `: ${wanted}, current: ${current}`;
  return new ApiError('Timeout', `Timeout: Too large resource version${which}`, { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 }, cause);
};

async function readPage<T>(reading: Promise<T>, continued: boolean): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (OrreryError.is(error, 'EXPIRED')) {
      const what = continued ? 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.' : 'The resourceVersion for the provided list is too old.';
      throw new ApiError('Expired', what, {}, error);
    }
    if (OrreryError.is(error, 'REVISION_AHEAD')) {
      throw tooLarge(undefined, undefined, error);
    }
    throw error;
  }
}

/** A version as given by a client: '' and '0' are 0. Throws BadRequest on anything but digits. */
export function parseResourceVersion(text: string | undefined): number {
  if (text === undefined || text === '') return 0;
  if (!/^\d{1,15}$/.test(text)) throw ApiError.badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text.slice(0, 50))}: strconv.ParseUint: parsing ${JSON.stringify(text.slice(0, 50))}: invalid syntax`);
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
  throw ApiError.badRequest('invalid continue token: continue key is not valid');
}
