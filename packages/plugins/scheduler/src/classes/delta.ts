import type { Pod } from '@orrery/core';
import type { ClusterState } from '../state/cluster.js';
import type { NodeState } from '../state/node-state.js';

/** A pod that came to a node or left it. */
export interface PodMove {
  readonly pod: Pod;
  readonly node: NodeState;
  readonly delta: 1 | -1;
}

/** What changed in the cluster since a class last looked. */
export interface Delta {
  /** Slots to look at again, each once. */
  readonly slots: readonly number[];
  /** In order. */
  readonly pods: readonly PodMove[];
  /** Whether a node object changed, came or went. */
  readonly nodesChanged: boolean;
}

/** Reads the changes since a number; undefined when they are not all known any more. */
export function deltaSince(cluster: ClusterState, since: number): Delta | undefined {
  const { changes } = cluster;
  if (!changes.reaches(since)) return undefined;
  const slots = new Set<number>();
  const pods: PodMove[] = [];
  let nodesChanged = false;
  for (let number = since; number < changes.head; number++) {
    const { slot, delta, pod } = changes.at(number);
    slots.add(slot);
    const node = cluster.slots[slot];
    if (delta === 0 || pod === undefined) nodesChanged = true;
    else if (node !== undefined) pods.push({ pod, node, delta });
  }
  return { slots: [...slots], pods, nodesChanged };
}
