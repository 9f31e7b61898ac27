import type { z } from 'zod';
import { described, int64, list, pointer, quantityMap, requiredList, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { containerStatus } from './container-status.js';
import { resourceRequirements } from './resources.js';

// The observed state of a pod.

const podConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastProbeTime: timestamp.optional(),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
  observedGeneration: int64.optional(),
});
/** One aspect of the observed state of a pod. */
export interface PodCondition extends z.infer<typeof podConditionSchema> {}
/** Schema of {@link PodCondition}. */
export const podCondition: Schema<PodCondition> = described(podConditionSchema, 'One aspect of the observed state of a pod.');

const podIPSchema = struct({
  ip: text.default(''),
});
/** An address of the pod. */
export interface PodIP extends z.infer<typeof podIPSchema> {}
/** Schema of {@link PodIP}. */
export const podIP: Schema<PodIP> = described(podIPSchema, 'An address of the pod.');

const hostIPSchema = struct({
  ip: text.default(''),
});
/** An address of the node. */
export interface HostIP extends z.infer<typeof hostIPSchema> {}
/** Schema of {@link HostIP}. */
export const hostIP: Schema<HostIP> = described(hostIPSchema, 'An address of the node.');

const podResourceClaimStatusSchema = struct({
  name: text.default(''),
  resourceClaimName: pointer(text),
});
/** The claim made for a claim of the pod. */
export interface PodResourceClaimStatus extends z.infer<typeof podResourceClaimStatusSchema> {}
/** Schema of {@link PodResourceClaimStatus}. */
export const podResourceClaimStatus: Schema<PodResourceClaimStatus> = described(podResourceClaimStatusSchema, 'The claim made for a claim of the pod.');

const containerExtendedResourceRequestSchema = struct({
  containerName: text.default(''),
  resourceName: text.default(''),
  requestName: text.default(''),
});
/** Which claim request serves an extended resource of a container. */
export interface ContainerExtendedResourceRequest extends z.infer<typeof containerExtendedResourceRequestSchema> {}
/** Schema of {@link ContainerExtendedResourceRequest}. */
export const containerExtendedResourceRequest: Schema<ContainerExtendedResourceRequest> = described(containerExtendedResourceRequestSchema, 'Which claim request serves an extended resource of a container.');

const podExtendedResourceClaimStatusSchema = struct({
  requestMappings: requiredList(containerExtendedResourceRequest),
  resourceClaimName: text.default(''),
});
/** The claim that serves extended resources. */
export interface PodExtendedResourceClaimStatus extends z.infer<typeof podExtendedResourceClaimStatusSchema> {}
/** Schema of {@link PodExtendedResourceClaimStatus}. */
export const podExtendedResourceClaimStatus: Schema<PodExtendedResourceClaimStatus> = described(podExtendedResourceClaimStatusSchema, 'The claim that serves extended resources.');

const nodeAllocatableResourceClaimStatusSchema = struct({
  resourceClaimName: text.default(''),
  containers: list(text, { listType: 'set' }).optional(),
  resources: quantityMap.optional(),
});
/** Node resources that a claim of the pod uses. */
export interface NodeAllocatableResourceClaimStatus extends z.infer<typeof nodeAllocatableResourceClaimStatusSchema> {}
/** Schema of {@link NodeAllocatableResourceClaimStatus}. */
export const nodeAllocatableResourceClaimStatus: Schema<NodeAllocatableResourceClaimStatus> = described(nodeAllocatableResourceClaimStatusSchema, 'Node resources that a claim of the pod uses.');

const podStatusSchema = struct({
  phase: text.optional(),
  conditions: list(podCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  message: text.optional(),
  reason: text.optional(),
  hostIP: text.optional(),
  podIP: text.optional(),
  startTime: timestamp.optional(),
  containerStatuses: list(containerStatus).optional(),
  qosClass: text.optional(),
  initContainerStatuses: list(containerStatus).optional(),
  nominatedNodeName: text.optional(),
  podIPs: list(podIP, { strategy: 'merge', key: 'ip', listType: 'map' }).optional(),
  ephemeralContainerStatuses: list(containerStatus).optional(),
  resize: text.optional(),
  resourceClaimStatuses: list(podResourceClaimStatus, { strategy: 'merge,retainKeys', key: 'name', listType: 'map' }).optional(),
  hostIPs: list(hostIP, { strategy: 'merge', key: 'ip' }).optional(),
  observedGeneration: int64.optional(),
  extendedResourceClaimStatus: pointer(podExtendedResourceClaimStatus),
  allocatedResources: quantityMap.optional(),
  resources: pointer(resourceRequirements),
  nodeAllocatableResourceClaimStatuses: list(nodeAllocatableResourceClaimStatus).optional(),
});
/** The observed state of a pod. */
export interface PodStatus extends z.infer<typeof podStatusSchema> {}
/** Schema of {@link PodStatus}. */
export const podStatus: Schema<PodStatus> = described(podStatusSchema, 'The observed state of a pod.');
