import { compareQuantities, labelMatcher, matchesNodeSelectorTerm, type Node, parseQuantity, type PersistentVolume, type PersistentVolumeClaim, type Quantity, ZERO_QUANTITY } from '@orrery/core';

const amount = (text: string | undefined): Quantity => parseQuantity(text ?? '') ?? ZERO_QUANTITY;

/** Whether a volume is meant for a claim: its `claimRef` names it, and no other of that name. */
export function isFor({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (claimRef === undefined || claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return (claimRef.uid ?? '') === '' || claimRef.uid === metadata.uid;
}

/** Whether a node reaches a volume. */
export function reaches(node: Node, { spec }: PersistentVolume): boolean {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesNodeSelectorTerm(term, node));
}

/**
 * The volume a claim gets of those there are: one that was made for it, else the smallest that is large enough, free, of its class, mode and
 * access, with the labels it asks for, and within reach of the node if one is given (component-helpers FindMatchingVolume). Pure.
 */
export function findVolume(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[], node?: Node): PersistentVolume | undefined {
  const asked = amount(claim.spec.resources?.requests?.['storage']);
  const size = ({ spec }: PersistentVolume): Quantity => amount(spec.capacity?.['storage']);
  const fits = (volume: PersistentVolume): boolean => {
    const { spec, metadata, status } = volume;
    if (metadata.deletionTimestamp !== undefined || compareQuantities(size(volume), asked) < 0) return false;
    if ((spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? '') || spec.volumeMode !== claim.spec.volumeMode) return false;
    if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) return false;
    if (node !== undefined && !reaches(node, volume)) return false;
    if (spec.claimRef !== undefined) return isFor(volume, claim);
    return status?.phase === 'Available' && (claim.spec.selector === undefined || labelMatcher(claim.spec.selector).matches(metadata.labels));
  };
  const candidates = volumes.filter(fits);
  return candidates.find((volume) => volume.spec.claimRef !== undefined) ?? candidates.sort((a, b) => compareQuantities(size(a), size(b)) || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '', 'en'))[0];
}
