import { ApiError, type ResourceRef } from '@orrery/core';
import { segmentOf } from '../route.js';

/** A request that is to be passed on, as its path tells. */
export interface ProxyRoute {
  readonly type: 'proxy';
  /** The subresource; its name is as the path has it, with scheme and port, which is what access is judged by (as in Kubernetes). */
  readonly ref: ResourceRef & { readonly resource: 'pods' | 'services' | 'nodes'; readonly name: string };
  readonly scheme: 'http' | 'https' | '';
  /** Of the object. */
  readonly name: string;
  /** A number or the name of a port of a service; empty: the first, or only one. */
  readonly port: string;
  /** What is to be asked for there, unescaped by nobody; undefined: the path ends with `proxy`. */
  readonly rest: string | undefined;
}

const PATH = /^\/api\/v1\/(?:namespaces\/([^/]+)\/(pods|services)|(nodes))\/([^/]+)\/proxy(\/.*)?$/s;
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
const PORT = /^(?:\d{1,5}|[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)?$/;

/** Reads a path to what pods, services and nodes serve themselves; undefined: it is none. Throws BadRequest for one that names nothing there can be. Pure. */
export function proxyRouteOf(path: string): ProxyRoute | undefined {
  const [, namespace, kind, nodes, id = '', rest] = PATH.exec(path) ?? [];
  const resource = (kind ?? nodes) as ProxyRoute['ref']['resource'] | undefined;
  if (resource === undefined) return undefined;
  const whole = segmentOf(id);
  const parts = whole.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  if (parts.length > 3 || (scheme !== '' && scheme !== 'http' && scheme !== 'https') || !NAME.test(name ?? '') || !PORT.test(port ?? '')) throw ApiError.badRequest(`invalid ${resource.slice(0, -1)} request ${JSON.stringify(whole.slice(0, 300))}`);
  const ref = { group: '', version: 'v1', resource, ...(namespace !== undefined && { namespace: segmentOf(namespace) }), name: whole, subresource: 'proxy' };
  return { type: 'proxy', ref, scheme, name: name ?? '', port: port ?? '', rest };
}

const VERBS: Readonly<Record<string, string>> = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/**
 * What a request does, for those who judge it: as in Kubernetes by its method. Another protocol with a node is `create`, whatever the method: a WebSocket to a node's server runs commands, which who may only look must not.
 * Undefined: no such method is passed on. Pure.
 */
export function proxyVerbOf({ resource }: ProxyRoute['ref'], method: string, isUpgrade: boolean): string | undefined {
  if (isUpgrade && resource === 'nodes') return 'create';
  // Who may do everything may do what has no verb.
  return method === 'OPTIONS' ? 'options' : VERBS[method];
}
