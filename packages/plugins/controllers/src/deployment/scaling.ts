import type { Deployment, ReplicaSet } from '@orrery/core';
import { DESIRED, intAnnotation, MAX } from './annotations.js';
import { isRollingUpdate, maxSurge, replicasOf } from './fenceposts.js';
import { active, byAge, bySizeNewest, bySizeOldest, specReplicas } from './replica-sets.js';
import type { Resize } from './rolling.js';

/** Whether somebody changed the deployment's size since its sets were last scaled (isScalingEvent). */
export function isScalingEvent(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return active(sets).some((set) => {
    const desired = intAnnotation(set, DESIRED);
    return desired !== undefined && desired !== replicasOf(deployment);
  });
}

/** The whole rollout is in this set and available (IsSaturated). */
export function isSaturated(deployment: Deployment, set: ReplicaSet | undefined): boolean {
  const wanted = replicasOf(deployment);
  return set !== undefined && replicasOf(set) === wanted && intAnnotation(set, DESIRED) === wanted && (set.status?.availableReplicas ?? 0) === wanted;
}

/**
 * The sizes after a change of the deployment's size, without moving the rollout on: one active set gets it all, several get their proportional
 * share, so that a bad template's share does not grow beyond what it had (DeploymentController.scale). Pure.
 */
export function planScale(deployment: Deployment, newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[]): readonly Resize[] {
  const wanted = replicasOf(deployment);
  const only = activeOrLatest(newSet, oldSets);
  if (only !== undefined) return replicasOf(only) === wanted ? [] : [{ set: only, replicas: wanted }];
  if (isSaturated(deployment, newSet)) return active(oldSets).map((set) => ({ set, replicas: 0 }));
  return isRollingUpdate(deployment) ? proportional(deployment, active(newSet === undefined ? oldSets : [...oldSets, newSet])) : [];
}

/** The only set with pods; without any the newest; undefined when there are several, or none at all (FindActiveOrLatest). */
function activeOrLatest(newSet: ReplicaSet | undefined, oldSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const running = active(newSet === undefined ? oldSets : [...oldSets, newSet]);
  if (running.length > 1) return undefined;
  return running[0] ?? newSet ?? [...oldSets].sort(byAge).at(-1);
}

function proportional(deployment: Deployment, sets: readonly ReplicaSet[]): readonly Resize[] {
  const wanted = replicasOf(deployment);
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - specReplicas(sets);
  const sorted = [...sets].sort(toAdd > 0 ? bySizeNewest : bySizeOldest);
  let added = 0;
  const sizes = sorted.map((set) => {
    const share = shareOf(deployment, set, toAdd, added);
    added += share;
    return replicasOf(set) + share;
  });
  // Rounding leaves something over; the first, which is the largest, takes it.
  if (sizes[0] !== undefined && toAdd !== 0) sizes[0] = Math.max(0, sizes[0] + toAdd - added);
  return sorted.map((set, i) => ({ set, replicas: sizes[i] ?? 0 }));
}

/** What a set gets of the pods to add (negative: to remove) (GetReplicaSetProportion). */
function shareOf(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(set) === 0 || toAdd === 0 || toAdd === added) return 0;
  const share = fractionOf(deployment, set);
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
}

function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  const wanted = replicasOf(deployment);
  const size = replicasOf(set);
  if (wanted === 0) return -size;
  // Without a note of the largest size it had, what the deployment has now must do.
  const before = intAnnotation(set, MAX) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return roundToInt((size * (wanted + maxSurge(deployment))) / before) - size;
}

/** Half away from zero (integer.RoundToInt32). */
const roundToInt = (value: number): number => Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
