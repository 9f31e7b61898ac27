import type { Pod, Random } from '@orrery/core';
import type { ClusterState } from '../state/cluster.js';
import { EMPTY } from './best-slots.js';
import { type Diagnosis, diagnose } from './diagnosis.js';
import { deltaSince } from './delta.js';
import type { CompiledProfile } from './compiled-profile.js';
import { Filtering } from './filtering.js';
import { Scoring } from './scoring.js';

/** The node a pod should go to. */
export interface Choice {
  readonly node: string;
  readonly total: number;
  /** How many nodes had the same total; one of them was drawn. */
  readonly ties: number;
}

/**
 * What is known of all nodes for pods that are alike to every plugin of a profile. Asking again costs what changed since the last time.
 */
export class PodClass {
  readonly #pod: Pod;
  readonly #profile: CompiledProfile;
  readonly #cluster: ClusterState;
  #filtering: Filtering;
  #scoring: Scoring;
  #seen: number;
  #diagnosis: Diagnosis | undefined;

  /** @param pod stands for all pods of the class. Throws `PLUGIN_FAILED` naming a plugin that failed. */
  constructor(pod: Pod, profile: CompiledProfile, cluster: ClusterState) {
    this.#pod = pod;
    this.#profile = profile;
    this.#cluster = cluster;
    this.#seen = cluster.changes.head;
    this.#filtering = new Filtering(pod, profile.filters, cluster);
    this.#scoring = new Scoring(pod, profile.scores, cluster, this.#filtering);
  }

  /** Brings it up to date. After a throw (`PLUGIN_FAILED`) the class must not be used again. */
  refresh(): void {
    if (this.#seen === this.#cluster.changes.head) return;
    const delta = deltaSince(this.#cluster, this.#seen);
    this.#seen = this.#cluster.changes.head;
    this.#diagnosis = undefined;
    if (delta === undefined) {
      this.#filtering = new Filtering(this.#pod, this.#profile.filters, this.#cluster);
      this.#scoring = new Scoring(this.#pod, this.#profile.scores, this.#cluster, this.#filtering);
      return;
    }
    const all = this.#filtering.refresh(delta);
    this.#scoring.refresh(delta, all);
  }

  /** How many nodes can take a pod, as of the last refresh. */
  get feasibleCount(): number {
    return this.#filtering.feasibleCount;
  }

  /** The node with the highest total, drawn evenly among equals; undefined when none fits. */
  best(random: Random): Choice | undefined {
    if (this.#filtering.feasibleCount === 0) return undefined;
    const { totals } = this.#scoring;
    const { best, ties } = totals;
    // Chance is asked once, and only where there is a choice.
    const slot = totals.bestAt(ties > 1 ? random.int(ties) : 0);
    return { node: (this.#cluster.slots[slot] as { name: string }).name, total: best, ties };
  }

  /** The total of a node, if a pod fits there. */
  totalOf(node: string): number | undefined {
    const slot = this.#cluster.node(node)?.slot;
    const total = slot === undefined ? EMPTY : this.#scoring.totals.get(slot);
    return total === EMPTY ? undefined : total;
  }

  /** Why nodes refuse, as of the last refresh. */
  diagnosis(): Diagnosis {
    return (this.#diagnosis ??= diagnose(this.#cluster.slots, this.#filtering.rejected, (slot) => this.#filtering.refusalAt(slot)));
  }
}
