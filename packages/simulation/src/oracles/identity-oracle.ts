import type { Pod } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import type { SimulatedNode } from '../simulated-node.js';
import { changesOf, type Judging, ownedBy, type Promised, under } from './promise.js';

const PODS = under('core/pods');

/**
 * Holds StatefulSets to one pod of each name: when the next one of a name is made, and when it is told to run, nothing of another one runs anywhere, whatever became of the line to its node.
 * True while nobody deletes pods by force.
 */
export class IdentityOracle implements Promised {
  constructor(
    private readonly judging: Judging,
    private readonly nodes: readonly SimulatedNode[],
  ) {}

  committed(commit: ObservedCommit): void {
    for (const { old, next } of changesOf<Pod>(commit, PODS, this.judging)) {
      if (next === undefined || ownedBy('StatefulSet', next) === undefined) continue;
      const isMade = old?.metadata.uid !== next.metadata.uid;
      if (!isMade && (next.status?.phase !== 'Running' || old?.status?.phase === 'Running')) continue;
      const { namespace, name, uid } = next.metadata;
      for (const { machine, options } of this.nodes) {
        const other = machine.containers().find(({ pod, state }) => state === 'running' && pod.name === name && pod.namespace === namespace && pod.uid !== uid);
        if (other !== undefined) this.judging.violated(`pod ${name} ${isMade ? 'was made' : 'runs'} while another one of that name still runs on ${options.name}`);
      }
    }
  }
}
