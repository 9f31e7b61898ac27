import { isVolumeFor, type Node, type PersistentVolume, type PersistentVolumeClaim, type StorageClass } from '@orrery/core';
import { findVolume, mismatch, ownVolume } from './match.js';
import { STORAGE } from './names.js';

/** What is known of a claim. */
export interface ClaimView {
  readonly claim: PersistentVolumeClaim;
  readonly volumes: readonly PersistentVolume[];
  readonly classes: readonly StorageClass[];
  /** The node of the first pod that uses the claim, as soon as it has one. */
  readonly node?: Node;
}

/** The next thing to do for a claim: at most one. */
export type ClaimStep =
  | { readonly do: 'nothing' }
  /** Nothing can be done now, and why. */
  | { readonly do: 'wait'; readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string }
  | { readonly do: 'setClass'; readonly name: string }
  /** The volume learns of the claim. */
  | { readonly do: 'bindVolume'; readonly volume: PersistentVolume }
  /** The claim learns of the volume. */
  | { readonly do: 'bindClaim'; readonly volume: PersistentVolume }
  | { readonly do: 'setPhase'; readonly phase: 'Pending' | 'Bound' | 'Lost'; readonly volume?: PersistentVolume }
  | { readonly do: 'askProvisioner'; readonly provisioner: string; readonly node?: string };

const NOTHING: ClaimStep = { do: 'nothing' };
const wait = (reason: string, message: string, type: 'Normal' | 'Warning' = 'Normal'): ClaimStep => ({ do: 'wait', type, reason, message });

/** One step towards a claim that has its volume (controller/volume/persistentvolume syncClaim). Pure. */
export function planClaimStep(view: ClaimView): ClaimStep {
  const { claim, volumes } = view;
  const name = claim.spec.volumeName ?? '';
  if (name === '') return claim.metadata.deletionTimestamp === undefined ? planUnbound(view) : NOTHING;
  const volume = volumes.find(({ metadata }) => metadata.name === name);
  const wasBound = claim.metadata.annotations?.[STORAGE.bindCompleted] !== undefined;
  if (volume === undefined) return wasBound ? phase(claim, 'Lost') : phase(claim, 'Pending');
  if (volume.spec.claimRef !== undefined && !isVolumeFor(volume, claim)) {
    return wasBound ? phase(claim, 'Lost') : wait('FailedBinding', `volume "${name}" already bound to a different claim.`, 'Warning');
  }
  const why = volume.spec.claimRef === undefined && !wasBound ? mismatch(volume, claim) : undefined;
  if (why !== undefined) return wait('VolumeMismatch', `Cannot bind to requested volume "${name}": ${why}`, 'Warning');
  if ((volume.spec.claimRef?.uid ?? '') === '') return { do: 'bindVolume', volume };
  if (!wasBound) return { do: 'bindClaim', volume };
  return phase(claim, 'Bound', volume);
}

function phase({ status }: PersistentVolumeClaim, wanted: 'Pending' | 'Bound' | 'Lost', volume?: PersistentVolume): ClaimStep {
  if (status?.phase === wanted) return NOTHING;
  return { do: 'setPhase', phase: wanted, ...(volume !== undefined && { volume }) };
}

function planUnbound({ claim, volumes, classes, node }: ClaimView): ClaimStep {
  const className = claim.spec.storageClassName;
  if (className === undefined) {
    const byDefault = defaultClass(classes);
    if (byDefault !== undefined) return { do: 'setClass', name: byDefault };
  }
  const storageClass = classes.find(({ metadata }) => metadata.name === className);
  const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const made = ownVolume(claim, volumes);
  if (made === undefined && delayed && node === undefined) return wait('WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  const volume = made ?? findVolume(claim, volumes, delayed ? node : undefined);
  if (volume !== undefined) return (volume.spec.claimRef?.uid ?? '') === '' ? { do: 'bindVolume', volume } : { do: 'bindClaim', volume };
  if ((className ?? '') === '') return wait('FailedBinding', 'no persistent volumes available for this claim and no storage class is set');
  if (storageClass === undefined) return wait('ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`, 'Warning');
  const { provisioner } = storageClass;
  if (provisioner === STORAGE.noProvisioner) return wait('FailedBinding', 'no persistent volumes available for this claim');
  const nodeName = delayed ? node?.metadata.name : undefined;
  const { annotations = {} } = claim.metadata;
  const asked = annotations[STORAGE.provisioner] === provisioner && annotations[STORAGE.selectedNode] === nodeName;
  if (!asked) return { do: 'askProvisioner', provisioner, ...(nodeName !== undefined && { node: nodeName }) };
  return wait('ExternalProvisioning', `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`);
}

/** The newest of the classes that call themselves the default, as Kubernetes picks it. */
function defaultClass(classes: readonly StorageClass[]): string | undefined {
  const marked = classes.filter(({ metadata }) => metadata.annotations?.[STORAGE.defaultClass] === 'true');
  const byAge = (a: StorageClass, b: StorageClass): number =>
    (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '', 'en') || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '', 'en');
  return marked.sort(byAge)[0]?.metadata.name;
}

/** What becomes of a volume. */
export type VolumeStep = { readonly do: 'nothing' } | { readonly do: 'setPhase'; readonly phase: 'Available' | 'Bound' | 'Released' } | { readonly do: 'letGo'; /** As it is to be. */ readonly volume: PersistentVolume };

/**
 * One step for a volume whose claim is this one, or gone (syncVolume). A volume whose claim is gone is released: what then happens to it is up to
 * whoever made it, and to its reclaim policy. Pure.
 */
export function planVolumeStep(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeStep {
  const { claimRef } = volume.spec;
  const to = (wanted: 'Available' | 'Bound' | 'Released'): VolumeStep => (volume.status?.phase === wanted ? NOTHING_FOR_VOLUME : { do: 'setPhase', phase: wanted });
  if (claimRef === undefined || (claimRef.uid ?? '') === '') return to('Available');
  if (claim === undefined || claim.metadata.uid !== claimRef.uid) return to('Released');
  const named = claim.spec.volumeName ?? '';
  if (named === '' || named === volume.metadata.name) return to('Bound');
  // The claim took another one: this one is free again.
  return { do: 'letGo', volume: unbound(volume) };
}

/** As it was before it was bound: without a claim, or reserved by whoever wrote it, then for any claim of that name (unbindVolume). */
function unbound({ metadata, spec, ...volume }: PersistentVolume): PersistentVolume {
  const { claimRef, ...rest } = spec;
  const { [STORAGE.boundByController]: ours, ...annotations } = metadata.annotations ?? {};
  if (ours !== undefined) return { ...volume, metadata: { ...metadata, annotations }, spec: rest };
  const { uid: _uid, resourceVersion: _version, ...reserved } = claimRef ?? {};
  return { ...volume, metadata, spec: { ...rest, claimRef: reserved } };
}

const NOTHING_FOR_VOLUME: VolumeStep = { do: 'nothing' };
