import type { z } from 'zod';
import { described, flag, int32, list, pointer, requiredList, struct, text, textMap } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { localObjectReference } from './references.js';

// Volumes that a storage driver of its own provides. Carried through faithfully; no runtime of ours mounts them.

const gcePersistentDiskVolumeSourceSchema = struct({
  pdName: text.default(''),
  fsType: text.optional(),
  partition: int32.optional(),
  readOnly: flag.optional(),
});
/** A Google Compute Engine disk. */
export interface GCEPersistentDiskVolumeSource extends z.infer<typeof gcePersistentDiskVolumeSourceSchema> {}
/** Schema of {@link GCEPersistentDiskVolumeSource}. */
export const gcePersistentDiskVolumeSource: Schema<GCEPersistentDiskVolumeSource> = described(gcePersistentDiskVolumeSourceSchema, 'A Google Compute Engine disk.');

const awsElasticBlockStoreVolumeSourceSchema = struct({
  volumeID: text.default(''),
  fsType: text.optional(),
  partition: int32.optional(),
  readOnly: flag.optional(),
});
/** An Amazon EBS volume. */
export interface AWSElasticBlockStoreVolumeSource extends z.infer<typeof awsElasticBlockStoreVolumeSourceSchema> {}
/** Schema of {@link AWSElasticBlockStoreVolumeSource}. */
export const awsElasticBlockStoreVolumeSource: Schema<AWSElasticBlockStoreVolumeSource> = described(awsElasticBlockStoreVolumeSourceSchema, 'An Amazon EBS volume.');

const gitRepoVolumeSourceSchema = struct({
  repository: text.default(''),
  revision: text.optional(),
  directory: text.optional(),
});
/** A git checkout (deprecated by Kubernetes). */
export interface GitRepoVolumeSource extends z.infer<typeof gitRepoVolumeSourceSchema> {}
/** Schema of {@link GitRepoVolumeSource}. */
export const gitRepoVolumeSource: Schema<GitRepoVolumeSource> = described(gitRepoVolumeSourceSchema, 'A git checkout (deprecated by Kubernetes).');

const nfsVolumeSourceSchema = struct({
  server: text.default(''),
  path: text.default(''),
  readOnly: flag.optional(),
});
/** An NFS export. */
export interface NFSVolumeSource extends z.infer<typeof nfsVolumeSourceSchema> {}
/** Schema of {@link NFSVolumeSource}. */
export const nfsVolumeSource: Schema<NFSVolumeSource> = described(nfsVolumeSourceSchema, 'An NFS export.');

const iscsiVolumeSourceSchema = struct({
  targetPortal: text.default(''),
  iqn: text.default(''),
  lun: int32.default(0),
  iscsiInterface: text.optional(),
  fsType: text.optional(),
  readOnly: flag.optional(),
  portals: list(text).optional(),
  chapAuthDiscovery: flag.optional(),
  secretRef: pointer(localObjectReference),
  chapAuthSession: flag.optional(),
  initiatorName: pointer(text),
});
/** An iSCSI logical unit. */
export interface ISCSIVolumeSource extends z.infer<typeof iscsiVolumeSourceSchema> {}
/** Schema of {@link ISCSIVolumeSource}. */
export const iscsiVolumeSource: Schema<ISCSIVolumeSource> = described(iscsiVolumeSourceSchema, 'An iSCSI logical unit.');

const glusterfsVolumeSourceSchema = struct({
  endpoints: text.default(''),
  path: text.default(''),
  readOnly: flag.optional(),
});
/** A Glusterfs volume. */
export interface GlusterfsVolumeSource extends z.infer<typeof glusterfsVolumeSourceSchema> {}
/** Schema of {@link GlusterfsVolumeSource}. */
export const glusterfsVolumeSource: Schema<GlusterfsVolumeSource> = described(glusterfsVolumeSourceSchema, 'A Glusterfs volume.');

