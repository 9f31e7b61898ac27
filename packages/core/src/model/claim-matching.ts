import type { Node } from './kinds/node.js';
import type { PersistentVolume } from './kinds/persistent-volume.js';
import type { PersistentVolumeClaim } from './kinds/persistent-volume-claim.js';
import { labelMatcher } from './label-selector.js';
import { matchesNodeSelectorTerm } from './node-selector.js';
import { type Quantity, ZERO_QUANTITY, compareQuantities, parseQuantity } from './quantity.js';

const amount = (text: string | undefined): Quantity => parseQuantity(text ?? '') ?? ZERO_QUANTITY;
const sizeOf = ({ spec }: PersistentVolume): Quantity => amount(spec.capacity?.['storage']);

/** Whether a volume is meant for a claim: its `claimRef` names it, and no other claim of that name (volume.IsVolumeBoundToClaim). */
export function isVolumeFor({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (claimRef === undefined || claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return (claimRef.uid ?? '') === '' || claimRef.uid === metadata.uid;
}

/** Whether a node reaches a volume: it fits the volume's node affinity, if there is one (volume.CheckNodeAffinity). */
export function reachesVolume(node: Node, { spec }: PersistentVolume): boolean {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesNodeSelectorTerm(term, node));
}

/**
 * The volumes of these that a claim could be bound to, the best first: large enough, free, of its class, mode and access, with the labels it asks
 * for; the smallest first, and by name among equals. One that was made or reserved for the claim leaves no choice
 * (component-helpers FindMatchingVolume).
 */
export function volumesFor(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): readonly PersistentVolume[] {
  const { accessModes = [], resources, selector, storageClassName = '', volumeMode } = claim.spec;
  const asked = amount(resources?.requests?.['storage']);
  const labels = selector === undefined ? undefined : labelMatcher(selector);
  const fitting = volumes.filter((volume) => {
    const { spec, metadata, status } = volume;
    if (metadata.deletionTimestamp !== undefined || (spec.storageClassName ?? '') !== storageClassName || spec.volumeMode !== volumeMode) return false;
    if (spec.claimRef === undefined ? status?.phase !== 'Available' : !isVolumeFor(volume, claim)) return false;
    if (!accessModes.every((mode) => spec.accessModes?.includes(mode)) || compareQuantities(sizeOf(volume), asked) < 0) return false;
    return spec.claimRef !== undefined || labels === undefined || labels.matches(metadata.labels ?? {});
  });
  const reserved = fitting.find(({ spec }) => spec.claimRef !== undefined);
  if (reserved !== undefined) return [reserved];
  return fitting.sort((a, b) => compareQuantities(sizeOf(a), sizeOf(b)) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
}
