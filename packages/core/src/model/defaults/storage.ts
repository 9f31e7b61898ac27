import type { PersistentVolumeClaim } from '../kinds/persistent-volume-claim.js';
import type { PersistentVolume } from '../kinds/persistent-volume.js';
import type { StorageClass } from '../kinds/storage-class.js';

// Scheme defaulting of storage.

/** A claim is for a file system (SetDefaults_PersistentVolumeClaim). */
export function applyClaimDefaults(claim: PersistentVolumeClaim): void {
  claim.spec.volumeMode ??= 'Filesystem';
  const { dataSource, dataSourceRef } = claim.spec;
  if (dataSource !== undefined && dataSourceRef === undefined) claim.spec.dataSourceRef = { ...dataSource };
  (claim.status ??= {}).phase ??= 'Pending';
}

/** A volume made by hand is kept when its claim goes (SetDefaults_PersistentVolume). */
export function applyVolumeDefaults(volume: PersistentVolume): void {
  volume.spec.persistentVolumeReclaimPolicy ??= 'Retain';
  volume.spec.volumeMode ??= 'Filesystem';
  if (volume.spec.hostPath !== undefined) volume.spec.hostPath.type ??= '';
  (volume.status ??= {}).phase ??= 'Pending';
}

/** A volume made for a claim goes with it, and is made at once (SetDefaults_StorageClass). */
export function applyStorageClassDefaults(storageClass: StorageClass): void {
  storageClass.reclaimPolicy ??= 'Delete';
  storageClass.volumeBindingMode ??= 'Immediate';
}
