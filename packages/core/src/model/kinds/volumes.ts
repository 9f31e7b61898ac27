import type { z } from 'zod';
import { described, flag, int32, int64, list, pointer, quantity, requiredList, struct, text, textMap } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { ephemeralVolumeSource } from './claim-template.js';
import { objectFieldSelector, resourceFieldSelector } from './env.js';
import { localObjectReferenceFields } from './references.js';
import { labelSelector } from './selectors.js';
import { awsElasticBlockStoreVolumeSource, azureDiskVolumeSource, azureFileVolumeSource, cephFSVolumeSource, cinderVolumeSource, csiVolumeSource, fcVolumeSource, flexVolumeSource, flockerVolumeSource, gcePersistentDiskVolumeSource, gitRepoVolumeSource, glusterfsVolumeSource, iscsiVolumeSource, nfsVolumeSource, photonPersistentDiskVolumeSource, portworxVolumeSource, quobyteVolumeSource, rbdVolumeSource, scaleIOVolumeSource, storageOSVolumeSource, vsphereVirtualDiskVolumeSource } from './volume-plugins.js';

// Volumes of a pod.

const keyToPathSchema = struct({
  key: text.default(''),
  path: text.default(''),
  mode: pointer(int32),
});
/** Which key goes into which file. */
export interface KeyToPath extends z.infer<typeof keyToPathSchema> {}
/** Schema of {@link KeyToPath}. */
export const keyToPath: Schema<KeyToPath> = described(keyToPathSchema, 'Which key goes into which file.');

const emptyDirVolumeSourceSchema = struct({
  medium: text.optional(),
  sizeLimit: quantity.optional(),
});
/** A directory that lives as long as the pod. */
export interface EmptyDirVolumeSource extends z.infer<typeof emptyDirVolumeSourceSchema> {}
/** Schema of {@link EmptyDirVolumeSource}. */
export const emptyDirVolumeSource: Schema<EmptyDirVolumeSource> = described(emptyDirVolumeSourceSchema, 'A directory that lives as long as the pod.');

const hostPathVolumeSourceSchema = struct({
  path: text.default(''),
  type: pointer(text),
});
/** A file or directory of the node. */
export interface HostPathVolumeSource extends z.infer<typeof hostPathVolumeSourceSchema> {}
/** Schema of {@link HostPathVolumeSource}. */
export const hostPathVolumeSource: Schema<HostPathVolumeSource> = described(hostPathVolumeSourceSchema, 'A file or directory of the node.');

const configMapVolumeSourceSchema = struct({
  ...localObjectReferenceFields,
  items: list(keyToPath).optional(),
  defaultMode: pointer(int32),
  optional: pointer(flag),
});
/** The keys of a ConfigMap as files. */
export interface ConfigMapVolumeSource extends z.infer<typeof configMapVolumeSourceSchema> {}
/** Schema of {@link ConfigMapVolumeSource}. */
export const configMapVolumeSource: Schema<ConfigMapVolumeSource> = described(configMapVolumeSourceSchema, 'The keys of a ConfigMap as files.');

const secretVolumeSourceSchema = struct({
  secretName: text.optional(),
  items: list(keyToPath).optional(),
  defaultMode: pointer(int32),
  optional: pointer(flag),
});
/** The keys of a Secret as files. */
export interface SecretVolumeSource extends z.infer<typeof secretVolumeSourceSchema> {}
/** Schema of {@link SecretVolumeSource}. */
export const secretVolumeSource: Schema<SecretVolumeSource> = described(secretVolumeSourceSchema, 'The keys of a Secret as files.');

const downwardAPIVolumeFileSchema = struct({
  path: text.default(''),
  fieldRef: pointer(objectFieldSelector),
  resourceFieldRef: pointer(resourceFieldSelector),
  mode: pointer(int32),
});
/** A field of the pod as a file. */
export interface DownwardAPIVolumeFile extends z.infer<typeof downwardAPIVolumeFileSchema> {}
/** Schema of {@link DownwardAPIVolumeFile}. */
export const downwardAPIVolumeFile: Schema<DownwardAPIVolumeFile> = described(downwardAPIVolumeFileSchema, 'A field of the pod as a file.');

