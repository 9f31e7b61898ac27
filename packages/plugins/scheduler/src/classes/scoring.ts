import type { NodeInfo, Pod, ScorePlugin, WeightedScore } from '@orrery/core';
import type { ClusterState } from '../state/cluster.js';
import { BestSlots, EMPTY } from './best-slots.js';
import type { NodeState } from '../state/node-state.js';
import type { Delta } from './delta.js';
import type { Filtering } from './filtering.js';
import { isScaled, normalized, scaled } from './normalize.js';
import { askScore, checkedScore, startScore, tellUpdate } from './plugin-call.js';

interface Run {
  readonly plugin: ScorePlugin;
  readonly weight: number;
  state: unknown;
  skip: boolean;
  /** By slot; only valid where a pod fits. */
  raw: Float64Array;
  /** For scaled scores: the greatest raw score (at least 0), and how many slots have it. */
  max: number;
  atMax: number;
  /** For scores with a normalising function: by slot. */
  normal: Float64Array;
}

/**
 * The weighted total of every node that can take the pods of one class, by slot, kept current: a change of one node costs one round of
 * scores for that node, and all totals are added up again only when the greatest score of a scaled plugin changed.
 */
export class Scoring {
  /** By slot: the total; empty where no pod fits. */
  readonly totals = new BestSlots();
  readonly #runs: readonly Run[];
  readonly #pod: Pod;
  readonly #cluster: ClusterState;
  readonly #filtering: Filtering;
  /** By slot, 1 where the raw scores of plugins that look at one node are current and counted. */
  #scored = new Uint8Array(0);
  #filterVersion = -1;