const rbdVolumeSourceSchema = struct({
  monitors: requiredList(text),
  image: text.default(''),
  fsType: text.optional(),
  pool: text.optional(),
  user: text.optional(),
  keyring: text.optional(),
  secretRef: pointer(localObjectReference),
  readOnly: flag.optional(),
});
/** A Ceph block device. */
export interface RBDVolumeSource extends z.infer<typeof rbdVolumeSourceSchema> {}
/** Schema of {@link RBDVolumeSource}. */
export const rbdVolumeSource: Schema<RBDVolumeSource> = described(rbdVolumeSourceSchema, 'A Ceph block device.');

const flexVolumeSourceSchema = struct({
  driver: text.default(''),
  fsType: text.optional(),
  secretRef: pointer(localObjectReference),
  readOnly: flag.optional(),
  options: textMap.optional(),
});
/** A volume of an exec-based driver. */
export interface FlexVolumeSource extends z.infer<typeof flexVolumeSourceSchema> {}
/** Schema of {@link FlexVolumeSource}. */
export const flexVolumeSource: Schema<FlexVolumeSource> = described(flexVolumeSourceSchema, 'A volume of an exec-based driver.');

const cinderVolumeSourceSchema = struct({
  volumeID: text.default(''),
  fsType: text.optional(),
  readOnly: flag.optional(),
  secretRef: pointer(localObjectReference),
});
/** An OpenStack volume. */
export interface CinderVolumeSource extends z.infer<typeof cinderVolumeSourceSchema> {}
/** Schema of {@link CinderVolumeSource}. */
export const cinderVolumeSource: Schema<CinderVolumeSource> = described(cinderVolumeSourceSchema, 'An OpenStack volume.');

const cephFSVolumeSourceSchema = struct({
  monitors: requiredList(text),
  path: text.optional(),
  user: text.optional(),
  secretFile: text.optional(),
  secretRef: pointer(localObjectReference),
  readOnly: flag.optional(),
});
/** A Ceph file system. */
export interface CephFSVolumeSource extends z.infer<typeof cephFSVolumeSourceSchema> {}
/** Schema of {@link CephFSVolumeSource}. */
export const cephFSVolumeSource: Schema<CephFSVolumeSource> = described(cephFSVolumeSourceSchema, 'A Ceph file system.');

const flockerVolumeSourceSchema = struct({
  datasetName: text.optional(),
  datasetUUID: text.optional(),
});
/** A Flocker dataset. */
export interface FlockerVolumeSource extends z.infer<typeof flockerVolumeSourceSchema> {}
/** Schema of {@link FlockerVolumeSource}. */
export const flockerVolumeSource: Schema<FlockerVolumeSource> = described(flockerVolumeSourceSchema, 'A Flocker dataset.');

const fcVolumeSourceSchema = struct({
  targetWWNs: list(text).optional(),
  lun: pointer(int32),
  fsType: text.optional(),
  readOnly: flag.optional(),
  wwids: list(text).optional(),
});
/** A Fibre Channel logical unit. */
export interface FCVolumeSource extends z.infer<typeof fcVolumeSourceSchema> {}
/** Schema of {@link FCVolumeSource}. */
export const fcVolumeSource: Schema<FCVolumeSource> = described(fcVolumeSourceSchema, 'A Fibre Channel logical unit.');

const azureFileVolumeSourceSchema = struct({
  secretName: text.default(''),
  shareName: text.default(''),
  readOnly: flag.optional(),
});
/** An Azure file share. */
export interface AzureFileVolumeSource extends z.infer<typeof azureFileVolumeSourceSchema> {}
/** Schema of {@link AzureFileVolumeSource}. */
export const azureFileVolumeSource: Schema<AzureFileVolumeSource> = described(azureFileVolumeSourceSchema, 'An Azure file share.');

const vsphereVirtualDiskVolumeSourceSchema = struct({
  volumePath: text.default(''),
  fsType: text.optional(),
  storagePolicyName: text.optional(),
  storagePolicyID: text.optional(),
});
/** A vSphere disk. */
export interface VsphereVirtualDiskVolumeSource extends z.infer<typeof vsphereVirtualDiskVolumeSourceSchema> {}
/** Schema of {@link VsphereVirtualDiskVolumeSource}. */
export const vsphereVirtualDiskVolumeSource: Schema<VsphereVirtualDiskVolumeSource> = described(vsphereVirtualDiskVolumeSourceSchema, 'A vSphere disk.');