const downwardAPIVolumeSourceSchema = struct({
  items: list(downwardAPIVolumeFile).optional(),
  defaultMode: pointer(int32),
});
/** Fields of the pod as files. */
export interface DownwardAPIVolumeSource extends z.infer<typeof downwardAPIVolumeSourceSchema> {}
/** Schema of {@link DownwardAPIVolumeSource}. */
export const downwardAPIVolumeSource: Schema<DownwardAPIVolumeSource> = described(downwardAPIVolumeSourceSchema, 'Fields of the pod as files.');

const secretProjectionSchema = struct({
  ...localObjectReferenceFields,
  items: list(keyToPath).optional(),
  optional: pointer(flag),
});
/** Keys of a Secret in a projected volume. */
export interface SecretProjection extends z.infer<typeof secretProjectionSchema> {}
/** Schema of {@link SecretProjection}. */
export const secretProjection: Schema<SecretProjection> = described(secretProjectionSchema, 'Keys of a Secret in a projected volume.');

const configMapProjectionSchema = struct({
  ...localObjectReferenceFields,
  items: list(keyToPath).optional(),
  optional: pointer(flag),
});
/** Keys of a ConfigMap in a projected volume. */
export interface ConfigMapProjection extends z.infer<typeof configMapProjectionSchema> {}
/** Schema of {@link ConfigMapProjection}. */
export const configMapProjection: Schema<ConfigMapProjection> = described(configMapProjectionSchema, 'Keys of a ConfigMap in a projected volume.');

const downwardAPIProjectionSchema = struct({
  items: list(downwardAPIVolumeFile).optional(),
});
/** Fields of the pod in a projected volume. */
export interface DownwardAPIProjection extends z.infer<typeof downwardAPIProjectionSchema> {}
/** Schema of {@link DownwardAPIProjection}. */
export const downwardAPIProjection: Schema<DownwardAPIProjection> = described(downwardAPIProjectionSchema, 'Fields of the pod in a projected volume.');

const serviceAccountTokenProjectionSchema = struct({
  audience: text.optional(),
  expirationSeconds: pointer(int64),
  path: text.default(''),
});
/** A token of the service account in a projected volume. */
export interface ServiceAccountTokenProjection extends z.infer<typeof serviceAccountTokenProjectionSchema> {}
/** Schema of {@link ServiceAccountTokenProjection}. */
export const serviceAccountTokenProjection: Schema<ServiceAccountTokenProjection> = described(serviceAccountTokenProjectionSchema, 'A token of the service account in a projected volume.');

const clusterTrustBundleProjectionSchema = struct({
  name: pointer(text),
  signerName: pointer(text),
  labelSelector: pointer(labelSelector),
  path: text.default(''),
  optional: pointer(flag),
});
/** Trust anchors in a projected volume. */
export interface ClusterTrustBundleProjection extends z.infer<typeof clusterTrustBundleProjectionSchema> {}
/** Schema of {@link ClusterTrustBundleProjection}. */
export const clusterTrustBundleProjection: Schema<ClusterTrustBundleProjection> = described(clusterTrustBundleProjectionSchema, 'Trust anchors in a projected volume.');

const podCertificateProjectionSchema = struct({
  signerName: text.optional(),
  keyType: text.optional(),
  maxExpirationSeconds: pointer(int32),
  credentialBundlePath: text.optional(),
  keyPath: text.optional(),
  certificateChainPath: text.optional(),
  userAnnotations: textMap.optional(),
});
/** A certificate for the pod in a projected volume. */
export interface PodCertificateProjection extends z.infer<typeof podCertificateProjectionSchema> {}
/** Schema of {@link PodCertificateProjection}. */
export const podCertificateProjection: Schema<PodCertificateProjection> = described(podCertificateProjectionSchema, 'A certificate for the pod in a projected volume.');

