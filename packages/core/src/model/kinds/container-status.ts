import type { z } from 'zod';
import { described, flag, int32, int64, list, pointer, quantityMap, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { resourceRequirements } from './resources.js';

// What is known of a container.

const containerStateWaitingSchema = struct({
  reason: text.optional(),
  message: text.optional(),
});
/** Not started yet, and why. */
export interface ContainerStateWaiting extends z.infer<typeof containerStateWaitingSchema> {}
/** Schema of {@link ContainerStateWaiting}. */
export const containerStateWaiting: Schema<ContainerStateWaiting> = described(containerStateWaitingSchema, 'Not started yet, and why.');

const containerStateRunningSchema = struct({
  startedAt: timestamp.optional(),
});
/** Running since. */
export interface ContainerStateRunning extends z.infer<typeof containerStateRunningSchema> {}
/** Schema of {@link ContainerStateRunning}. */
export const containerStateRunning: Schema<ContainerStateRunning> = described(containerStateRunningSchema, 'Running since.');

const containerStateTerminatedSchema = struct({
  exitCode: int32.default(0),
  signal: int32.optional(),
  reason: text.optional(),
  message: text.optional(),
  startedAt: timestamp.optional(),
  finishedAt: timestamp.optional(),
  containerID: text.optional(),
});
/** Ended, how and when. */
export interface ContainerStateTerminated extends z.infer<typeof containerStateTerminatedSchema> {}
/** Schema of {@link ContainerStateTerminated}. */
export const containerStateTerminated: Schema<ContainerStateTerminated> = described(containerStateTerminatedSchema, 'Ended, how and when.');

const containerStateSchema = struct({
  waiting: pointer(containerStateWaiting),
  running: pointer(containerStateRunning),
  terminated: pointer(containerStateTerminated),
});
/** At most one member is set; none means waiting. */
export interface ContainerState extends z.infer<typeof containerStateSchema> {}
/** Schema of {@link ContainerState}. */
export const containerState: Schema<ContainerState> = described(containerStateSchema, 'At most one member is set; none means waiting.');

const imageVolumeStatusSchema = struct({
  imageRef: text.optional(),
});
/** The image behind a volume. */
export interface ImageVolumeStatus extends z.infer<typeof imageVolumeStatusSchema> {}
/** Schema of {@link ImageVolumeStatus}. */
export const imageVolumeStatus: Schema<ImageVolumeStatus> = described(imageVolumeStatusSchema, 'The image behind a volume.');

const volumeStatusSchema = struct({
  image: pointer(imageVolumeStatus),
});
/** The observed state of a volume, by its type. */
export interface VolumeStatus extends z.infer<typeof volumeStatusSchema> {}
/** Schema of {@link VolumeStatus}. */
export const volumeStatus: Schema<VolumeStatus> = described(volumeStatusSchema, 'The observed state of a volume, by its type.');

const volumeMountStatusSchema = struct({
  name: text.default(''),
  mountPath: text.default(''),
  readOnly: flag.optional(),
  recursiveReadOnly: pointer(text),
  volumeStatus: pointer(volumeStatus),
});
/** A mount as it was made. */
export interface VolumeMountStatus extends z.infer<typeof volumeMountStatusSchema> {}
/** Schema of {@link VolumeMountStatus}. */
export const volumeMountStatus: Schema<VolumeMountStatus> = described(volumeMountStatusSchema, 'A mount as it was made.');

const linuxContainerUserSchema = struct({
  uid: int64.default(0),
  gid: int64.default(0),
  supplementalGroups: list(int64).optional(),
});
/** The user of the first process. */
export interface LinuxContainerUser extends z.infer<typeof linuxContainerUserSchema> {}
/** Schema of {@link LinuxContainerUser}. */
export const linuxContainerUser: Schema<LinuxContainerUser> = described(linuxContainerUserSchema, 'The user of the first process.');

const containerUserSchema = struct({
  linux: pointer(linuxContainerUser),
});
/** The user of the first process, by operating system. */
export interface ContainerUser extends z.infer<typeof containerUserSchema> {}
/** Schema of {@link ContainerUser}. */
export const containerUser: Schema<ContainerUser> = described(containerUserSchema, 'The user of the first process, by operating system.');

const resourceHealthSchema = struct({
  resourceID: text.default(''),
  health: text.optional(),
  message: pointer(text),
});
/** The health of a device. */
export interface ResourceHealth extends z.infer<typeof resourceHealthSchema> {}
/** Schema of {@link ResourceHealth}. */
export const resourceHealth: Schema<ResourceHealth> = described(resourceHealthSchema, 'The health of a device.');

const resourceStatusSchema = struct({
  name: text.default(''),
  resources: list(resourceHealth, { listType: 'map', listKeys: ['resourceID'] }).optional(),
});
/** The health of the devices of a container. */
export interface ResourceStatus extends z.infer<typeof resourceStatusSchema> {}
/** Schema of {@link ResourceStatus}. */
export const resourceStatus: Schema<ResourceStatus> = described(resourceStatusSchema, 'The health of the devices of a container.');

const containerStatusSchema = struct({
  name: text.default(''),
  state: containerState.optional(),
  lastState: containerState.optional(),
  ready: flag.default(false),
  restartCount: int32.default(0),
  image: text.default(''),
  imageID: text.default(''),
  containerID: text.optional(),
  started: pointer(flag),
  allocatedResources: quantityMap.optional(),
  resources: pointer(resourceRequirements),
  volumeMounts: list(volumeMountStatus, { strategy: 'merge', key: 'mountPath', listType: 'map' }).optional(),
  user: pointer(containerUser),
  allocatedResourcesStatus: list(resourceStatus, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  stopSignal: pointer(text),
});
/** The observed state of a container. */
export interface ContainerStatus extends z.infer<typeof containerStatusSchema> {}
/** Schema of {@link ContainerStatus}. */
export const containerStatus: Schema<ContainerStatus> = described(containerStatusSchema, 'The observed state of a container.');
