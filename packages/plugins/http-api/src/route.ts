import { ApiError, type ResourceRef } from '@orrery/core';
import { notServed } from './refusal.js';

/** What a path is about. */
export type Route =
  /** Objects of a kind, one of them, or a part of one. */
  | { readonly type: 'resource'; readonly ref: ResourceRef }
  /** What a group version serves; `version` is absent for the group itself. */
  | { readonly type: 'discovery'; readonly group: string; readonly version?: string }
  /** Anything else, e.g. `/healthz`. */
  | { readonly type: 'path'; readonly path: string };

/** The path of what is no object, written in the one way that authorizers are asked with: without the base path, escapes and a slash at the end. */
export function plainPath(route: Exclude<Route, { readonly type: 'resource' }>): string {
  if (route.type === 'path') return route.path;
  return `${route.group === '' ? '/api' : `/apis/${route.group}`}${route.version === undefined ? '' : `/${route.version}`}`;
}

const MAX_SEGMENTS = 16;
/** Subresources of a namespace itself; any other word after its name is a resource in it. */
const OF_NAMESPACES: ReadonlySet<string> = new Set(['status', 'finalize']);

/**
 * Reads the path of a request target. Throws BadRequest for what could mean different things to different readers: dots, encoded slashes, control characters,
 * bad escapes, empty segments; NotFound for paths that are too long to be served.
 */
export function routeOf(path: string): Route {
  const segments = segmentsOf(path);
  const [root, first, second] = segments;
  if (root === 'api' && first !== undefined) return objectsOf('', first, segments.slice(2));
  if (root === 'apis' && first !== undefined) return second === undefined ? { type: 'discovery', group: first } : objectsOf(first, second, segments.slice(3));
  return { type: 'path', path: `/${segments.join('/')}` };
}

function segmentsOf(path: string): string[] {
  if (!path.startsWith('/')) throw ApiError.badRequest('the request target must be a path');
  const parts = path.slice(1).split('/');
  // One slash at the end means nothing.
  if (parts.at(-1) === '') parts.pop();
  if (parts.length > MAX_SEGMENTS) throw notServed();
  return parts.map(segmentOf);
}

/** A segment as it is meant. Throws BadRequest for what cannot be a name. */
export function segmentOf(encoded: string): string {
  const segment = decoded(encoded);
  if (segment === '' || segment === '.' || segment === '..' || /[/\\%\u0000-\u001f\u007f]/.test(segment)) throw ApiError.badRequest('the path has a segment that cannot be a name');
  return segment;
}

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ApiError('BadRequest', 'the path is not valid percent-encoded UTF-8', {}, cause);
  }
}

function objectsOf(group: string, version: string, rest: readonly string[]): Route {
  if (rest.length === 0) return { type: 'discovery', group, version };
  const [head = '', second, third, fourth, fifth] = rest;
  const base = { group, version };
  if (head !== 'namespaces' || third === undefined || (group === '' && rest.length === 3 && OF_NAMESPACES.has(third))) {
    if (rest.length > 3) throw notServed();
    return { type: 'resource', ref: { ...base, resource: head, ...(second !== undefined && { name: second }), ...(third !== undefined && { subresource: third }) } };
  }
  if (rest.length > 5) throw notServed();
  const place = { namespace: second as string, ...(fourth !== undefined && { name: fourth }), ...(fifth !== undefined && { subresource: fifth }) };
  return { type: 'resource', ref: { ...base, resource: third, ...place } };
}
