import { type PersistentVolumeClaim, type Pod, compareQuantities, controllerOf, parseQuantity, ZERO_QUANTITY } from '@orrery/core';
import { STORAGE, type Volumes } from './volumes.js';

/** A claim as a pod names it. */
export interface ClaimUse {
  readonly key: string;
  readonly name: string;
  /** It is made for this pod alone, from a template among its volumes. */
  readonly ephemeral: boolean;
}

const NONE: readonly ClaimUse[] = [];

/** The claims a pod uses, in the order of its volumes, each once. Free for pods without any. */
export function claimsOf({ metadata, spec: { volumes } }: Pod): readonly ClaimUse[] {
  if (volumes === undefined) return NONE;
  let uses: ClaimUse[] | undefined;
  for (const { name: volume, persistentVolumeClaim, ephemeral } of volumes) {
    if (persistentVolumeClaim === undefined && ephemeral === undefined) continue;
    const name = persistentVolumeClaim?.claimName ?? `${metadata.name}-${volume}`;
    if (uses?.some((use) => use.name === name) !== true) (uses ??= []).push({ key: `${metadata.namespace ?? 'default'}/${name}`, name, ephemeral: ephemeral !== undefined });
  }
  return uses ?? NONE;
}

/** A pod's claims sorted by what is to be done for them; or why the pod cannot run anywhere for now. */
export type ClaimsState =
  | { readonly refused: string }
  | {
      readonly refused?: never;
      /** Bound to a volume for good. */
      readonly bound: readonly PersistentVolumeClaim[];
      /** To be bound when the pod has a node; the smallest first. */
      readonly delayed: readonly PersistentVolumeClaim[];
    };

/** Looks up a pod's claims (volumebinding: podHasPVCs, GetPodVolumeClaims). Pure but for what it looks up. */
export function claimsState(pod: Pod, uses: readonly ClaimUse[], volumes: Volumes): ClaimsState {
  const claims: PersistentVolumeClaim[] = [];
  for (const use of uses) {
    const claim = volumes.claim(use.key);
    const refused = claim === undefined ? missing(use) : unusable(claim, use, pod);
    if (refused !== undefined) return { refused };
    claims.push(claim as PersistentVolumeClaim);
  }
  const unbound = claims.filter((claim) => !isBound(claim));
  if (!unbound.every((claim) => isDelayed(claim, volumes))) return { refused: 'pod has unbound immediate PersistentVolumeClaims' };
  return { bound: claims.filter(isBound), delayed: unbound.sort(bySize) };
}

const missing = ({ name, ephemeral }: ClaimUse): string =>
  ephemeral ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"` : `persistentvolumeclaim "${name}" not found`;

function unusable({ metadata, spec, status }: PersistentVolumeClaim, { name, ephemeral }: ClaimUse, pod: Pod): string | undefined {
  if (status?.phase === 'Lost') return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${spec.volumeName ?? ''}"`;
  if (metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  if (!ephemeral || controllerOf({ metadata })?.uid === pod.metadata.uid) return undefined;
  return `PVC ${metadata.namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}

/** Whether a claim has its volume, and both know it (isPVCFullyBound). */
export const isBound = ({ metadata, spec }: PersistentVolumeClaim): boolean => (spec.volumeName ?? '') !== '' && metadata.annotations?.[STORAGE.bindCompleted] !== undefined;

/** Whether a claim without a volume waits for its first pod's node. One that names a volume is for the binder alone, whatever its class says. */
export const isDelayed = ({ spec }: PersistentVolumeClaim, volumes: Volumes): boolean =>
  (spec.volumeName ?? '') === '' && volumes.storageClass(spec.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer';

const bySize = (a: PersistentVolumeClaim, b: PersistentVolumeClaim): number => compareQuantities(sizeOf(a), sizeOf(b));
const sizeOf = ({ spec }: PersistentVolumeClaim) => parseQuantity(spec.resources?.requests?.['storage'] ?? '') ?? ZERO_QUANTITY;
