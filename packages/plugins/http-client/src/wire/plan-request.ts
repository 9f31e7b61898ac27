import { type ApiRequest, type DeleteOptions, isValidPathSegmentName, OrreryError, type PatchType, type RequestContext, type ResourceRef, type Selection, type WatchRequest } from '@orrery/core';

/** A request as it goes over the wire, but for who asks. */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, below the server's own path. */
  readonly path: string;
  readonly body?: { readonly type: string; readonly text: string };
  /** Sending it again does no more than sending it once. */
  readonly isIdempotent: boolean;
  /** It changes nothing. */
  readonly isRead: boolean;
}

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // JSON is YAML.
  apply: 'application/apply-patch+yaml',
};

const METHODS = { get: 'GET', list: 'GET', create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE', deletecollection: 'DELETE' } as const;

/** How a request is said in HTTP. Throws `INVALID` for names that cannot stand in a path. Pure. */
export function planRequest(request: ApiRequest): WireRequest {
  const method = METHODS[request.verb];
  const isRead = method === 'GET';
  const path = `${pathOf(request.ref)}${queryText(paramsOf(request))}`;
  const body = bodyOf(request);
  return { method, path, isRead, isIdempotent: isRead || method === 'PUT' || method === 'DELETE', ...(body !== undefined && { body }) };
}

/** How a watch is said in HTTP. Throws `INVALID` for names that cannot stand in a path. Pure. */
export function planWatch({ ref, resourceVersion, allowWatchBookmarks, ...selection }: WatchRequest, timeoutSeconds: number): WireRequest {
  const params = { watch: 'true', timeoutSeconds, ...selectionOf(selection), resourceVersion, allowWatchBookmarks };
  return { method: 'GET', path: `${pathOf(ref)}${queryText(params)}`, isRead: true, isIdempotent: true };
}

/** The path of a resource, an object or a subresource. */
export function pathOf({ group, version, resource, namespace, name, subresource }: ResourceRef): string {
  const segments = [...(group === '' ? ['api'] : ['apis', group]), version, ...(namespace === undefined || namespace === '' ? [] : ['namespaces', namespace]), resource];
  if (name !== undefined) segments.push(name);
  if (subresource !== undefined) segments.push(subresource);
  for (const segment of segments) {
    const [problem] = segment === '' ? ['must not be empty'] : isValidPathSegmentName(segment);
    if (problem !== undefined) throw new OrreryError('INVALID', `${JSON.stringify(segment.slice(0, 253))} cannot stand in the path of a request: ${problem}.`);
  }
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

type Params = Readonly<Record<string, string | number | boolean | undefined>>;

function paramsOf(request: ApiRequest): Params {
  switch (request.verb) {
    case 'get':
      return {};
    case 'list': {
      const { limit, continue: next, resourceVersion, resourceVersionMatch } = request;
      return { ...selectionOf(request), limit, continue: next, resourceVersion, resourceVersionMatch };
    }
    case 'delete':
      return {};
    case 'deletecollection':
      return selectionOf(request);
    case 'patch':
      return { ...writeParams(request), force: request.force };
    default:
      return writeParams(request);
  }
}

const selectionOf = ({ labelSelector, fieldSelector }: Selection): Params => ({ labelSelector, fieldSelector });
const writeParams = ({ fieldManager, fieldValidation, dryRun }: RequestContext): Params => ({ fieldManager, fieldValidation, dryRun: dryRun === true ? 'All' : undefined });

function queryText(params: Params): string {
  const given = Object.entries(params).flatMap(([name, value]): [string, string][] => (value === undefined || value === '' ? [] : [[name, String(value)]]));
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`;
}

function bodyOf(request: ApiRequest): WireRequest['body'] {
  switch (request.verb) {
    case 'create':
    case 'update':
      return { type: 'application/json', text: JSON.stringify(request.body) };
    case 'patch':
      return { type: PATCH_TYPES[request.type], text: JSON.stringify(request.body) };
    case 'delete':
    case 'deletecollection':
      return { type: 'application/json', text: JSON.stringify(deleteOptions(request.options, request.dryRun)) };
    default:
      return undefined;
  }
}

function deleteOptions({ dryRun, ...options }: DeleteOptions, alsoDry = false): object {
  return { apiVersion: 'v1', kind: 'DeleteOptions', ...options, ...((dryRun === true || alsoDry) && { dryRun: ['All'] }) };
}