const volumeProjectionSchema = struct({
  secret: pointer(secretProjection),
  downwardAPI: pointer(downwardAPIProjection),
  configMap: pointer(configMapProjection),
  serviceAccountToken: pointer(serviceAccountTokenProjection),
  clusterTrustBundle: pointer(clusterTrustBundleProjection),
  podCertificate: pointer(podCertificateProjection),
});
/** One source of a projected volume; exactly one member is set. */
export interface VolumeProjection extends z.infer<typeof volumeProjectionSchema> {}
/** Schema of {@link VolumeProjection}. */
export const volumeProjection: Schema<VolumeProjection> = described(volumeProjectionSchema, 'One source of a projected volume; exactly one member is set.');

const projectedVolumeSourceSchema = struct({
  sources: requiredList(volumeProjection),
  defaultMode: pointer(int32),
});
/** Several sources in one directory. */
export interface ProjectedVolumeSource extends z.infer<typeof projectedVolumeSourceSchema> {}
/** Schema of {@link ProjectedVolumeSource}. */
export const projectedVolumeSource: Schema<ProjectedVolumeSource> = described(projectedVolumeSourceSchema, 'Several sources in one directory.');

const persistentVolumeClaimVolumeSourceSchema = struct({
  claimName: text.default(''),
  readOnly: flag.optional(),
});
/** The volume bound to a claim. */
export interface PersistentVolumeClaimVolumeSource extends z.infer<typeof persistentVolumeClaimVolumeSourceSchema> {}
/** Schema of {@link PersistentVolumeClaimVolumeSource}. */
export const persistentVolumeClaimVolumeSource: Schema<PersistentVolumeClaimVolumeSource> = described(persistentVolumeClaimVolumeSourceSchema, 'The volume bound to a claim.');

const imageVolumeSourceSchema = struct({
  reference: text.optional(),
  pullPolicy: text.optional(),
});
/** The file system of an image. */
export interface ImageVolumeSource extends z.infer<typeof imageVolumeSourceSchema> {}
/** Schema of {@link ImageVolumeSource}. */
export const imageVolumeSource: Schema<ImageVolumeSource> = described(imageVolumeSourceSchema, 'The file system of an image.');

/** Where the contents of a volume come from; exactly one member is set. */
export const volumeSourceFields = {
  hostPath: pointer(hostPathVolumeSource),
  emptyDir: pointer(emptyDirVolumeSource),
  gcePersistentDisk: pointer(gcePersistentDiskVolumeSource),
  awsElasticBlockStore: pointer(awsElasticBlockStoreVolumeSource),
  gitRepo: pointer(gitRepoVolumeSource),
  secret: pointer(secretVolumeSource),
  nfs: pointer(nfsVolumeSource),
  iscsi: pointer(iscsiVolumeSource),
  glusterfs: pointer(glusterfsVolumeSource),
  persistentVolumeClaim: pointer(persistentVolumeClaimVolumeSource),
  rbd: pointer(rbdVolumeSource),
  flexVolume: pointer(flexVolumeSource),
  cinder: pointer(cinderVolumeSource),
  cephfs: pointer(cephFSVolumeSource),
  flocker: pointer(flockerVolumeSource),
  downwardAPI: pointer(downwardAPIVolumeSource),
  fc: pointer(fcVolumeSource),
  azureFile: pointer(azureFileVolumeSource),
  configMap: pointer(configMapVolumeSource),
  vsphereVolume: pointer(vsphereVirtualDiskVolumeSource),
  quobyte: pointer(quobyteVolumeSource),
  azureDisk: pointer(azureDiskVolumeSource),
  photonPersistentDisk: pointer(photonPersistentDiskVolumeSource),
  portworxVolume: pointer(portworxVolumeSource),
  scaleIO: pointer(scaleIOVolumeSource),
  projected: pointer(projectedVolumeSource),
  storageos: pointer(storageOSVolumeSource),
  csi: pointer(csiVolumeSource),
  ephemeral: pointer(ephemeralVolumeSource),
  image: pointer(imageVolumeSource),
};

const volumeSchema = struct({
  name: text.default(''),
  ...volumeSourceFields,
});
/** A named volume of a pod. */
export interface Volume extends z.infer<typeof volumeSchema> {}
/** Schema of {@link Volume}. */
export const volume: Schema<Volume> = described(volumeSchema, 'A named volume of a pod.');

/** Where the contents of a volume come from; exactly one member is set. */
export type VolumeSource = Omit<Volume, 'name'>;