  constructor(pod: Pod, scores: readonly WeightedScore[], cluster: ClusterState, filtering: Filtering) {
    this.#pod = pod;
    this.#cluster = cluster;
    this.#filtering = filtering;
    const nodes = this.#feasibleNodes();
    this.#runs = scores.map(({ plugin, weight }) => {
      const empty = new Float64Array(0);
      return { plugin, weight, ...startScore(plugin, pod, nodes, cluster), raw: empty, max: 0, atMax: 0, normal: empty };
    });
    this.refresh({ slots: cluster.slots.map((_, slot) => slot), pods: [], nodesChanged: false }, true);
  }

  /** Brings everything up to date after the filtering has been. `all`: slots beyond those of the delta may have changed. */
  refresh(delta: Delta, all: boolean): void {
    this.#grow();
    const slots = all ? this.#cluster.slots.map((_, slot) => slot) : delta.slots;
    for (const slot of delta.slots) this.#retire(slot);
    if (all) for (const slot of slots) if (this.#filtering.feasible[slot] === 0) this.#retire(slot);
    let everything = this.#refreshStarts(delta);
    for (const slot of slots) {
      const node = this.#cluster.slots[slot];
      if (node !== undefined && this.#filtering.feasible[slot] === 1 && this.#scored[slot] === 0) this.#score(slot, node);
    }
    for (const run of this.#runs) if (this.#settle(run)) everything = true;
    if (everything) this.#maxima = this.#runs.map(({ max }) => max);
    const count = everything ? this.#cluster.slots.length : slots.length;
    // Few changes are cheaper one by one.
    const many = count * 8 > this.#cluster.slots.length;
    for (let i = 0; i < count; i++) {
      const slot = everything ? i : (slots[i] as number);
      if (many) this.totals.put(slot, this.#total(slot));
      else this.totals.set(slot, this.#total(slot));
    }
    if (many) this.totals.settle();
    this.#filterVersion = this.#filtering.version;
  }

  #maxima: readonly number[] = [];

  /** Takes a slot's raw scores out of the maxima. */
  #retire(slot: number): void {
    if (this.#scored[slot] === 0) return;
    this.#scored[slot] = 0;
    for (const run of this.#runs) if (isScaled(run.plugin) && run.raw[slot] === run.max) run.atMax--;
  }

  /** Scores one node by every plugin that can be asked about it alone, and by the others too, for they are settled afterwards. */
  #score(slot: number, node: NodeState): void {
    this.#scored[slot] = 1;
    for (const run of this.#runs) if (!run.skip) this.#put(run, slot, askScore(run.plugin, this.#pod, node, run.state));
  }

  #put(run: Run, slot: number, score: number): void {
    run.raw[slot] = score;
    if (score > run.max) [run.max, run.atMax] = [score, 1];
    else if (score === run.max) run.atMax++;
  }

  /** Asks the plugins anew whose state no longer holds. Answers whether any was asked about all nodes again. */
  #refreshStarts({ slots, pods, nodesChanged }: Delta): boolean {
    const feasibleChanged = this.#filterVersion !== this.#filtering.version;
    if (this.#filterVersion < 0 || (slots.length === 0 && !feasibleChanged)) return false;
    let again = false;
    let nodes: readonly NodeInfo[] | undefined;
    for (const run of this.#runs) {
      const { clusterWide } = run.plugin;
      if (!clusterWide || (clusterWide === 'nodes' && !nodesChanged)) continue;
      const absorbed =
        clusterWide === true && !nodesChanged && !feasibleChanged && pods.every(({ pod, node, delta }) => tellUpdate(run.plugin, this.#pod, run.state, pod, node, delta));
      if (!absorbed) Object.assign(run, startScore(run.plugin, this.#pod, (nodes ??= this.#feasibleNodes()), this.#cluster));
      if (absorbed && run.skip) continue;
      this.#scoreAll(run);
      again = true;
    }
    return again;
  }

  #scoreAll(run: Run): void {
    run.max = 0;
    run.atMax = 0;
    for (let slot = 0; slot < this.#cluster.slots.length; slot++) {
      const node = this.#cluster.slots[slot];
      // Slots not scored yet are scored by all plugins together.
      if (node === undefined || run.skip || this.#scored[slot] === 0) continue;
      this.#put(run, slot, askScore(run.plugin, this.#pod, node, run.state));
    }
  }

  /** Finds the maximum again if it was lost, and normalises by function. Answers whether all totals must be added up again. */
  #settle(run: Run): boolean {
    if (run.skip) return false;
    if (typeof run.plugin.normalize === 'function') {
      this.#normalizeAll(run);
      return true;
    }
    if (!isScaled(run.plugin)) return false;
    if (run.atMax <= 0) {
      run.max = 0;
      run.atMax = 0;
      for (let slot = 0; slot < this.#cluster.slots.length; slot++) if (this.#scored[slot] === 1) this.#put(run, slot, run.raw[slot] as number);
    }
    return run.max !== this.#maxima[this.#runs.indexOf(run)];
  }

  #normalizeAll(run: Run): void {
    const slots: number[] = [];
    const nodes: NodeInfo[] = [];
    const raw: number[] = [];
    for (let slot = 0; slot < this.#cluster.slots.length; slot++) {
      const node = this.#cluster.slots[slot];
      if (node === undefined || this.#scored[slot] === 0) continue;
      slots.push(slot);
      nodes.push(node);
      raw.push(run.raw[slot] as number);
    }
    const scores = normalized(run.plugin, raw, this.#pod, nodes, run.state);
    for (let i = 0; i < slots.length; i++) run.normal[slots[i] as number] = scores[i] as number;
  }

  #total(slot: number): number {
    if (this.#scored[slot] === 0) return EMPTY;
    let total = 0;
    for (const run of this.#runs) {
      if (run.skip) continue;
      const { plugin, weight, raw, max, normal } = run;
      if (typeof plugin.normalize === 'function') total += weight * (normal[slot] as number);
      else if (isScaled(plugin)) total += weight * checkedScore(plugin.name, scaled(raw[slot] as number, max, plugin.normalize === 'reverse'));
      else total += weight * checkedScore(plugin.name, raw[slot] as number);
    }
    return total;
  }

  #feasibleNodes(): readonly NodeInfo[] {
    return this.#cluster.slots.filter((node, slot) => node !== undefined && this.#filtering.feasible[slot] === 1) as NodeInfo[];
  }

  #grow(): void {
    const size = this.#cluster.slots.length;
    this.totals.grow(size);
    if (size <= this.#scored.length) return;
    const capacity = Math.max(64, size * 2);
    const widened = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(capacity);
      larger.set(old);
      return larger;
    };
    const scored = new Uint8Array(capacity);
    scored.set(this.#scored);
    this.#scored = scored;
    for (const run of this.#runs) {
      run.raw = widened(run.raw);
      run.normal = widened(run.normal);
    }
  }
}
