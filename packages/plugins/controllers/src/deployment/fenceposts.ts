import { type Deployment, type IntOrString, type ReplicaSet, scaledIntOrPercent } from '@orrery/core';

// The arithmetic of rolling updates (pkg/controller/deployment/util/deployment_util.go).

/** The wanted number; what the API defaults to 1. */
export const replicasOf = (object: Deployment | ReplicaSet): number => object.spec.replicas ?? 1;

/** Whether pods are replaced step by step. */
export const isRollingUpdate = (deployment: Deployment): boolean => (deployment.spec.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

/**
 * Surge (rounded up) and unavailability (rounded down) as numbers; when both come to 0, one pod may be unavailable, or nothing could ever move.
 * Throws RangeError for a text that is no percentage (ResolveFenceposts).
 */
export function resolveFenceposts(maxSurge: IntOrString | undefined, maxUnavailable: IntOrString | undefined, desired: number): { surge: number; unavailable: number } {
  const surge = scaled(maxSurge, desired, true);
  const unavailable = scaled(maxUnavailable, desired, false);
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

function scaled(value: IntOrString | undefined, total: number, roundUp: boolean): number {
  const number = scaledIntOrPercent(value ?? 0, total, roundUp);
  if (number === undefined) throw new RangeError(`invalid value for IntOrString: invalid type: string is not a percentage (${JSON.stringify(value)})`);
  return number;
}

function limits(deployment: Deployment): { surge: number; unavailable: number } {
  const { maxSurge, maxUnavailable } = deployment.spec.strategy?.rollingUpdate ?? {};
  return resolveFenceposts(maxSurge, maxUnavailable, replicasOf(deployment));
}

/** Pods that may be there beyond the wanted number (MaxSurge). */
export const maxSurge = (deployment: Deployment): number => (isRollingUpdate(deployment) ? limits(deployment).surge : 0);

/** Pods of the wanted number that may be unavailable; never more than all (MaxUnavailable). */
export function maxUnavailable(deployment: Deployment): number {
  const replicas = replicasOf(deployment);
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(limits(deployment).unavailable, replicas);
}

/** Pods that must be available (MinAvailable). */
export const minAvailable = (deployment: Deployment): number => (isRollingUpdate(deployment) ? replicasOf(deployment) - maxUnavailable(deployment) : 0);
