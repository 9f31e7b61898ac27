import { type Deployment, type DeploymentStatus, millisOfTime, type ReplicaSet, timeOfMillis } from '@orrery/core';
import { conditionOf, PROGRESS, putCondition, withCondition, withoutCondition } from './conditions.js';
import { maxUnavailable, replicasOf } from './fenceposts.js';
import { actualReplicas, availableReplicas } from './replica-sets.js';

const NO_DEADLINE = 2_147_483_647;

/** Whether lack of progress is to be reported at all. */
export const hasProgressDeadline = ({ spec }: Deployment): boolean => spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== NO_DEADLINE;

/** The numbers and the condition Available, from what the sets say (calculateStatus). Pure; `now` in milliseconds since the epoch. */
export function calculateStatus(deployment: Deployment, newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[], now: number): DeploymentStatus {
  const all = newSet === undefined ? oldSets : [...oldSets, newSet];
  const replicas = actualReplicas(all);
  const available = availableReplicas(all);
  const terminating = all.map((set) => set.status?.terminatingReplicas);
  const { conditions, collisionCount } = deployment.status ?? {};
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...count('replicas', replicas),
    ...count('updatedReplicas', actualReplicas(newSet === undefined ? [] : [newSet])),
    ...count('readyReplicas', all.reduce((sum, set) => sum + (set.status?.readyReplicas ?? 0), 0)),
    ...count('availableReplicas', available),
    ...count('unavailableReplicas', Math.max(0, replicas - available)),
    // A set that does not say makes the sum unknown.
    ...(terminating.every((number) => number !== undefined) && { terminatingReplicas: terminating.reduce<number>((sum, number) => sum + (number ?? 0), 0) }),
    ...(collisionCount !== undefined && { collisionCount }),
    ...(conditions !== undefined && { conditions }),
  };
  const enough = available >= replicasOf(deployment) - maxUnavailable(deployment);
  return withCondition(
    status,
    enough
      ? { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
      : { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' },
    timeOfMillis(now),
  );
}

/** Kubernetes leaves numbers out that are 0. */
const count = <K extends keyof DeploymentStatus>(name: K, value: number): Partial<Record<K, number>> =>
  value === 0 ? {} : ({ [name]: value } as Partial<Record<K, number>>);

/** The rollout is done: every pod is of the current template and available (DeploymentComplete). */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  const { updatedReplicas = 0, replicas = 0, availableReplicas: available = 0, observedGeneration = 0 } = status;
  return updatedReplicas === wanted && replicas === wanted && available === wanted && observedGeneration >= (deployment.metadata.generation ?? 0);
}

/** More pods of the current template, fewer of the others, or more that are ready or available, than the last status said (DeploymentProgressing). */
export function isProgressing(deployment: Deployment, status: DeploymentStatus): boolean {
  const before = deployment.status ?? {};
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number => replicas - updatedReplicas;
  const more = (name: 'updatedReplicas' | 'readyReplicas' | 'availableReplicas'): boolean => (status[name] ?? 0) > (before[name] ?? 0);
  return more('updatedReplicas') || more('readyReplicas') || more('availableReplicas') || old(status) < old(before);
}

/** No progress for longer than the deadline (DeploymentTimedOut). A rollout that was complete does not time out. */
function isTimedOut(deployment: Deployment, status: DeploymentStatus, now: number): boolean {
  const condition = conditionOf(status, 'Progressing');
  if (condition === undefined || condition.reason === PROGRESS.available) return false;
  if (condition.reason === PROGRESS.timedOut) return true;
  return deadlineOf(deployment, condition.lastUpdateTime) < now;
}

const deadlineOf = ({ spec }: Deployment, since: string | undefined): number => (millisOfTime(since ?? '') ?? 0) + (spec.progressDeadlineSeconds ?? 0) * 1000;

/** The status while a rollout may be under way: the numbers, and how it progresses (syncRolloutStatus). Pure. */
export function rolloutStatus(deployment: Deployment, newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[], now: number): DeploymentStatus {
  let status = calculateStatus(deployment, newSet, oldSets, now);
  if (hasProgressDeadline(deployment)) status = progress(deployment, status, newSet, now);
  else status = withoutCondition(status, 'Progressing');
  const failure = [...(newSet === undefined ? [] : [newSet]), ...oldSets].flatMap((set) => set.status?.conditions ?? []).find(({ type }) => type === 'ReplicaFailure');
  if (failure === undefined) return withoutCondition(status, 'ReplicaFailure');
  const { reason, message } = failure;
  return withCondition(status, { type: 'ReplicaFailure', status: failure.status, ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) }, timeOfMillis(now));
}

function progress(deployment: Deployment, status: DeploymentStatus, newSet: ReplicaSet | undefined, now: number): DeploymentStatus {
  const current = conditionOf(deployment.status, 'Progressing');
  // Only one template has pods and its rollout was finished: this is no new rollout.
  if (current?.reason === PROGRESS.available && (status.replicas ?? 0) === (status.updatedReplicas ?? 0)) return status;
  const subject = newSet === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newSet.metadata.name}"`;
  const time = timeOfMillis(now);
  if (isComplete(deployment, status)) {
    return withCondition(status, { type: 'Progressing', status: 'True', reason: PROGRESS.available, message: `${subject} has successfully progressed.` }, time);
  }
  if (isProgressing(deployment, status)) {
    return putCondition(status, { type: 'Progressing', status: 'True', reason: PROGRESS.updated, message: `${subject} is progressing.` }, time);
  }
  if (isTimedOut(deployment, status, now)) {
    return withCondition(status, { type: 'Progressing', status: 'False', reason: PROGRESS.timedOut, message: `${subject} has timed out progressing.` }, time);
  }
  return status;
}

/** Milliseconds until lack of progress may have to be reported; undefined when nothing is awaited (requeueStuckDeployment). */
export function progressCheckAfter(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const condition = conditionOf(status, 'Progressing');
  if (!hasProgressDeadline(deployment) || condition === undefined || deployment.spec.paused === true) return undefined;
  if (isComplete(deployment, status) || condition.reason === PROGRESS.timedOut || condition.reason === PROGRESS.available) return undefined;
  // Times are written in whole seconds: one more makes sure that the deadline has passed by then.
  return Math.max(0, deadlineOf(deployment, condition.lastUpdateTime) - now) + 1000;
}

/** What pausing and resuming does to the condition Progressing (checkPausedConditions). */
export function pausedStatus(deployment: Deployment, now: number): DeploymentStatus {
  const status = deployment.status ?? {};
  if (!hasProgressDeadline(deployment)) return status;
  const reason = conditionOf(status, 'Progressing')?.reason;
  if (reason === PROGRESS.timedOut) return status;
  const paused = deployment.spec.paused === true;
  if (paused === (reason === PROGRESS.paused)) return status;
  const facts = paused ? { reason: PROGRESS.paused, message: 'Deployment is paused' } : { reason: PROGRESS.resumed, message: 'Deployment is resumed' };
  return withCondition(status, { type: 'Progressing', status: 'Unknown', ...facts }, timeOfMillis(now));
}
