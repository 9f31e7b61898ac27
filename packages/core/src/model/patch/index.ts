import type { KindDefinition } from '../kind.js';
import { applyJsonPatch } from './json-patch.js';
import { applyMergePatch, requirePatchObject, threeWayMergePatch } from './merge-patch.js';
import { applyStrategicPatch } from './strategic-patch.js';

export { diffMergePatch, threeWayMergePatch } from './merge-patch.js';

/**
 * Applies a patch in one of the three languages to a document; the result is a private copy, and is not decoded or checked.
 * Throws BadRequest for a malformed patch, Invalid for one that does not fit the document. A strategic patch of something without a kind is a merge patch.
 */
export function applyPatch<T>(kind: KindDefinition | undefined, type: 'json' | 'merge' | 'strategic', document: T, patch: unknown): unknown {
  if (type === 'json') return applyJsonPatch(document, patch);
  requirePatchObject(patch);
  return type === 'strategic' && kind !== undefined ? applyStrategicPatch(kind, document as Record<string, unknown>, patch) : applyMergePatch(document, patch);
}

/** The patch that brings `current` to `modified`, taking away only what was applied last and is not wanted any more, as kubectl's client-side apply makes it. */
export function threeWayPatch(
  _kind: KindDefinition,
  lastApplied: Record<string, unknown>,
  modified: Record<string, unknown>,
  current: Record<string, unknown>,
): { readonly type: 'merge' | 'strategic'; readonly body: Record<string, unknown> } {
  return { type: 'merge', body: threeWayMergePatch(lastApplied, modified, current) };
}
