import type { Deployment, ReplicaSet } from '@orrery/core';

/** The number of a template in the history of its deployment. */
export const REVISION = 'deployment.kubernetes.io/revision';
/** The numbers a template had before it was rolled back to, separated by commas. */
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
/** The deployment's wanted number when the set was last scaled. */
export const DESIRED = 'deployment.kubernetes.io/desired-replicas';
/** The same with surge. */
export const MAX = 'deployment.kubernetes.io/max-replicas';

/** Longest revision history kept, in characters. */
const LONGEST_HISTORY = 2000;

/** Annotations of a deployment that its ReplicaSets do not inherit. */
const OWN: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX,
  'deprecated.deployment.rollback.to',
]);

/** The set's revision; 0 when it has none. */
export const revisionOf = (set: ReplicaSet): number => intAnnotation(set, REVISION) ?? 0;

/** An annotation that is a whole number of 32 bits; undefined when absent or none. */
export function intAnnotation(set: ReplicaSet, name: string): number | undefined {
  const text = set.metadata.annotations?.[name];
  if (text === undefined || !/^[+-]?\d{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return (number | 0) === number ? number : undefined;
}

/** The next revision of a deployment with these older sets. */
export const nextRevision = (oldSets: readonly ReplicaSet[]): number => Math.max(0, ...oldSets.map(revisionOf)) + 1;

/** The annotations the current set is to have: the deployment's own, and its revision moved up to `revision` (SetNewReplicaSetAnnotations). */
export function inheritedAnnotations(deployment: Deployment, set: ReplicaSet, revision: number): Record<string, string> {
  const annotations: Record<string, string> = { ...set.metadata.annotations };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!OWN.has(name)) annotations[name] = value;
  const old = annotations[REVISION];
  const oldRevision = old === undefined || old === '' ? 0 : intAnnotation(set, REVISION);
  if (oldRevision === undefined || oldRevision >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (old !== undefined) annotations[REVISION_HISTORY] = longerHistory(annotations[REVISION_HISTORY], old);
  return annotations;
}

function longerHistory(history: string | undefined, revision: string): string {
  const entries = history === undefined || history === '' ? [] : history.split(',');
  entries.push(revision);
  while (entries.length > 1 && entries.join(',').length > LONGEST_HISTORY) entries.shift();
  return entries.join(',');
}

/** The annotations a deployment gets when it goes back to a set: the set's, but of those that are never inherited its own stay (setDeploymentAnnotationsTo). */
export function ownAnnotations(deployment: Deployment, set: ReplicaSet): Record<string, string> {
  const kept = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => OWN.has(name));
  const taken = Object.entries(set.metadata.annotations ?? {}).filter(([name]) => !OWN.has(name));
  return Object.fromEntries([...kept, ...taken]);
}
