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

/**
 * The merge patch that brings `current` to `modified`, removing only what `lastApplied` had and `modified` no longer has
 * (jsonmergepatch.CreateThreeWayJSONMergePatch): what others added stays.
 */
export function threeWayMergePatch(lastApplied: Json, modified: Json, current: Json): Json {
  const additions = keepOrDropNulls(diffMergePatch(current, modified), false);
  const deletions = keepOrDropNulls(diffMergePatch(lastApplied, modified), true);
  return applyPreservingNulls(deletions, additions);
}

/** Keeps only the removals of a patch, or only the rest. */
function keepOrDropNulls(patch: Json, nulls: boolean): Json {
  const result: Json = {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      if (nulls) result[key] = null;
    } else if (isMap(value)) {
      const inner = keepOrDropNulls(value, nulls);
      if (Object.keys(inner).length > 0 || (!nulls && Object.keys(value).length === 0)) result[key] = inner;
    } else if (!nulls) result[key] = value;
  }
  return result;
}

function applyPreservingNulls(base: Json, over: Json): Json {
  const result: Json = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    result[key] = isMap(before) && isMap(value) ? applyPreservingNulls(before, value) : value;
  }
  return result;
}

/** Throws BadRequest unless a merge or strategic patch body is an object. */
export function requirePatchObject(body: unknown): asserts body is Json {
  if (!isMap(body)) throw ApiError.badRequest('the patch must be a JSON object');
}
