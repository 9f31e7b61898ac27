import { millisOfTime, type Pod } from '@orrery/core';
import { readySince } from '../shared/pods.js';
import { indexOf } from './pod-facts.js';

const PHASE: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The active pods that go so that at least `count` do (activePodsForRemoval): of an Indexed Job first all without a valid index and all but one of each index,
 * then those that have done the least: unassigned, pending, not ready, ready for the shortest time, restarted most, youngest. Pure.
 */
export function surplusPods(active: readonly Pod[], count: number, completions: number | undefined): readonly Pod[] {
  const { surplus, rest } = completions === undefined ? { surplus: [], rest: active } : repeated(active, completions);
  if (surplus.length >= count) return surplus;
  return [...surplus, ...[...rest].sort(leastDoneFirst).slice(0, count - surplus.length)];
}

function repeated(active: readonly Pod[], completions: number): { readonly surplus: readonly Pod[]; readonly rest: readonly Pod[] } {
  const surplus: Pod[] = [];
  const best = new Map<number, Pod>();
  for (const pod of active) {
    const index = indexOf(pod, completions);
    const known = index === undefined ? pod : best.get(index);
    if (index !== undefined && (known === undefined || leastDoneFirst(known, pod) < 0)) best.set(index, pod);
    else surplus.push(pod);
    if (index !== undefined && known !== undefined && best.get(index) === pod) surplus.push(known);
  }
  return { surplus, rest: [...best.values()] };
}

function leastDoneFirst(a: Pod, b: Pod): number {
  const [readyA, readyB] = [readySince(a), readySince(b)];
  return (
    Number((a.spec.nodeName ?? '') !== '') - Number((b.spec.nodeName ?? '') !== '') ||
    phaseOf(a) - phaseOf(b) ||
    Number(readyA !== undefined) - Number(readyB !== undefined) ||
    (readyB ?? 0) - (readyA ?? 0) ||
    restartsOf(b) - restartsOf(a) ||
    (millisOfTime(b.metadata.creationTimestamp ?? '') ?? 0) - (millisOfTime(a.metadata.creationTimestamp ?? '') ?? 0) ||
    // So that the same pods go whoever decides.
    ((a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1)
  );
}

const phaseOf = ({ status }: Pod): number => PHASE[status?.phase ?? ''] ?? 0;
const restartsOf = ({ status }: Pod): number => (status?.containerStatuses ?? []).reduce((most, { restartCount = 0 }) => Math.max(most, restartCount), 0);
