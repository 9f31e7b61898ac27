import type { Pod, ReplicaSet } from '@orrery/core';
import { podFromTemplate } from '../shared/pod-template.js';
import { podsToDelete } from './ranking.js';

/** Most pods made or removed in one pass (BurstReplicas). */
export const BURST = 500;

/** How the number of pods is to change. */
export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/**
 * What brings the number of active pods to the wanted one (manageReplicas). `related` is asked for only when pods must go. Pure; `now` in milliseconds.
 */
export function planReplicas(wanted: number, active: readonly Pod[], related: () => readonly Pod[], now: number): ReplicaPlan {
  const missing = wanted - active.length;
  if (missing >= 0) return { create: Math.min(missing, BURST), remove: [] };
  return { create: 0, remove: podsToDelete(active, related(), Math.min(-missing, BURST), now) };
}

/** A pod as the set's template says. */
export const podFor = (set: ReplicaSet): Pod => podFromTemplate(set, set.spec.template);
