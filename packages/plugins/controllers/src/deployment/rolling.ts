import type { Deployment, ReplicaSet } from '@orrery/core';
import { isRollingUpdate, maxSurge, maxUnavailable, minAvailable, replicasOf } from './fenceposts.js';
import { active, byAge, specReplicas } from './replica-sets.js';

/** A set and the size it is to have. */
export interface Resize {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/** What one pass does: scale the new set, or else the old ones, or nothing. */
export interface RollingStep {
  readonly acted: 'new' | 'old' | 'none';
  readonly resizes: readonly Resize[];
}

/** The size of the new set that surge and the other sets leave room for (NewRSNewReplicas). `all` includes the new set. */
export function newSetReplicas(deployment: Deployment, all: readonly ReplicaSet[], newSet: ReplicaSet): number {
  const wanted = replicasOf(deployment);
  if (!isRollingUpdate(deployment)) return wanted;
  const room = wanted + maxSurge(deployment) - specReplicas(all);
  const current = replicasOf(newSet);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** One pass of a rolling update: first the new set as far as surge allows, and when that is done the old ones as far as availability allows. Pure. */
export function planRollingStep(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): RollingStep {
  const wanted = replicasOf(deployment);
  const current = replicasOf(newSet);
  if (current !== wanted) {
    const replicas = current > wanted ? wanted : newSetReplicas(deployment, [...oldSets, newSet], newSet);
    if (replicas !== current) return { acted: 'new', resizes: [{ set: newSet, replicas }] };
  }
  const resizes = shrinkOldSets(deployment, newSet, oldSets);
  return { acted: resizes.length > 0 ? 'old' : 'none', resizes };
}

/**
 * The available pods of a set that stay: those above its size are asked to go already, though its status still has them. (Kubernetes counts them, and so may take away
 * too many when the template changes again before a set that was scaled down has said so.)
 */
const staying = (set: ReplicaSet): number => Math.min(replicasOf(set), set.status?.availableReplicas ?? 0);

/** Scales the old sets down: what is not healthy first, then what availability can spare (reconcileOldReplicaSets). */
function shrinkOldSets(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): readonly Resize[] {
  const old = active(oldSets).sort(byAge);
  if (old.length === 0) return [];
  const newUnavailable = replicasOf(newSet) - staying(newSet);
  const most = specReplicas([...old, newSet]) - (replicasOf(deployment) - maxUnavailable(deployment)) - newUnavailable;
  if (most <= 0) return [];
  const sizes = new Map(old.map((set) => [set, replicasOf(set)]));
  const size = (set: ReplicaSet): number => sizes.get(set) ?? 0;
  let cleaned = 0;
  for (const set of old) {
    const unhealthy = size(set) - staying(set);
    if (cleaned >= most || unhealthy <= 0) continue;
    const less = Math.min(most - cleaned, unhealthy);
    sizes.set(set, size(set) - less);
    cleaned += less;
  }
  let spare = [...old, newSet].reduce((sum, set) => sum + staying(set), 0) - minAvailable(deployment);
  for (const set of old) {
    if (spare <= 0) break;
    const less = Math.min(size(set), spare);
    sizes.set(set, size(set) - less);
    spare -= less;
  }
  return old.filter((set) => size(set) !== replicasOf(set)).map((set) => ({ set, replicas: size(set) }));
}
