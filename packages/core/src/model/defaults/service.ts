import type { Endpoints } from '../kinds/endpoints.js';
import type { EndpointSlice } from '../kinds/endpointslice.js';
import type { Service } from '../kinds/service.js';

/** The default of how long a client sticks to an endpoint, in seconds. */
const CLIENT_IP_SECONDS = 10_800;

/** Fills in what a Service leaves open (SetDefaults_Service). Addresses and node ports are the server's to allocate. */
export function applyServiceDefaults({ spec, status }: Service): void {
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: CLIENT_IP_SECONDS } };
  }
  spec.type ??= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (external || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)) spec.externalTrafficPolicy ??= 'Cluster';
  if (external || spec.type === 'ClusterIP') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type !== 'LoadBalancer') return;
  spec.allocateLoadBalancerNodePorts ??= true;
  for (const ingress of status?.loadBalancer?.ingress ?? []) if ((ingress.ip ?? '') !== '') ingress.ipMode ??= 'VIP';
}

/** Fills in what Endpoints leave open (SetDefaults_Endpoints). */
export function applyEndpointsDefaults({ subsets = [] }: Endpoints): void {
  for (const { ports = [] } of subsets) for (const port of ports) port.protocol ??= 'TCP';
}

/** Fills in what an EndpointSlice leaves open (discovery SetDefaults_EndpointPort). */
export function applyEndpointSliceDefaults(slice: EndpointSlice): void {
  for (const port of slice.ports) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
}
