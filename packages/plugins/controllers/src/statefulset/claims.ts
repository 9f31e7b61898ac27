import { type OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';
import { claimName, inRange } from './identity.js';

// The claims of a set's pods, and who is to take them along when it goes (persistentVolumeClaimRetentionPolicy, KEP 1847).

/** The pod a claim is for, as far as it is known: one that is yet to be made has no uid. */
export interface ClaimUser {
  readonly name: string;
  readonly uid: string | undefined;
  readonly ordinal: number;
}

interface Kept {
  readonly whenDeleted: boolean;
  readonly whenScaled: boolean;
}

function deletes({ spec: { persistentVolumeClaimRetentionPolicy: policy } }: StatefulSet): Kept {
  return { whenDeleted: policy?.whenDeleted === 'Delete', whenScaled: policy?.whenScaled === 'Delete' };
}

/** The claims of the pod with an ordinal, as they are made (getPersistentVolumeClaims). They are owned from the start where the policy says so. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  const byName = new Map<string, PersistentVolumeClaim>();
  for (const { metadata, spec } of set.spec.volumeClaimTemplates ?? []) {
    const name = claimName(set, metadata.name ?? '', ordinal);
    const owners = deletes(set).whenDeleted && inRange(set, ordinal) ? [controllerRefOf(set)] : [];
    byName.set(name, {
      apiVersion: PersistentVolumeClaim.apiVersion,
      kind: PersistentVolumeClaim.kind,
      metadata: {
        ...metadata,
        name,
        ...(set.metadata.namespace !== undefined && { namespace: set.metadata.namespace }),
        labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
        ...(owners.length > 0 && { ownerReferences: owners }),
      },
      spec,
    });
  }
  return [...byName.values()];
}

const matchesSet = (set: StatefulSet, ref: OwnerReference): boolean => ref.apiVersion === StatefulSet.apiVersion && ref.kind === StatefulSet.kind && ref.name === set.metadata.name;
const matchesPod = (pod: ClaimUser, ref: OwnerReference): boolean => ref.apiVersion === Pod.apiVersion && ref.kind === Pod.kind && ref.name === pod.name;
const refsOf = (claim: PersistentVolumeClaim): readonly OwnerReference[] => claim.metadata.ownerReferences ?? [];

/**
 * Whether a claim still goes with an earlier pod of the same name, which is scaled away: a new pod waits until it is gone (PodClaimIsStale).
 */
export function isStale(set: StatefulSet, pod: ClaimUser, claim: PersistentVolumeClaim): boolean {
  return deletes(set).whenScaled && refsOf(claim).some((ref) => matchesPod(pod, ref) && ref.uid !== pod.uid);
}

/** Whether somebody else manages the claim, or an earlier set or pod of the same name: then the policy is not kept for it (hasUnexpectedController). */
export function isForeign(set: StatefulSet, pod: ClaimUser, claim: PersistentVolumeClaim): boolean {
  const { whenDeleted, whenScaled } = deletes(set);
  if (!whenDeleted && !whenScaled) return false;
  return refsOf(claim).some((ref) => {
    if (matchesSet(set, ref)) return ref.uid !== set.metadata.uid;
    if (matchesPod(pod, ref)) return ref.uid !== pod.uid;
    return ref.controller === true;
  });
}

/**
 * The owners a claim should have, or undefined when it has them. While its pod is wanted it goes with the set (whenDeleted), afterwards with the pod
 * (whenScaled). A claim of an earlier set or pod is left alone; one that somebody else manages loses our references (isClaimOwnerUpToDate). Pure.
 */
export function correctedOwners(set: StatefulSet, pod: ClaimUser, claim: PersistentVolumeClaim): readonly OwnerReference[] | undefined {
  const refs = refsOf(claim);
  const ours = (ref: OwnerReference): boolean => matchesSet(set, ref) || matchesPod(pod, ref);
  if (refs.some((ref) => ours(ref) && ref.uid !== (matchesSet(set, ref) ? set.metadata.uid : pod.uid))) return undefined;
  const others = refs.filter((ref) => !ours(ref));
  const wanted = isForeign(set, pod, claim) ? [] : wantedOwners(set, pod);
  const present = refs.filter(ours);
  const same = present.length === wanted.length && wanted.every((owner) => present.some(({ uid, controller }) => uid === owner.uid && controller === true));
  return same ? undefined : [...others, ...wanted];
}

function wantedOwners(set: StatefulSet, pod: ClaimUser): readonly OwnerReference[] {
  const { whenDeleted, whenScaled } = deletes(set);
  if (whenScaled && !inRange(set, pod.ordinal)) return pod.uid === undefined ? [] : [podRef(pod, pod.uid)];
  return whenDeleted ? [controllerRefOf(set)] : [];
}

const podRef = ({ name }: ClaimUser, uid: string): OwnerReference => ({ apiVersion: Pod.apiVersion, kind: Pod.kind, name, uid, controller: true, blockOwnerDeletion: true });
