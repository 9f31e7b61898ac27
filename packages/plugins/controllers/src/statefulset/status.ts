import type { Pod, StatefulSet, StatefulSetStatus } from '@orrery/core';
import { availableFrom, isPodAvailable, isPodReady } from '../shared/pods.js';
import { replicasOf, revisionOf } from './identity.js';

/** Names of the revisions between which a set moves. Equal when it rests. */
export interface Revisions {
  readonly current: string;
  readonly update: string;
  readonly collisionCount: number;
}

/** Running and ready (isRunningAndReady). */
export const isRunning = (pod: Pod): boolean => pod.status?.phase === 'Running' && isPodReady(pod);

/** Running, ready for long enough and not on its way out. `now` in milliseconds. */
export const isUsable = (set: StatefulSet, pod: Pod, now: number): boolean =>
  isRunning(pod) && pod.metadata.deletionTimestamp === undefined && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);

/** A status and, when pods are on the way to being available, milliseconds until the next one is. */
export interface StatusPlan {
  readonly status: StatefulSetStatus;
  readonly againAfterMs?: number;
}

/**
 * What the pods come to (computeReplicaStatus), and whether the rolling update is over (completeRollingUpdate). `leaving` are pods that this pass
 * deletes for an update. Pure; `now` in milliseconds.
 */
export function planStatus(set: StatefulSet, pods: readonly Pod[], leaving: readonly Pod[], revisions: Revisions, now: number): StatusPlan {
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  let [ready, available, current, updated] = [0, 0, 0, 0];
  let next = Infinity;
  for (const pod of pods) {
    if (isRunning(pod)) {
      ready += 1;
      if (isPodAvailable(pod, minReadySeconds, now)) available += 1;
      else next = Math.min(next, availableFrom(pod, minReadySeconds) ?? Infinity);
    }
    if (pod.metadata.deletionTimestamp !== undefined || leaving.includes(pod)) continue;
    if (revisionOf(pod) === revisions.current) current += 1;
    if (revisionOf(pod) === revisions.update) updated += 1;
  }
  const wanted = replicasOf(set);
  const complete = set.spec.updateStrategy?.type !== 'OnDelete' && updated === wanted && ready === wanted && pods.length === wanted;
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: pods.length,
    ...(ready > 0 && { readyReplicas: ready }),
    ...((complete ? updated : current) > 0 && { currentReplicas: complete ? updated : current }),
    ...(updated > 0 && { updatedReplicas: updated }),
    currentRevision: complete ? revisions.update : revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
    ...(set.status?.conditions !== undefined && { conditions: set.status.conditions }),
    availableReplicas: available,
  };
  return next === Infinity ? { status } : { status, againAfterMs: Math.max(1, next - now) };
}
