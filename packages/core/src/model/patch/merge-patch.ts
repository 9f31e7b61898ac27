import { ApiError } from '../api-error.js';
import { cloneJson, equalJson } from '../json.js';

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Applies a JSON merge patch (RFC 7396): null removes, objects merge, everything else replaces. Returns a private copy. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return cloneJson(patch);
  const result: Json = isMap(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

/** The smallest merge patch that turns `from` into `to`. */
export function diffMergePatch(from: Json, to: Json): Json {
  const patch: Json = {};
  for (const key of Object.keys(from)) if (to[key] === undefined) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    const before = from[key];
    if (value === undefined || equalJson(before, value)) continue;
    patch[key] = isMap(before) && isMap(value) ? diffMergePatch(before, value) : value;
  }
  return patch;
}

/** Throws BadRequest unless a merge or strategic patch body is an object. */
export function requirePatchObject(body: unknown): asserts body is Json {
  if (!isMap(body)) throw ApiError.badRequest('the patch must be a JSON object');
}
