import jsonpatch from 'fast-json-patch';
import { ApiError } from '../api-error.js';
import { cloneJson } from '../json.js';

/** Operations in one patch at most, as in kube-apiserver. */
const MAX_OPERATIONS = 10_000;

/**
 * Applies a JSON patch (RFC 6902) to a copy of the document. Throws BadRequest for a malformed patch and Invalid for one that does not fit
 * the document (missing path, failed test), naming the operation.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw ApiError.badRequest('a JSON patch must be a list of operations');
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  }
  patch.forEach(checkOperation);
  const document = cloneJson(target);
  try {
    return jsonpatch.applyPatch(document, cloneJson(patch), true, false).newDocument;
  } catch (error) {
    const { message, index } = error as { message: string; index?: number };
    const reason = message.split('\n')[0] ?? 'it does not apply';
    throw new ApiError('Invalid', `the server rejected our request due to an error in our request: operation ${index ?? 0} of the patch: ${reason}`, {}, error);
  }
}

function checkOperation(operation: unknown, index: number): void {
  const bad = (why: string): ApiError => ApiError.badRequest(`operation ${index} of the patch ${why}`);
  if (typeof operation !== 'object' || operation === null) throw bad('is not an object');
  const { path, from } = operation as { path?: unknown; from?: unknown };
  for (const pointer of [path, from]) {
    if (pointer === undefined) continue;
    if (typeof pointer !== 'string') throw bad('has a path that is not text');
    if (pointer.split('/').some((part) => part === '__proto__' || part === 'constructor' || part === 'prototype')) throw bad('names a forbidden key');
  }
}
