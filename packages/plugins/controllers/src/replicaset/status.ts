import { matcherOfLabels, type Pod, type ReplicaSet, type ReplicaSetCondition, type ReplicaSetStatus, timeOfMillis } from '@orrery/core';
import { isPodAvailable, isPodReady, readySince } from '../shared/pods.js';

/** Why not all replicas could be made or removed. */
export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

/** A status and, when pods are on the way to being available, milliseconds until the next one is. */
export interface StatusPlan {
  readonly status: ReplicaSetStatus;
  readonly againAfterMs?: number;
}

/** What the pods come to (replicaset calculateStatus). `active` and `terminating` are the set's own pods. Pure; `now` in milliseconds. */
export function planStatus(set: ReplicaSet, active: readonly Pod[], terminating: number, failure: ReplicaFailure | undefined, now: number): StatusPlan {
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const template = matcherOfLabels(set.spec.template.metadata?.labels);
  let [labelled, ready, available] = [0, 0, 0];
  let next = Infinity;
  for (const pod of active) {
    if (template.matches(pod.metadata.labels)) labelled += 1;
    if (!isPodReady(pod)) continue;
    ready += 1;
    if (isPodAvailable(pod, minReadySeconds, now)) available += 1;
    else next = Math.min(next, (readySince(pod) ?? now) + minReadySeconds * 1000);
  }
  const conditions = withFailure(set.status?.conditions, failure, now);
  const status: ReplicaSetStatus = {
    replicas: active.length,
    ...(labelled > 0 && { fullyLabeledReplicas: labelled }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    terminatingReplicas: terminating,
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  };
  return next === Infinity ? { status } : { status, againAfterMs: Math.max(1, next - now) };
}

function withFailure(current: readonly ReplicaSetCondition[] = [], failure: ReplicaFailure | undefined, now: number): ReplicaSetCondition[] {
  const known = current.find(({ type }) => type === 'ReplicaFailure');
  const rest = current.filter((condition) => condition !== known);
  if (failure === undefined) return rest;
  // The first failure stays until it is over, as in Kubernetes: a message that changes with each attempt would be a write each.
  return known === undefined ? [...rest, { type: 'ReplicaFailure', status: 'True', ...failure, lastTransitionTime: timeOfMillis(now) }] : [...current];
}
