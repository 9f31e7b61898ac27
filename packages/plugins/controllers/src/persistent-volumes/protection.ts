import { type Admission, PersistentVolume, PersistentVolumeClaim } from '@orrery/core';
import { STORAGE } from './names.js';

/** Gives claims and volumes the finalizers that keep them while they are in use (the admission plugin StorageObjectInUseProtection). */
export const storageProtection: Admission = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, kind, ref }) => operation === 'CREATE' && ref.subresource === undefined && kind.group === '' && (kind.kind === PersistentVolumeClaim.kind || kind.kind === PersistentVolume.kind),
  mutate: ({ object, kind }) => {
    if (object === undefined) return;
    const finalizer = kind.kind === PersistentVolume.kind ? STORAGE.volumeProtection : STORAGE.claimProtection;
    const { finalizers = [] } = object.metadata;
    if (!finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer];
  },
};
