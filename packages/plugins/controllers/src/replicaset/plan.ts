import { isDns1123Subdomain, type Pod, type ReplicaSet } from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';
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

/** A pod as the set's template says (GetPodFromTemplate). */
export function podFor(set: ReplicaSet): Pod {
  const { metadata, spec } = set.spec.template;
  const prefix = `${set.metadata.name}-`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      // The dash must leave a valid name; a name that is too long for it goes without.
      generateName: isDns1123Subdomain(`${prefix}a`).length === 0 ? prefix : (set.metadata.name ?? ''),
      ...(set.metadata.namespace !== undefined && { namespace: set.metadata.namespace }),
      ...(metadata?.labels !== undefined && { labels: metadata.labels }),
      ...(metadata?.annotations !== undefined && { annotations: metadata.annotations }),
      ...(metadata?.finalizers !== undefined && { finalizers: metadata.finalizers }),
      ownerReferences: [controllerRefOf(set)],
    },
    spec,
  };
}
