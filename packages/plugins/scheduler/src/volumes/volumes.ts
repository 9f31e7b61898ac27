import type { OutsideInput, PersistentVolume, PersistentVolumeClaim, StorageClass } from '@orrery/core';

/** What is known of claims and volumes. Its changes are told by `changed`. */
export interface Volumes extends OutsideInput {
  /** The claim of a key (`namespace/name`). */
  claim(key: string): PersistentVolumeClaim | undefined;
  /** The volume of a name. */
  volume(name: string): PersistentVolume | undefined;
  /** The volumes of a storage class; of none for the empty name. */
  volumesOf(storageClass: string): readonly PersistentVolume[];
  /** The storage class of a name. */
  storageClass(name: string): StorageClass | undefined;
  /** Grows with every change of any of them that can matter to where a pod fits. */
  readonly version: number;
}

/** Annotations and names by which schedulers, binders and provisioners speak to each other (k8s.io/component-helpers/storage/volume). */
export const STORAGE = {
  /** On a claim: it has been bound, and the binding is complete. */
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  /** On a claim: the node for which its volume is being made. */
  selectedNode: 'volume.kubernetes.io/selected-node',
  /** The provisioner of classes whose volumes are made by people. */
  noProvisioner: 'kubernetes.io/no-provisioner',
} as const;
