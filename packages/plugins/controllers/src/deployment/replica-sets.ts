import { type Deployment, equalJson, millisOfTime, type PodTemplateSpec, type ReplicaSet } from '@orrery/core';
import { DESIRED, MAX } from './annotations.js';
import { maxSurge, replicasOf } from './fenceposts.js';

/** Tells the pods of one template from those of another; part of the ReplicaSet's selector and name. */
export const HASH_LABEL = 'pod-template-hash';

/** The wanted numbers added up (GetReplicaCountForReplicaSets). */
export const specReplicas = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + replicasOf(set), 0);
/** The pods there are (GetActualReplicaCountForReplicaSets). */
export const actualReplicas = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.replicas ?? 0), 0);
/** The available pods. */
export const availableReplicas = (sets: readonly ReplicaSet[]): number => sets.reduce((sum, set) => sum + (set.status?.availableReplicas ?? 0), 0);
/** Those that want pods (FilterActiveReplicaSets). */
export const active = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((set) => replicasOf(set) > 0);

/** Order by creation, then by name: the oldest first (ReplicaSetsByCreationTimestamp). */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const age = created(a) - created(b);
  return age !== 0 ? age : compareNames(a, b);
}
/** The largest first; of equals the newest. */
export const bySizeNewest = (a: ReplicaSet, b: ReplicaSet): number => replicasOf(b) - replicasOf(a) || byAge(b, a);
/** The largest first; of equals the oldest. */
export const bySizeOldest = (a: ReplicaSet, b: ReplicaSet): number => replicasOf(b) - replicasOf(a) || byAge(a, b);

const created = (set: ReplicaSet): number => millisOfTime(set.metadata.creationTimestamp ?? '') ?? 0;
const compareNames = (a: ReplicaSet, b: ReplicaSet): number => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);

/** Equality of templates but for the hash label (EqualIgnoreHash). */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return equalJson(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata?.labels ?? {};
  const { labels: _labels, ...metadata } = template.metadata ?? {};
  return { ...template, metadata: { ...metadata, ...(Object.keys(labels).length > 0 && { labels }) } };
}

/** The ReplicaSet that has the deployment's template (the oldest, should there be several), and all others, oldest first (FindNewReplicaSet). */
export function splitByTemplate(deployment: Deployment, sets: readonly ReplicaSet[]): { readonly newSet: ReplicaSet | undefined; readonly oldSets: readonly ReplicaSet[] } {
  const sorted = [...sets].sort(byAge);
  const newSet = sorted.find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { newSet, oldSets: sorted.filter((set) => set !== newSet) };
}

/** The set with another size, and the deployment's numbers written on it; the same object when nothing would change (scaleReplicaSet). */
export function resized(deployment: Deployment, set: ReplicaSet, replicas: number): ReplicaSet {
  const annotations = { ...set.metadata.annotations, [DESIRED]: String(replicasOf(deployment)), [MAX]: String(replicasOf(deployment) + maxSurge(deployment)) };
  if (replicas === replicasOf(set) && equalJson(annotations, set.metadata.annotations ?? {})) return set;
  return { ...set, metadata: { ...set.metadata, annotations }, spec: { ...set.spec, replicas } };
}
