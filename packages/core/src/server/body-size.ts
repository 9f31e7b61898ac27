import { ApiError } from '../model/api-error.js';

/** The most an object may hold, as JSON, as kube-apiserver bounds a request's body (3 MiB). */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/**
 * Throws RequestEntityTooLarge when a body would be larger than the limit as JSON. Counts without encoding it, by a lower bound of each value's length,
 * and stops as soon as the limit is passed; the depth is bounded by decoding.
 */
export function checkBodySize(body: unknown, limit = MAX_BODY_BYTES): void {
  if (count(body, limit, 0) > limit) throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
}

/** Deeper than any object may be: decoding refuses it, with the path. */
const DEEPEST = 200;

function count(value: unknown, limit: number, depth: number): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return 4;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && bytes <= limit; i += 1) bytes += count(value[i], limit - bytes, depth + 1) + 1;
    return bytes;
  }
  for (const key in value) {
    bytes += key.length + 4 + count((value as Record<string, unknown>)[key], limit - bytes, depth + 1);
    if (bytes > limit) break;
  }
  return bytes;
}
