import type { z } from 'zod';
import { applyVolumeDefaults } from '../defaults/storage.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { atomicStruct, described, flag, list, pointer, quantityMap, struct, text, textMap, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validateVolume, validateVolumeUpdate } from '../validation/persistent-volumes.js';
import { nodeSelector } from './affinity.js';
import { objectReference } from './references.js';
import { awsElasticBlockStoreVolumeSource, azureDiskVolumeSource, fcVolumeSource, gcePersistentDiskVolumeSource, nfsVolumeSource, vsphereVirtualDiskVolumeSource } from './volume-plugins.js';
import { hostPathVolumeSource } from './volumes.js';
import { volumeColumns } from '../table/storage-columns.js';

const localVolumeSourceSchema = struct({
  path: text.default(''),
  fsType: pointer(text),
});
/** A directory or block device of one node. */
export interface LocalVolumeSource extends z.infer<typeof localVolumeSourceSchema> {}
/** Schema of {@link LocalVolumeSource}. */
export const localVolumeSource: Schema<LocalVolumeSource> = described(localVolumeSourceSchema, 'A directory or block device of one node.');

const secretReferenceSchema = atomicStruct({
  name: text.optional(),
  namespace: text.optional(),
});
/** Names a secret of any namespace. */
export interface SecretReference extends z.infer<typeof secretReferenceSchema> {}
/** Schema of {@link SecretReference}. */
export const secretReference: Schema<SecretReference> = described(secretReferenceSchema, 'Names a secret of any namespace.');

const csiPersistentVolumeSourceSchema = struct({
  driver: text.default(''),
  volumeHandle: text.default(''),
  readOnly: flag.optional(),
  fsType: text.optional(),
  volumeAttributes: textMap.optional(),
  controllerPublishSecretRef: pointer(secretReference),
  nodeStageSecretRef: pointer(secretReference),
  nodePublishSecretRef: pointer(secretReference),
  controllerExpandSecretRef: pointer(secretReference),
  nodeExpandSecretRef: pointer(secretReference),
});
/** A volume of a CSI driver. */
export interface CSIPersistentVolumeSource extends z.infer<typeof csiPersistentVolumeSourceSchema> {}
/** Schema of {@link CSIPersistentVolumeSource}. */
export const csiPersistentVolumeSource: Schema<CSIPersistentVolumeSource> = described(csiPersistentVolumeSourceSchema, 'A volume of a CSI driver.');

const volumeNodeAffinitySchema = struct({
  required: pointer(nodeSelector),
});
/** Which nodes can reach a volume. */
export interface VolumeNodeAffinity extends z.infer<typeof volumeNodeAffinitySchema> {}
/** Schema of {@link VolumeNodeAffinity}. */
export const volumeNodeAffinity: Schema<VolumeNodeAffinity> = described(volumeNodeAffinitySchema, 'Which nodes can reach a volume.');

const persistentVolumeSpecSchema = struct({
  capacity: quantityMap.optional(),
  accessModes: list(text).optional(),
  claimRef: pointer(objectReference),
  persistentVolumeReclaimPolicy: text.optional(),
  storageClassName: text.optional(),
  mountOptions: list(text).optional(),
  volumeMode: pointer(text),
  nodeAffinity: pointer(volumeNodeAffinity),
  volumeAttributesClassName: pointer(text),
  hostPath: pointer(hostPathVolumeSource),
  local: pointer(localVolumeSource),
  csi: pointer(csiPersistentVolumeSource),
  nfs: pointer(nfsVolumeSource),
  fc: pointer(fcVolumeSource),
  awsElasticBlockStore: pointer(awsElasticBlockStoreVolumeSource),
  gcePersistentDisk: pointer(gcePersistentDiskVolumeSource),
  azureDisk: pointer(azureDiskVolumeSource),
  vsphereVolume: pointer(vsphereVirtualDiskVolumeSource),
});
/** Where a volume lies, how large it is, and whose it is. */
export interface PersistentVolumeSpec extends z.infer<typeof persistentVolumeSpecSchema> {}
/** Schema of {@link PersistentVolumeSpec}. */
export const persistentVolumeSpec: Schema<PersistentVolumeSpec> = described(persistentVolumeSpecSchema, 'Where a volume lies, how large it is, and whose it is.');

const persistentVolumeStatusSchema = struct({
  phase: text.optional(),
  message: text.optional(),
  reason: text.optional(),
  lastPhaseTransitionTime: timestamp.optional(),
});
/** The observed state of a volume. */
export interface PersistentVolumeStatus extends z.infer<typeof persistentVolumeStatusSchema> {}
/** Schema of {@link PersistentVolumeStatus}. */
export const persistentVolumeStatus: Schema<PersistentVolumeStatus> = described(persistentVolumeStatusSchema, 'The observed state of a volume.');

/** A piece of storage (core/v1). */
export interface PersistentVolume extends KubeObject {
  spec: PersistentVolumeSpec;
  status?: PersistentVolumeStatus | undefined;
}
/** The kind {@link PersistentVolume}. */
export const PersistentVolume: KindDefinition<PersistentVolume> = buildKind<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  description: 'A piece of storage.',
  shortNames: ['pv'],
  namespaced: false,
  spec: persistentVolumeSpec,
  status: persistentVolumeStatus,
  tracksGeneration: false,
  columns: volumeColumns,
  rules: {
    applyDefaults: applyVolumeDefaults,
    prepareForCreate: (draft) => {
      draft.status = { phase: 'Pending' };
    },
    validate: validateVolume,
    validateUpdate: validateVolumeUpdate,
  },
});
