import type { z } from 'zod';
import { described, flag, heldStruct, int32, int64, list, pointer, quantityMap, requiredList, requiredStruct, struct, text, textMap, withMerge } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { metadata } from './metadata.js';
import { affinity, toleration, topologySpreadConstraint } from './affinity.js';
import { container, ephemeralContainer } from './container.js';
import { localObjectReference } from './references.js';
import { resourceRequirements } from './resources.js';
import { podSecurityContext } from './security-context.js';
import { volume } from './volumes.js';

// The desired state of a pod.

const hostAliasSchema = struct({
  ip: text.default(''),
  hostnames: list(text).optional(),
});
/** A line of the hosts file. */
export interface HostAlias extends z.infer<typeof hostAliasSchema> {}
/** Schema of {@link HostAlias}. */
export const hostAlias: Schema<HostAlias> = described(hostAliasSchema, 'A line of the hosts file.');

const podDNSConfigOptionSchema = struct({
  name: text.optional(),
  value: pointer(text),
});
/** A resolver option. */
export interface PodDNSConfigOption extends z.infer<typeof podDNSConfigOptionSchema> {}
/** Schema of {@link PodDNSConfigOption}. */
export const podDNSConfigOption: Schema<PodDNSConfigOption> = described(podDNSConfigOptionSchema, 'A resolver option.');

const podDNSConfigSchema = struct({
  nameservers: list(text).optional(),
  searches: list(text).optional(),
  options: list(podDNSConfigOption).optional(),
});
/** Resolver settings, added to what the DNS policy makes. */
export interface PodDNSConfig extends z.infer<typeof podDNSConfigSchema> {}
/** Schema of {@link PodDNSConfig}. */
export const podDNSConfig: Schema<PodDNSConfig> = described(podDNSConfigSchema, 'Resolver settings, added to what the DNS policy makes.');

const podReadinessGateSchema = struct({
  conditionType: text.default(''),
});
/** A condition that must be true for the pod to be ready. */
export interface PodReadinessGate extends z.infer<typeof podReadinessGateSchema> {}
/** Schema of {@link PodReadinessGate}. */
export const podReadinessGate: Schema<PodReadinessGate> = described(podReadinessGateSchema, 'A condition that must be true for the pod to be ready.');

const podOSSchema = struct({
  name: text.default(''),
});
/** The operating system of the pod. */
export interface PodOS extends z.infer<typeof podOSSchema> {}
/** Schema of {@link PodOS}. */
export const podOS: Schema<PodOS> = described(podOSSchema, 'The operating system of the pod.');

const podSchedulingGateSchema = struct({
  name: text.default(''),
});
/** Holds the pod back from scheduling until it is removed. */
export interface PodSchedulingGate extends z.infer<typeof podSchedulingGateSchema> {}
/** Schema of {@link PodSchedulingGate}. */
export const podSchedulingGate: Schema<PodSchedulingGate> = described(podSchedulingGateSchema, 'Holds the pod back from scheduling until it is removed.');

const podResourceClaimSchema = struct({
  name: text.default(''),
  resourceClaimName: pointer(text),
  resourceClaimTemplateName: pointer(text),
});
/** A claim for a device. */
export interface PodResourceClaim extends z.infer<typeof podResourceClaimSchema> {}
/** Schema of {@link PodResourceClaim}. */
export const podResourceClaim: Schema<PodResourceClaim> = described(podResourceClaimSchema, 'A claim for a device.');

const podSchedulingGroupSchema = struct({
  podGroupName: pointer(text),
});
/** The group that the pod is scheduled with. */
export interface PodSchedulingGroup extends z.infer<typeof podSchedulingGroupSchema> {}
/** Schema of {@link PodSchedulingGroup}. */
export const podSchedulingGroup: Schema<PodSchedulingGroup> = described(podSchedulingGroupSchema, 'The group that the pod is scheduled with.');

const podSpecSchema = struct({
  volumes: list(volume, { strategy: 'merge,retainKeys', key: 'name', listType: 'map' }).optional(),
  containers: requiredList(container, { strategy: 'merge', key: 'name', listType: 'map' }),
  restartPolicy: text.optional(),
  terminationGracePeriodSeconds: pointer(int64),
  activeDeadlineSeconds: pointer(int64),
  dnsPolicy: text.optional(),
  nodeSelector: withMerge(textMap, { mapType: 'atomic' }),
  serviceAccountName: text.optional(),
  serviceAccount: text.optional(),
  nodeName: text.optional(),
  hostNetwork: flag.optional(),
  hostPID: flag.optional(),
  hostIPC: flag.optional(),
  securityContext: pointer(podSecurityContext),
  imagePullSecrets: list(localObjectReference, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  hostname: text.optional(),
  subdomain: text.optional(),
  affinity: pointer(affinity),
  schedulerName: text.optional(),
  initContainers: list(container, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  automountServiceAccountToken: pointer(flag),
  tolerations: list(toleration).optional(),
  hostAliases: list(hostAlias, { strategy: 'merge', key: 'ip', listType: 'map' }).optional(),
  priorityClassName: text.optional(),
  priority: pointer(int32),
  dnsConfig: pointer(podDNSConfig),
  shareProcessNamespace: pointer(flag),
  readinessGates: list(podReadinessGate).optional(),
  runtimeClassName: pointer(text),
  enableServiceLinks: pointer(flag),
  preemptionPolicy: pointer(text),
  overhead: quantityMap.optional(),
  topologySpreadConstraints: list(topologySpreadConstraint, { strategy: 'merge', key: 'topologyKey', listType: 'map', listKeys: ['topologyKey', 'whenUnsatisfiable'] }).optional(),
  ephemeralContainers: list(ephemeralContainer, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  setHostnameAsFQDN: pointer(flag),
  os: pointer(podOS),
  hostUsers: pointer(flag),
  schedulingGates: list(podSchedulingGate, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  resourceClaims: list(podResourceClaim, { strategy: 'merge,retainKeys', key: 'name', listType: 'map' }).optional(),
  resources: pointer(resourceRequirements),
  hostnameOverride: pointer(text),
  schedulingGroup: pointer(podSchedulingGroup),
});
/** The desired state of a pod. */
export interface PodSpec extends z.infer<typeof podSpecSchema> {}
/** Schema of {@link PodSpec}. */
export const podSpec: Schema<PodSpec> = described(podSpecSchema, 'The desired state of a pod.');

const podTemplateSpecSchema = struct({
  metadata: heldStruct(metadata),
  spec: requiredStruct(podSpec),
});
/** What a controller makes pods from. */
export interface PodTemplateSpec extends z.infer<typeof podTemplateSpecSchema> {}
/** Schema of {@link PodTemplateSpec}. */
export const podTemplateSpec: Schema<PodTemplateSpec> = described(podTemplateSpecSchema, 'What a controller makes pods from.');
