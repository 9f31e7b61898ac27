import type { DeploymentCondition, DeploymentStatus } from '@orrery/core';

/** Reasons of the condition Progressing, as kubectl rollout status reads them. */
export const PROGRESS = {
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  createFailed: 'ReplicaSetCreateError',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  timedOut: 'ProgressDeadlineExceeded',
} as const;

/** A condition without its times. */
export type ConditionFacts = Pick<DeploymentCondition, 'type' | 'status' | 'reason' | 'message'>;

/** The condition of a type. */
export const conditionOf = (status: DeploymentStatus | undefined, type: string): DeploymentCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/** The status without a condition. */
export function withoutCondition(status: DeploymentStatus, type: string): DeploymentStatus {
  const { conditions = [], ...rest } = status;
  const left = conditions.filter((condition) => condition.type !== type);
  return left.length > 0 ? { ...rest, conditions: left } : rest;
}

/**
 * The status with a condition set at `now` (a metav1.Time). One that says the same already (status and reason) is left as it is;
 * the time of transition moves only with the status (SetDeploymentCondition).
 */
export function withCondition(status: DeploymentStatus, facts: ConditionFacts, now: string): DeploymentStatus {
  const current = conditionOf(status, facts.type);
  if (current?.status === facts.status && current.reason === facts.reason) return status;
  return putCondition(status, facts, now);
}

/** As {@link withCondition}, but the time of update moves even if nothing else does. */
export function putCondition(status: DeploymentStatus, facts: ConditionFacts, now: string): DeploymentStatus {
  const current = conditionOf(status, facts.type);
  const lastTransitionTime = current?.status === facts.status ? (current.lastTransitionTime ?? now) : now;
  const rest = (status.conditions ?? []).filter(({ type }) => type !== facts.type);
  return { ...status, conditions: [...rest, { ...facts, lastUpdateTime: now, lastTransitionTime }] };
}
