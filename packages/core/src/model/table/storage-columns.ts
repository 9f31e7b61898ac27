import type { Column } from '../kind.js';
import type { PersistentVolume } from '../kinds/persistent-volume.js';
import type { PersistentVolumeClaim } from '../kinds/persistent-volume-claim.js';
import type { StorageClass } from '../kinds/storage-class.js';
import { age, column, wide } from './cells.js';

// Storage: pkg/printers/internalversion.

const MODES = [['ReadWriteOnce', 'RWO'], ['ReadOnlyMany', 'ROX'], ['ReadWriteMany', 'RWX'], ['ReadWriteOncePod', 'RWOP']] as const;
const modesText = (modes: readonly string[] | undefined): string => MODES.filter(([mode]) => modes?.includes(mode) === true).map(([, short]) => short).join(',');
/** The annotation in which claims and volumes of old name their class. */
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** Columns of PersistentVolumeClaims. */
export const claimColumns: readonly Column<PersistentVolumeClaim>[] = [
  column('Status', ({ metadata, status }) => (metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating')),
  column('Volume', ({ spec }) => spec.volumeName ?? ''),
  column('Capacity', ({ spec, status }) => ((spec.volumeName ?? '') === '' ? '' : (status?.capacity?.['storage'] ?? '0'))),
  column('Access Modes', ({ spec, status }) => ((spec.volumeName ?? '') === '' ? '' : modesText(status?.accessModes))),
  column('StorageClass', ({ metadata, spec }) => metadata.annotations?.[BETA_CLASS] ?? spec.storageClassName ?? ''),
  column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? '<unset>'),
  age(),
  wide('VolumeMode', ({ spec }) => spec.volumeMode ?? '<unset>'),
];

/** Columns of PersistentVolumes. */
export const volumeColumns: readonly Column<PersistentVolume>[] = [
  column('Capacity', ({ spec }) => spec.capacity?.['storage'] ?? '0'),
  column('Access Modes', ({ spec }) => modesText(spec.accessModes)),
  column('Reclaim Policy', ({ spec }) => spec.persistentVolumeReclaimPolicy ?? ''),
  column('Status', ({ metadata, status }) => (metadata.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating')),
  column('Claim', ({ spec }) => (spec.claimRef === undefined ? '' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`)),
  column('StorageClass', ({ metadata, spec }) => metadata.annotations?.[BETA_CLASS] ?? spec.storageClassName ?? ''),
  column('VolumeAttributesClass', ({ spec }) => spec.volumeAttributesClassName ?? '<unset>'),
  column('Reason', ({ status }) => status?.reason ?? ''),
  age(),
  wide('VolumeMode', ({ spec }) => spec.volumeMode ?? '<unset>'),
];

/** Columns of StorageClasses. */
export const storageClassColumns: readonly Column<StorageClass>[] = [
  column('Provisioner', ({ provisioner }) => provisioner),
  column('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
  column('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? '<unset>'),
  column('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion === true, 'boolean'),
  age(),
];
