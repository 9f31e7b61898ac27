import { groupPods, type PodFacts, type PodMetric, type PodMetrics, type ReadinessRules } from './pod-groups.js';
import type { Requests } from './requests.js';

// How many replicas one metric asks for: kube-controller-manager's replica calculator. Amounts in thousandths, times in milliseconds since the epoch. Pure.

/** How far the ratio of use to target may be from 1 before anything is done. */
export interface Tolerance {
  readonly scaleUp: number;
  readonly scaleDown: number;
}

/** What a metric asks for, or why it cannot be told. */
export type Proposal = { readonly replicas: number; /** Per pod, or of the whole for object and external values. */ readonly usage: number; /** Per cent of the requests. */ readonly utilization?: number } | { readonly error: string };

/** What every calculation over pods is told. */
export interface PodsView extends ReadinessRules {
  readonly currentReplicas: number;
  readonly tolerance: Tolerance;
  readonly pods: readonly PodFacts[];
  readonly metrics: PodMetrics;
  readonly now: number;
}

const MAX_INT32 = 2 ** 31 - 1;

/** Rounded up, within what a count of replicas can be. */
const replicasFrom = (count: number): number => Math.min(Math.ceil(count), MAX_INT32);

const isWithin = ({ scaleUp, scaleDown }: Tolerance, ratio: number): boolean => 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;

/** By per cent of what the pods ask for. `target` in per cent. */
export function replicasByUtilization(view: PodsView, resource: string, target: number, requested: () => Requests): Proposal {
  const known = countedMetrics(view, resource);
  if ('error' in known) return known;
  const found = requested();
  if ('error' in found) return found;
  const { requests } = found;
  const ratioOf = (metrics: PodMetrics): Ratio | { readonly error: string } => utilizationRatio(metrics, requests, target);
  const first = ratioOf(known.metrics);
  if ('error' in first) return first;
  // Those that targets above 100% concern use more than they ask for.
  const fallback = (name: string): number => Math.floor(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
  return propose(view, known, first, ratioOf, fallback);
}

/** By the mean per pod: of a resource, or with `resource` '' of a metric of the pods' own. */
export function replicasByAverage(view: PodsView, resource: string, target: number): Proposal {
  const known = countedMetrics(view, resource);
  if ('error' in known) return known;
  const ratioOf = (metrics: PodMetrics): Ratio => averageRatio(metrics, target);
  return propose(view, known, ratioOf(known.metrics), ratioOf, () => target);
}

/** What calculations by a single value are told. */
export interface ValueView {
  /** Wanted replicas; for averages: those there are. */
  readonly currentReplicas: number;
  readonly tolerance: Tolerance;
  readonly pods: readonly PodFacts[];
}

/** By the value of an object's or an external metric: `target` is what all replicas together should see. Works from zero. */
export function replicasByValue({ currentReplicas, tolerance, pods }: ValueView, usage: number, target: number): Proposal {
  const ratio = usage / target;
  if (currentReplicas === 0) return { replicas: replicasFrom(ratio), usage };
  if (isWithin(tolerance, ratio)) return { replicas: currentReplicas, usage };
  if (pods.length === 0) return { error: 'unable to calculate ready pods: no pods returned by selector while calculating replica count' };
  const ready = pods.filter((pod) => pod.phase === 'Running' && pod.ready?.status === 'True').length;
  return { replicas: replicasFrom(ratio * ready), usage };
}

/** By the value of an object's or an external metric, shared by the replicas there are: `target` is per replica. Works from zero. */
export function replicasByShare({ currentReplicas, tolerance }: Omit<ValueView, 'pods'>, usage: number, target: number): Proposal {
  const ratio = usage / (target * currentReplicas);
  const replicas = isWithin(tolerance, ratio) ? currentReplicas : replicasFrom(usage / target);
  return { replicas, usage: currentReplicas === 0 ? usage : Math.ceil(usage / currentReplicas) };
}

interface Known {
  readonly metrics: PodMetrics;
  readonly ready: number;
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

interface Ratio {
  readonly ratio: number;
  readonly usage: number;
  readonly utilization?: number;
}

function countedMetrics(view: PodsView, resource: string): Known | { readonly error: string } {
  if (view.pods.length === 0) return { error: 'no pods returned by selector while calculating replica count' };
  const { ready, unready, missing, ignored } = groupPods(view.pods, view.metrics, resource, view, view.now);
  const metrics = new Map([...view.metrics].filter(([name]) => !ignored.has(name) && !unready.has(name)));
  if (metrics.size === 0) return { error: 'did not receive metrics for targeted pods (pods might be unready)' };
  return { metrics, ready, unready, missing };
}

/**
 * Pods without a reading are taken to use as much as they may when scaling down and nothing when scaling up, unready ones nothing when scaling up.
 * Where that would turn the direction round, nothing changes.
 */
function propose(view: PodsView, known: Known, first: Ratio, ratioOf: (metrics: PodMetrics) => Ratio | { readonly error: string }, fallback: (name: string) => number): Proposal {
  const { currentReplicas, tolerance } = view;
  const { ready, unready, missing } = known;
  const { ratio, usage, utilization } = first;
  const answer = (replicas: number): Proposal => ({ replicas, usage, ...(utilization !== undefined && { utilization }) });
  const fillUnready = unready.size > 0 && ratio > 1;
  if (!fillUnready && missing.size === 0) return answer(isWithin(tolerance, ratio) ? currentReplicas : replicasFrom(ratio * ready));

  const filled = new Map(known.metrics);
  const fill = (name: string, value: number): void => void filled.set(name, { value, timestamp: 0, windowMs: 0 } satisfies PodMetric);
  if (ratio < 1) for (const name of missing) fill(name, fallback(name));
  if (ratio > 1) for (const name of missing) fill(name, 0);
  if (fillUnready) for (const name of unready) fill(name, 0);

  const second = ratioOf(filled);
  if ('error' in second) return second;
  const turnsRound = (ratio < 1 && second.ratio > 1) || (ratio > 1 && second.ratio < 1);
  if (isWithin(tolerance, second.ratio) || turnsRound) return answer(currentReplicas);
  const replicas = replicasFrom(second.ratio * filled.size);
  const wrongWay = (second.ratio < 1 && replicas > currentReplicas) || (second.ratio > 1 && replicas < currentReplicas);
  return answer(wrongWay ? currentReplicas : replicas);
}

function utilizationRatio(metrics: PodMetrics, requests: ReadonlyMap<string, number>, target: number): Ratio | { readonly error: string } {
  let [used, asked, count] = [0, 0, 0];
  for (const [name, { value }] of metrics) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    asked += request;
    count += 1;
  }
  if (asked === 0) return { error: 'no metrics returned matched known pods' };
  // Whole per cents, in integers as Kubernetes has them: bytes in thousandths times 100 are beyond what a number holds exactly.
  const utilization = Number((BigInt(used) * 100n) / BigInt(asked));
  return { ratio: utilization / target, usage: Math.trunc(used / count), utilization };
}

function averageRatio(metrics: PodMetrics, target: number): Ratio {
  let used = 0;
  for (const { value } of metrics.values()) used += value;
  const usage = Math.trunc(used / metrics.size);
  return { ratio: usage / target, usage };
}
