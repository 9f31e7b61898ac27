import { applyPatch, type ControllerRevision, type Deployment, type KindDefinition, type ReplicaSet } from '@orrery/core';
import { ownAnnotations, revisionOf } from '../deployment/annotations.js';
import { HASH_LABEL } from '../deployment/replica-sets.js';
import type { Versioned } from './revisions.js';

/** One line of `kubectl rollout history`. */
export interface HistoryEntry {
  readonly revision: number;
  /** What the annotation `kubernetes.io/change-cause` said then. */
  readonly changeCause?: string;
}

const CHANGE_CAUSE = 'kubernetes.io/change-cause';

/** The states an object can be rolled back to, the oldest first: of a Deployment its ReplicaSets, else the revisions it owns. Pure. */
export function historyOf(kept: readonly (ControllerRevision | ReplicaSet)[]): readonly HistoryEntry[] {
  const entries = kept.map((one): HistoryEntry => {
    const changeCause = one.metadata.annotations?.[CHANGE_CAUSE];
    return { revision: numberOf(one), ...(changeCause !== undefined && { changeCause }) };
  });
  return entries.filter(({ revision }) => revision > 0).toSorted((a, b) => a.revision - b.revision);
}

const numberOf = (one: ControllerRevision | ReplicaSet): number => ('revision' in one ? one.revision : revisionOf(one));

/** The state with that number; 0 means the one before the latest, as `kubectl rollout undo` does. Undefined when there is none. Pure. */
export function findRevision<T extends ControllerRevision | ReplicaSet>(kept: readonly T[], revision = 0): T | undefined {
  const sorted = kept.filter((one) => numberOf(one) > 0).toSorted((a, b) => numberOf(a) - numberOf(b));
  return revision === 0 ? sorted.at(-2) : sorted.find((one) => numberOf(one) === revision);
}

/** The object as it was in a revision of it: the stored patch applied (ApplyRevision). Written back, the controller rolls to it. Pure. */
export function revertTo<T extends Versioned>(kind: KindDefinition<T>, object: T, { data = {} }: ControllerRevision): T {
  return applyPatch(kind as unknown as KindDefinition, 'strategic', object, data) as T;
}

/** The deployment with the template, and the annotations, it had when the set was its current one. Pure. */
export function revertDeployment(deployment: Deployment, set: ReplicaSet): Deployment {
  const { metadata, spec } = set.spec.template;
  const { [HASH_LABEL]: _hash, ...labels } = metadata?.labels ?? {};
  const template = { ...(metadata !== undefined && { metadata: { ...metadata, labels } }), spec };
  return { ...deployment, metadata: { ...deployment.metadata, annotations: ownAnnotations(deployment, set) }, spec: { ...deployment.spec, template } };
}

