import { type ClusterSnapshot, type NodeInfo, type PersistentVolume, type PersistentVolumeClaim, reachesVolume, volumesFor } from '@orrery/core';
import { claimsOf, isBound, isDelayed } from './pod-claims.js';
import type { Volumes } from './volumes.js';

/** Where claims will be bound that have no volume yet: their pods have been placed, and the binder will follow. */
export interface Promised {
  /** By key of the claim: the nodes its pods are on. */
  readonly nodesOf: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names of the volumes that those claims will take which are not asked about. */
  readonly taken: ReadonlySet<string>;
}

/**
 * Reads off the placed pods what has been promised to their claims: what kube-scheduler's assume cache of claims and volumes remembers.
 * @param own keys of the claims that are asked about
 */
export function promised(own: ReadonlySet<string>, { nodes }: ClusterSnapshot, volumes: Volumes): Promised {
  const nodesOf = new Map<string, Set<string>>();
  const others = new Map<string, { readonly claim: PersistentVolumeClaim; readonly node: NodeInfo }>();
  for (const node of nodes) {
    for (const pod of node.pods.values()) {
      for (const { key } of claimsOf(pod)) {
        if (own.has(key)) {
          const at = nodesOf.get(key);
          if (at === undefined) nodesOf.set(key, new Set([node.name]));
          else at.add(node.name);
        } else if (!others.has(key)) {
          const claim = volumes.claim(key);
          if (claim !== undefined && !isBound(claim) && isDelayed(claim, volumes)) others.set(key, { claim, node });
        }
      }
    }
  }
  const taken = new Set<string>();
  for (const [, { claim, node }] of [...others].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const volume = firstFree(volumesFor(claim, volumes.volumesOf(claim.spec.storageClassName ?? '')), node, taken);
    if (volume !== undefined) taken.add(volume.metadata.name ?? '');
  }
  return { nodesOf, taken };
}

/** The first of these volumes that a node reaches and that nobody else gets. */
export const firstFree = (candidates: readonly PersistentVolume[], { node }: NodeInfo, taken: ReadonlySet<string>): PersistentVolume | undefined =>
  candidates.find((volume) => !taken.has(volume.metadata.name ?? '') && reachesVolume(node, volume));
