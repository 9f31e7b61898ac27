import type { Pod } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import type { SimulatedNode } from '../simulated-node.js';
import { changesOf, type Judging, ownedBy, type Promised, under } from './promise.js';

const PODS = under('core/pods');

/**
 * Holds StatefulSets to one pod of each name: when the next one of a name is made, nothing of the one before runs anywhere, whatever became of the line to its node.
 * True while nobody deletes pods by force.
 */
export class IdentityOracle implements Promised {
  constructor(
    private readonly judging: Judging,
    private readonly nodes: readonly SimulatedNode[],
  ) {}

  committed(commit: ObservedCommit): void {
    for (const { old, next } of changesOf<Pod>(commit, PODS, this.judging)) {
      if (next === undefined || ownedBy('StatefulSet', next) === undefined || old?.metadata.uid === next.metadata.uid) continue;
      const { namespace, name, uid } = next.metadata;
      for (const { machine, options } of this.nodes) {
        const other = machine.containers().find(({ pod, state }) => state === 'running' && pod.name === name && pod.namespace === namespace && pod.uid !== uid);
        if (other !== undefined) this.judging.violated(`pod ${name} was made while another one of that name still runs on ${options.name}`);
      }
    }
  }
}
