import { labelMatcher, type Pod, type PodDisruptionBudget } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import { type Change, changesOf, type Judging, type Promised, under } from './promise.js';

const [PODS, BUDGETS] = [under('core/pods'), under('policy/poddisruptionbudgets')];

interface Record {
  budget: PodDisruptionBudget;
  /** When a pod of it last stopped being healthy by other causes than an eviction, or what it wants changed; monotonic. */
  disturbedAt: number;
}

/**
 * Holds evictions to their budgets. Each one of a pod that serves takes one from the budget that covers it, in the same commit, and a budget never has less than none. And when nothing else
 * disturbed the pods of a budget for {@link staleMs}, within which its counts catch up, no eviction leaves fewer healthy pods than it wants.
 */
export class EvictionOracle implements Promised {
  readonly #budgets = new Map<string, Record>();

  constructor(
    private readonly judging: Judging,
    private readonly staleMs: number,
  ) {}

  committed(commit: ObservedCommit): void {
    const budgets = changesOf<PodDisruptionBudget>(commit, BUDGETS, this.judging);
    for (const change of budgets) this.#budget(change);
    for (const change of changesOf<Pod>(commit, PODS, this.judging)) this.#pod(change, budgets);
  }

  #budget({ key, old, next }: Change<PodDisruptionBudget>): void {
    if (next === undefined) {
      this.#budgets.delete(key);
      return;
    }
    const known = this.#budgets.get(key);
    const same = old?.status?.desiredHealthy === next.status?.desiredHealthy && old?.metadata.generation === next.metadata.generation;
    this.#budgets.set(key, { budget: next, disturbedAt: known === undefined || !same ? this.judging.now() : known.disturbedAt });
    if ((next.status?.disruptionsAllowed ?? 0) < 0) this.judging.violated(`budget ${next.metadata.name} allows ${next.status?.disruptionsAllowed} disruptions`);
  }

  #pod({ key, old, next }: Change<Pod>, changed: readonly Change<PodDisruptionBudget>[]): void {
    if (old === undefined) return;
    const records = [...this.#budgets.values()].filter(({ budget }) => covers(budget, old));
    if (records.length === 0 || !isHealthy(old)) return;
    if (next === undefined || !isEvicted(old, next)) {
      if (next === undefined || !isHealthy(next)) for (const record of records) record.disturbedAt = this.judging.now();
      return;
    }
    for (const record of records) this.#evicted(key, old, record, changed);
  }

  #evicted(key: string, pod: Pod, { budget, disturbedAt }: Record, changed: readonly Change<PodDisruptionBudget>[]): void {
    const name = `pod ${pod.metadata.name}`;
    const own = changed.find(({ next }) => next?.metadata.uid === budget.metadata.uid);
    const [before, after] = [own?.old?.status?.disruptionsAllowed ?? 0, own?.next?.status?.disruptionsAllowed ?? 0];
    if (own === undefined || after !== before - 1) this.judging.violated(`${name} was evicted, and budget ${budget.metadata.name} allows ${after} after ${before}`);
    if (this.judging.now() - disturbedAt <= this.staleMs) return;
    let healthy = 0;
    for (const other of this.judging.oracle.under<Pod>(PODS)) if (other.metadata.uid !== pod.metadata.uid && covers(budget, other) && isHealthy(other)) healthy += 1;
    const wanted = healthyWanted(budget.spec, budget.status?.expectedPods ?? 0);
    if (healthy < wanted) this.judging.violated(`${key.slice(PODS.length)} was evicted, which leaves ${healthy} healthy pods where budget ${budget.metadata.name} wants ${wanted}`);
  }
}

/** How many of so many pods are to be healthy: shares are rounded up, of those that may be missing too (as in Kubernetes). */
export function healthyWanted({ minAvailable, maxUnavailable }: PodDisruptionBudget['spec'], expected: number): number {
  const part = (bound: number | string): number => (typeof bound === 'number' ? bound : Math.ceil((Number.parseInt(bound, 10) * expected) / 100));
  if (maxUnavailable !== undefined) return Math.max(0, expected - part(maxUnavailable));
  return minAvailable === undefined ? 0 : part(minAvailable);
}

const covers = ({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean =>
  metadata.namespace === pod.metadata.namespace && spec.selector !== undefined && labelMatcher(spec.selector).matches(pod.metadata.labels);

const isHealthy = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status?.phase === 'Running' && status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

const isEvicted = (old: Pod, next: Pod): boolean =>
  old.metadata.deletionTimestamp === undefined && next.metadata.deletionTimestamp !== undefined && next.status?.conditions?.some(({ type, reason }) => type === 'DisruptionTarget' && reason === 'EvictionByEvictionAPI') === true;
