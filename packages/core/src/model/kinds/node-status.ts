import type { z } from 'zod';
import { described, flag, int32, int64, list, pointer, quantityMap, requiredList, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { nodeConfigSource } from './node-spec.js';

// The observed state of a node.

const nodeConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastHeartbeatTime: timestamp.optional(),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a node. */
export interface NodeCondition extends z.infer<typeof nodeConditionSchema> {}
/** Schema of {@link NodeCondition}. */
export const nodeCondition: Schema<NodeCondition> = described(nodeConditionSchema, 'One aspect of the observed state of a node.');

const nodeAddressSchema = struct({
  type: text.default(''),
  address: text.default(''),
});
/** An address of a node. */
export interface NodeAddress extends z.infer<typeof nodeAddressSchema> {}
/** Schema of {@link NodeAddress}. */
export const nodeAddress: Schema<NodeAddress> = described(nodeAddressSchema, 'An address of a node.');

const daemonEndpointSchema = struct({
  Port: int32.default(0),
});
/** A port of a daemon. */
export interface DaemonEndpoint extends z.infer<typeof daemonEndpointSchema> {}
/** Schema of {@link DaemonEndpoint}. */
export const daemonEndpoint: Schema<DaemonEndpoint> = described(daemonEndpointSchema, 'A port of a daemon.');

const nodeDaemonEndpointsSchema = struct({
  kubeletEndpoint: daemonEndpoint.optional(),
});
/** The ports of the daemons of a node. */
export interface NodeDaemonEndpoints extends z.infer<typeof nodeDaemonEndpointsSchema> {}
/** Schema of {@link NodeDaemonEndpoints}. */
export const nodeDaemonEndpoints: Schema<NodeDaemonEndpoints> = described(nodeDaemonEndpointsSchema, 'The ports of the daemons of a node.');

const nodeSwapStatusSchema = struct({
  capacity: pointer(int64),
});
/** Swap of a node. */
export interface NodeSwapStatus extends z.infer<typeof nodeSwapStatusSchema> {}
/** Schema of {@link NodeSwapStatus}. */
export const nodeSwapStatus: Schema<NodeSwapStatus> = described(nodeSwapStatusSchema, 'Swap of a node.');

const nodeSystemInfoSchema = struct({
  machineID: text.default(''),
  systemUUID: text.default(''),
  bootID: text.default(''),
  kernelVersion: text.default(''),
  osImage: text.default(''),
  containerRuntimeVersion: text.default(''),
  kubeletVersion: text.default(''),
  kubeProxyVersion: text.default(''),
  operatingSystem: text.default(''),
  architecture: text.default(''),
  swap: pointer(nodeSwapStatus),
});
/** Software and identity of a node. */
export interface NodeSystemInfo extends z.infer<typeof nodeSystemInfoSchema> {}
/** Schema of {@link NodeSystemInfo}. */
export const nodeSystemInfo: Schema<NodeSystemInfo> = described(nodeSystemInfoSchema, 'Software and identity of a node.');

const containerImageSchema = struct({
  names: requiredList(text),
  sizeBytes: int64.optional(),
});
/** An image present on a node. */
export interface ContainerImage extends z.infer<typeof containerImageSchema> {}
/** Schema of {@link ContainerImage}. */
export const containerImage: Schema<ContainerImage> = described(containerImageSchema, 'An image present on a node.');

const attachedVolumeSchema = struct({
  name: text.default(''),
  devicePath: text.default(''),
});
/** A volume attached to a node. */
export interface AttachedVolume extends z.infer<typeof attachedVolumeSchema> {}
/** Schema of {@link AttachedVolume}. */
export const attachedVolume: Schema<AttachedVolume> = described(attachedVolumeSchema, 'A volume attached to a node.');

const nodeConfigStatusSchema = struct({
  assigned: pointer(nodeConfigSource),
  active: pointer(nodeConfigSource),
  lastKnownGood: pointer(nodeConfigSource),
  error: text.optional(),
});
/** Deprecated by Kubernetes; carried through. */
export interface NodeConfigStatus extends z.infer<typeof nodeConfigStatusSchema> {}
/** Schema of {@link NodeConfigStatus}. */
export const nodeConfigStatus: Schema<NodeConfigStatus> = described(nodeConfigStatusSchema, 'Deprecated by Kubernetes; carried through.');

const nodeRuntimeHandlerFeaturesSchema = struct({
  recursiveReadOnlyMounts: pointer(flag),
  userNamespaces: pointer(flag),
});
/** What a runtime handler can do. */
export interface NodeRuntimeHandlerFeatures extends z.infer<typeof nodeRuntimeHandlerFeaturesSchema> {}
/** Schema of {@link NodeRuntimeHandlerFeatures}. */
export const nodeRuntimeHandlerFeatures: Schema<NodeRuntimeHandlerFeatures> = described(nodeRuntimeHandlerFeaturesSchema, 'What a runtime handler can do.');

const nodeRuntimeHandlerSchema = struct({
  name: text.default(''),
  features: pointer(nodeRuntimeHandlerFeatures),
});
/** A runtime handler of a node. */
export interface NodeRuntimeHandler extends z.infer<typeof nodeRuntimeHandlerSchema> {}
/** Schema of {@link NodeRuntimeHandler}. */
export const nodeRuntimeHandler: Schema<NodeRuntimeHandler> = described(nodeRuntimeHandlerSchema, 'A runtime handler of a node.');

const nodeFeaturesSchema = struct({
  supplementalGroupsPolicy: pointer(flag),
});
/** What the runtime of a node can do. */
export interface NodeFeatures extends z.infer<typeof nodeFeaturesSchema> {}
/** Schema of {@link NodeFeatures}. */
export const nodeFeatures: Schema<NodeFeatures> = described(nodeFeaturesSchema, 'What the runtime of a node can do.');

const nodeStatusSchema = struct({
  capacity: quantityMap.optional(),
  allocatable: quantityMap.optional(),
  phase: text.optional(),
  conditions: list(nodeCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  addresses: list(nodeAddress, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  daemonEndpoints: nodeDaemonEndpoints.optional(),
  nodeInfo: nodeSystemInfo.optional(),
  images: list(containerImage).optional(),
  volumesInUse: list(text).optional(),
  volumesAttached: list(attachedVolume).optional(),
  config: pointer(nodeConfigStatus),
  runtimeHandlers: list(nodeRuntimeHandler).optional(),
  features: pointer(nodeFeatures),
  declaredFeatures: list(text).optional(),
});
/** The observed state of a node. */
export interface NodeStatus extends z.infer<typeof nodeStatusSchema> {}
/** Schema of {@link NodeStatus}. */
export const nodeStatus: Schema<NodeStatus> = described(nodeStatusSchema, 'The observed state of a node.');
