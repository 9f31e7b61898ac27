import type { z } from 'zod';
import { described, flag, int32, intOrString, list, pointer, struct, text, textMap, withMerge } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { condition } from './selectors.js';
import { applyServiceDefaults } from '../defaults/service.js';
import { prepareServiceUpdate } from '../defaults/service-update.js';
import { normalizeClusterIPs, shareNodePorts, validateServiceAddresses, validateServiceName, validateService, validateServiceUpdate } from '../validation/service.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { serviceColumns } from '../table/service-columns.js';

const servicePortSchema = struct({
  name: text.optional(),
  protocol: text.optional(),
  port: int32.default(0),
  targetPort: intOrString.optional(),
  nodePort: int32.optional(),
  appProtocol: pointer(text),
});
/** A port of a service. */
export interface ServicePort extends z.infer<typeof servicePortSchema> {}
/** Schema of {@link ServicePort}. */
export const servicePort: Schema<ServicePort> = described(servicePortSchema, 'A port of a service.');

const clientIPConfigSchema = struct({
  timeoutSeconds: pointer(int32),
});
/** How long a client sticks to an endpoint. */
export interface ClientIPConfig extends z.infer<typeof clientIPConfigSchema> {}
/** Schema of {@link ClientIPConfig}. */
export const clientIPConfig: Schema<ClientIPConfig> = described(clientIPConfigSchema, 'How long a client sticks to an endpoint.');

const sessionAffinityConfigSchema = struct({
  clientIP: pointer(clientIPConfig),
});
/** Settings of session affinity. */
export interface SessionAffinityConfig extends z.infer<typeof sessionAffinityConfigSchema> {}
/** Schema of {@link SessionAffinityConfig}. */
export const sessionAffinityConfig: Schema<SessionAffinityConfig> = described(sessionAffinityConfigSchema, 'Settings of session affinity.');

const serviceSpecSchema = struct({
  ports: list(servicePort, { strategy: 'merge', key: 'port', listType: 'map', listKeys: ['port', 'protocol'] }).optional(),
  selector: withMerge(textMap, { mapType: 'atomic' }),
  clusterIP: text.optional(),
  type: text.optional(),
  externalIPs: list(text).optional(),
  sessionAffinity: text.optional(),
  loadBalancerIP: text.optional(),
  loadBalancerSourceRanges: list(text).optional(),
  externalName: text.optional(),
  externalTrafficPolicy: text.optional(),
  healthCheckNodePort: int32.optional(),
  publishNotReadyAddresses: flag.optional(),
  sessionAffinityConfig: pointer(sessionAffinityConfig),
  ipFamilyPolicy: pointer(text),
  clusterIPs: list(text).optional(),
  ipFamilies: list(text).optional(),
  allocateLoadBalancerNodePorts: pointer(flag),
  loadBalancerClass: pointer(text),
  internalTrafficPolicy: pointer(text),
  trafficDistribution: pointer(text),
});
/** The desired state of a service. */
export interface ServiceSpec extends z.infer<typeof serviceSpecSchema> {}
/** Schema of {@link ServiceSpec}. */
export const serviceSpec: Schema<ServiceSpec> = described(serviceSpecSchema, 'The desired state of a service.');

const portStatusSchema = struct({
  port: int32.default(0),
  protocol: text.default(''),
  error: pointer(text),
});
/** The state of a port of a load balancer. */
export interface PortStatus extends z.infer<typeof portStatusSchema> {}
/** Schema of {@link PortStatus}. */
export const portStatus: Schema<PortStatus> = described(portStatusSchema, 'The state of a port of a load balancer.');

const loadBalancerIngressSchema = struct({
  ip: text.optional(),
  hostname: text.optional(),
  ipMode: pointer(text),
  ports: list(portStatus).optional(),
});
/** An entry point of a load balancer. */
export interface LoadBalancerIngress extends z.infer<typeof loadBalancerIngressSchema> {}
/** Schema of {@link LoadBalancerIngress}. */
export const loadBalancerIngress: Schema<LoadBalancerIngress> = described(loadBalancerIngressSchema, 'An entry point of a load balancer.');

const loadBalancerStatusSchema = struct({
  ingress: list(loadBalancerIngress).optional(),
});
/** The state of a load balancer. */
export interface LoadBalancerStatus extends z.infer<typeof loadBalancerStatusSchema> {}
/** Schema of {@link LoadBalancerStatus}. */
export const loadBalancerStatus: Schema<LoadBalancerStatus> = described(loadBalancerStatusSchema, 'The state of a load balancer.');

const serviceStatusSchema = struct({
  loadBalancer: loadBalancerStatus.optional(),
  conditions: list(condition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
});
/** The observed state of a service. */
export interface ServiceStatus extends z.infer<typeof serviceStatusSchema> {}
/** Schema of {@link ServiceStatus}. */
export const serviceStatus: Schema<ServiceStatus> = described(serviceStatusSchema, 'The observed state of a service.');

/** A stable address for a set of pods (core/v1). */
export interface Service extends KubeObject {
  spec: ServiceSpec;
  status?: ServiceStatus | undefined;
}
/** The kind {@link Service}. */
export const Service: KindDefinition<Service> = buildKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  description: 'A stable address for a set of pods.',
  shortNames: ['svc'],
  categories: ['all'],
  spec: serviceSpec,
  status: serviceStatus,
  tracksGeneration: false,
  columns: serviceColumns,
  rules: {
    applyDefaults: applyServiceDefaults,
    prepareForCreate: (draft) => {
      normalizeClusterIPs(draft);
      shareNodePorts(draft);
    },
    validateFirst: validateServiceAddresses,
    prepareForUpdate: prepareServiceUpdate,
    validateName: validateServiceName,
    validate: validateService,
    validateUpdate: validateServiceUpdate,
    selectableFields: { 'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '', 'spec.type': ({ spec }) => spec.type ?? '' },
  },
});
