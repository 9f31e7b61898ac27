import type { FilterPlugin, Pod } from '@orrery/core';
import type { ClusterState } from '../state/cluster.js';
import type { NodeState } from '../state/node-state.js';
import type { Delta } from './delta.js';
import { type FilterStart, type Refusal, askFilter, startFilter, tellUpdate } from './plugin-call.js';

interface Run {
  readonly plugin: FilterPlugin;
  start: FilterStart;
}

/** The refusal of nodes that a `preFilter` left out. */
export const leftOut = (plugins: readonly string[]): Refusal => ({
  plugin: plugins.join(','),
  verdict: { ok: false, reasons: [`node(s) didn't satisfy plugin(s) [${[...plugins].sort().join(' ')}]`], retryWhen: 'node-changes', unresolvable: true },
});

/**
 * Which nodes can take the pods of one class, by slot, kept current: a change of one node costs one round of filters for that node,
 * and only active cluster-wide filters are asked about all nodes again.
 */
export class Filtering {
  /** A plugin that refused the pods as such. */
  rejected: Refusal | undefined;
  /** By slot, 1 where a pod fits. */
  feasible = new Uint8Array(0);
  feasibleCount = 0;
  /** Grows when any slot's feasibility changes. */
  version = 0;
  /** By slot: the first refusal; undefined where it fits or no node is. */
  readonly #refusals: (Refusal | undefined)[] = [];
  readonly #own: (Refusal | undefined)[] = [];
  readonly #local: readonly Run[];
  readonly #wide: readonly Run[];
  readonly #pod: Pod;
  readonly #cluster: ClusterState;
  #nodes: ReadonlySet<string> | undefined;
  #leftOut: Refusal | undefined;

  constructor(pod: Pod, filters: readonly FilterPlugin[], cluster: ClusterState) {
    this.#pod = pod;
    this.#cluster = cluster;
    const runs = filters.map((plugin) => ({ plugin, start: startFilter(plugin, pod, cluster) }));
    this.#local = runs.filter(({ plugin }) => !plugin.clusterWide);
    this.#wide = runs.filter(({ plugin }) => plugin.clusterWide);
    this.#readStarts();
    this.refresh({ slots: cluster.slots.map((_, slot) => slot), pods: [], nodesChanged: false });
  }

  /** The first refusal of a slot. */
  refusalAt(slot: number): Refusal | undefined {
    return this.rejected ?? this.#refusals[slot];
  }

  /** Brings everything up to date. Answers whether slots beyond those of the delta may have changed. */
  refresh(delta: Delta): boolean {
    this.#grow();
    if (this.#wide.length > 0) this.#refreshStarts(delta);
    for (const slot of delta.slots) this.#own[slot] = this.#askOwn(slot);
    const active = this.rejected === undefined ? this.#wide.filter(({ start }) => !start.skip) : [];
    if (active.length === 0 && !this.#wideWasActive) {
      for (const slot of delta.slots) this.#set(slot, this.#own[slot]);
      return false;
    }
    this.#wideWasActive = active.length > 0;
    for (let slot = 0; slot < this.#cluster.slots.length; slot++) {
      const node = this.#cluster.slots[slot];
      this.#set(slot, this.#own[slot] ?? (node === undefined ? undefined : first(active, this.#pod, node)));
    }
    return true;
  }

  #wideWasActive = false;

  #askOwn(slot: number): Refusal | undefined {
    const node = this.#cluster.slots[slot];
    if (node === undefined || this.rejected !== undefined) return undefined;
    if (this.#nodes !== undefined && !this.#nodes.has(node.name)) return this.#leftOut;
    return first(this.#local, this.#pod, node);
  }

  #set(slot: number, refusal: Refusal | undefined): void {
    this.#refusals[slot] = refusal;
    const fits = refusal === undefined && this.rejected === undefined && this.#cluster.slots[slot] !== undefined ? 1 : 0;
    if (fits === this.feasible[slot]) return;
    this.feasible[slot] = fits;
    this.feasibleCount += fits === 1 ? 1 : -1;
    this.version++;
  }

  #refreshStarts({ pods, nodesChanged, slots }: Delta): void {
    let again = false;
    for (const run of this.#wide) {
      if (run.plugin.clusterWide === 'nodes' ? !nodesChanged : slots.length === 0) continue;
      const absorbed = !nodesChanged && pods.every(({ pod, node, delta }) => tellUpdate(run.plugin, this.#pod, run.start.state, pod, node, delta));
      if (absorbed && pods.length > 0) continue;
      run.start = startFilter(run.plugin, this.#pod, this.#cluster);
      again = true;
    }
    if (!again) return;
    const before = [this.rejected, [...(this.#nodes ?? [])].join()] as const;
    this.#readStarts();
    const after = [this.rejected, [...(this.#nodes ?? [])].join()] as const;
    if (before[0] !== after[0] || before[1] !== after[1]) {
      for (let slot = 0; slot < this.#cluster.slots.length; slot++) this.#own[slot] = this.#askOwn(slot);
      this.#wideWasActive = true;
    }
  }

  #readStarts(): void {
    const runs = [...this.#local, ...this.#wide];
    const rejecting = runs.find(({ start }) => start.rejected !== undefined);
    this.rejected = rejecting?.start.rejected === undefined ? undefined : { plugin: rejecting.plugin.name, verdict: rejecting.start.rejected };
    const pinning = runs.filter(({ start }) => start.nodes !== undefined);
    this.#nodes = pinning.reduce<ReadonlySet<string> | undefined>(
      (left, { start: { nodes } }) => (left === undefined ? nodes : new Set([...left].filter((name) => nodes?.has(name)))),
      undefined,
    );
    this.#leftOut = pinning.length === 0 ? undefined : leftOut(pinning.map(({ plugin }) => plugin.name));
  }

  #grow(): void {
    const size = this.#cluster.slots.length;
    if (size <= this.feasible.length) return;
    const larger = new Uint8Array(Math.max(64, size * 2));
    larger.set(this.feasible);
    this.feasible = larger;
  }
}

function first(runs: readonly Run[], pod: Pod, node: NodeState): Refusal | undefined {
  for (const { plugin, start } of runs) {
    if (start.skip) continue;
    const refusal = askFilter(plugin, pod, node, start.state);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
