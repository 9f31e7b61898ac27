import { millisOfTime, type Pod } from '@orrery/core';

/** What the autoscaler needs to know of a pod. Times in milliseconds since the epoch. */
export interface PodFacts {
  readonly name: string;
  readonly phase: string;
  readonly deleting: boolean;
  /** The condition Ready, and since when it is as it is. Absent: there is none. */
  readonly ready?: { readonly status: string; readonly since: number };
  readonly startedAt?: number;
}

/** One reading for one pod. */
export interface PodMetric {
  /** Thousandths. */
  readonly value: number;
  /** End of the window, milliseconds since the epoch. */
  readonly timestamp: number;
  readonly windowMs: number;
}

/** Readings by the name of the pod. */
export type PodMetrics = ReadonlyMap<string, PodMetric>;

/** How long new pods are treated with care (options of kube-controller-manager). */
export interface ReadinessRules {
  /** While a pod is younger, a reading of its cpu counts only when it was ready for the whole window; `--horizontal-pod-autoscaler-cpu-initialization-period`. */
  readonly cpuInitializationMs: number;
  /** A pod that turned unready within so long after its start was never ready; `--horizontal-pod-autoscaler-initial-readiness-delay`. */
  readonly initialReadinessDelayMs: number;
}

/** Pods sorted by what their readings are worth. */
export interface PodGroups {
  /** With a reading that counts. */
  readonly ready: number;
  /** Too new or not ready: their readings do not count. */
  readonly unready: ReadonlySet<string>;
  /** Running without a reading. */
  readonly missing: ReadonlySet<string>;
  /** Failed or on their way out. */
  readonly ignored: ReadonlySet<string>;
}

/** What the autoscaler needs to know of this pod. */
export function factsOf(pod: Pod): PodFacts {
  const { metadata, status } = pod;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const startedAt = timeOf(status?.startTime);
  return {
    name: metadata.name ?? '',
    phase: status?.phase ?? 'Pending',
    deleting: metadata.deletionTimestamp !== undefined,
    ...(ready && { ready: { status: ready.status, since: timeOf(ready.lastTransitionTime) ?? 0 } }),
    ...(startedAt !== undefined && { startedAt }),
  };
}

const timeOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : millisOfTime(text));

/** Sorts pods (groupPods of kube-controller-manager's replica calculator). `resource` is '' for metrics that are no resources. Pure. */
export function groupPods(pods: readonly PodFacts[], metrics: PodMetrics, resource: string, rules: ReadinessRules, now: number): PodGroups {
  const [unready, missing, ignored] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let ready = 0;
  for (const pod of pods) {
    const metric = metrics.get(pod.name);
    if (pod.deleting || pod.phase === 'Failed') ignored.add(pod.name);
    else if (pod.phase === 'Pending') unready.add(pod.name);
    else if (metric === undefined) missing.add(pod.name);
    else if (resource === 'cpu' && isUnready(pod, metric, rules, now)) unready.add(pod.name);
    else ready += 1;
  }
  return { ready, unready, missing, ignored };
}

/** Whether a reading of cpu says more about the start of the pod than about its load. */
function isUnready({ ready, startedAt }: PodFacts, metric: PodMetric, rules: ReadinessRules, now: number): boolean {
  if (ready === undefined || startedAt === undefined) return true;
  const isFalse = ready.status === 'False';
  if (startedAt + rules.cpuInitializationMs > now) return isFalse || metric.timestamp < ready.since + metric.windowMs;
  return isFalse && startedAt + rules.initialReadinessDelayMs > ready.since;
}
