import { ApiError } from '../api-error.js';
import { forbiddenKey } from '../json.js';
import type { KindDefinition } from '../kind.js';
import { applyJsonPatch } from './json-patch.js';
import { applyMergePatch, diffMergePatch, requirePatchObject } from './merge-patch.js';
import { applyStrategicPatch, type Json } from './strategic-patch.js';
import { mergeThreeWay } from './three-way.js';

/**
 * Applies a patch in one of the three languages to a document; the result is a private copy, and is not decoded or checked.
 * Throws UnsupportedMediaType for a strategic patch of a kind that knows none, BadRequest for a malformed patch, Invalid for one that does not fit the document. A strategic patch of something without a kind is a merge patch.
 */
export function applyPatch<T>(kind: KindDefinition | undefined, type: 'json' | 'merge' | 'strategic', document: T, patch: unknown): unknown {
  const forbidden = forbiddenKey(patch);
  if (forbidden !== undefined) throw ApiError.badRequest(`the patch has a forbidden key: ${forbidden.slice(0, 200)}`);
  if (type === 'json') return applyJsonPatch(document, patch);
  if (type === 'strategic' && kind?.shape?.strategicPatch === false) {
    throw new ApiError('UnsupportedMediaType', 'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml');
  }
  // A list as merge patch takes the place of the whole, as in Kubernetes; whoever wants an object then refuses it.
  if (type !== 'merge' || !Array.isArray(patch)) requirePatchObject(patch);
  return type === 'strategic' && kind !== undefined ? applyStrategicPatch(kind, document as Json, patch as Json) : applyMergePatch(document, patch);
}

/**
 * The merge patch that brings `current` to what `modified` declares (see {@link mergeThreeWay}); empty when nothing is to be done.
 * It names the version it was computed from, so that it never undoes what somebody else wrote meanwhile: on a conflict compute it again.
 */
export function threeWayPatch(kind: KindDefinition, lastApplied: Json, modified: Json, current: Json): Json {
  const patch = diffMergePatch(current, mergeThreeWay(kind, lastApplied, modified, current));
  if (Object.keys(patch).length === 0) return {};
  const { metadata } = current as { metadata?: { resourceVersion?: string } };
  return { ...patch, metadata: { ...(patch['metadata'] as Json | undefined), resourceVersion: metadata?.resourceVersion } };
}
