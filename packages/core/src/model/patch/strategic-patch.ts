import type { KindDefinition } from '../kind.js';
import { applyMergePatch } from './merge-patch.js';

/** Applies a strategic merge patch. */
export function applyStrategicPatch(_kind: KindDefinition, document: Record<string, unknown>, patch: Record<string, unknown>): unknown {
  return applyMergePatch(document, patch);
}
