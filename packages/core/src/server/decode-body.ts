import type { RequestContext } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { decodeObject } from '../model/decode.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { checkBodySize } from './body-size.js';

/** Unknown fields named at most in one warning or error. */
const NAMED = 20;

/**
 * Decodes a request body into a private draft of its kind. Throws BadRequest when the body is another kind, does not fit the types,
 * or, under strict field validation, has fields the kind does not know; otherwise those are dropped, with a warning if wanted.
 */
export function decodeBody<T extends KubeObject>(kind: KindDefinition<T>, body: unknown, request: RequestContext): T {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw ApiError.badRequest(`the body must be a ${kind.kind} object, not ${body === null ? 'null' : Array.isArray(body) ? 'a list' : typeof body}`);
  }
  const { apiVersion, kind: name } = body as { apiVersion?: unknown; kind?: unknown };
  if ((apiVersion !== undefined && apiVersion !== kind.apiVersion) || (name !== undefined && name !== kind.kind)) {
    throw ApiError.badRequest(`the object provided is ${show(apiVersion)} ${show(name)}, but the request is for ${kind.apiVersion} ${kind.kind}`);
  }
  checkBodySize(body);
  const { object, unknown } = decodeObject(kind, body);
  if (unknown.length > 0) reportUnknown(kind, unknown, request);
  return object;
}

function reportUnknown(kind: Pick<KindDefinition, 'kind' | 'version'>, unknown: readonly string[], request: RequestContext): void {
  const texts = unknown.slice(0, NAMED).map((path) => `unknown field ${JSON.stringify(path)}`);
  if (unknown.length > NAMED) texts.push(`and ${unknown.length - NAMED} more`);
  if (request.fieldValidation === 'Strict') throw ApiError.badRequest(`${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: strict decoding error: ${texts.join(', ')}`);
  if (request.fieldValidation !== 'Ignore') for (const text of texts) request.warn?.(text);
}

const show = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 100) : typeof value);