const quobyteVolumeSourceSchema = struct({
  registry: text.default(''),
  volume: text.default(''),
  readOnly: flag.optional(),
  user: text.optional(),
  group: text.optional(),
  tenant: text.optional(),
});
/** A Quobyte volume. */
export interface QuobyteVolumeSource extends z.infer<typeof quobyteVolumeSourceSchema> {}
/** Schema of {@link QuobyteVolumeSource}. */
export const quobyteVolumeSource: Schema<QuobyteVolumeSource> = described(quobyteVolumeSourceSchema, 'A Quobyte volume.');

const azureDiskVolumeSourceSchema = struct({
  diskName: text.default(''),
  diskURI: text.default(''),
  cachingMode: pointer(text),
  fsType: pointer(text),
  readOnly: pointer(flag),
  kind: pointer(text),
});
/** An Azure disk. */
export interface AzureDiskVolumeSource extends z.infer<typeof azureDiskVolumeSourceSchema> {}
/** Schema of {@link AzureDiskVolumeSource}. */
export const azureDiskVolumeSource: Schema<AzureDiskVolumeSource> = described(azureDiskVolumeSourceSchema, 'An Azure disk.');

const photonPersistentDiskVolumeSourceSchema = struct({
  pdID: text.default(''),
  fsType: text.optional(),
});
/** A Photon disk. */
export interface PhotonPersistentDiskVolumeSource extends z.infer<typeof photonPersistentDiskVolumeSourceSchema> {}
/** Schema of {@link PhotonPersistentDiskVolumeSource}. */
export const photonPersistentDiskVolumeSource: Schema<PhotonPersistentDiskVolumeSource> = described(photonPersistentDiskVolumeSourceSchema, 'A Photon disk.');

const portworxVolumeSourceSchema = struct({
  volumeID: text.default(''),
  fsType: text.optional(),
  readOnly: flag.optional(),
});
/** A Portworx volume. */
export interface PortworxVolumeSource extends z.infer<typeof portworxVolumeSourceSchema> {}
/** Schema of {@link PortworxVolumeSource}. */
export const portworxVolumeSource: Schema<PortworxVolumeSource> = described(portworxVolumeSourceSchema, 'A Portworx volume.');

const scaleIOVolumeSourceSchema = struct({
  gateway: text.default(''),
  system: text.default(''),
  secretRef: pointer(localObjectReference),
  sslEnabled: flag.optional(),
  protectionDomain: text.optional(),
  storagePool: text.optional(),
  storageMode: text.optional(),
  volumeName: text.optional(),
  fsType: text.optional(),
  readOnly: flag.optional(),
});
/** A ScaleIO volume. */
export interface ScaleIOVolumeSource extends z.infer<typeof scaleIOVolumeSourceSchema> {}
/** Schema of {@link ScaleIOVolumeSource}. */
export const scaleIOVolumeSource: Schema<ScaleIOVolumeSource> = described(scaleIOVolumeSourceSchema, 'A ScaleIO volume.');

const storageOSVolumeSourceSchema = struct({
  volumeName: text.optional(),
  volumeNamespace: text.optional(),
  fsType: text.optional(),
  readOnly: flag.optional(),
  secretRef: pointer(localObjectReference),
});
/** A StorageOS volume. */
export interface StorageOSVolumeSource extends z.infer<typeof storageOSVolumeSourceSchema> {}
/** Schema of {@link StorageOSVolumeSource}. */
export const storageOSVolumeSource: Schema<StorageOSVolumeSource> = described(storageOSVolumeSourceSchema, 'A StorageOS volume.');

const csiVolumeSourceSchema = struct({
  driver: text.default(''),
  readOnly: pointer(flag),
  fsType: pointer(text),
  volumeAttributes: textMap.optional(),
  nodePublishSecretRef: pointer(localObjectReference),
});
/** An inline volume of a CSI driver. */
export interface CSIVolumeSource extends z.infer<typeof csiVolumeSourceSchema> {}
/** Schema of {@link CSIVolumeSource}. */
export const csiVolumeSource: Schema<CSIVolumeSource> = described(csiVolumeSourceSchema, 'An inline volume of a CSI driver.');
