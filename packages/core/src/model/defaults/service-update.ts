import type { Service, ServicePort, ServiceSpec } from '../kinds/service.js';
import { normalizeClusterIPs } from '../validation/service.js';

// What the server does to a Service before it looks at an update: what was allocated stays although the client did not send it, and what the new
// type does not have goes although the client sent it back (patchAllocatedValues and dropTypeDependentFields of pkg/registry/core/service).

/** Prepares the new state of a Service. Mutates the draft. */
export function prepareServiceUpdate(draft: Service, old: Service): void {
  keepAllocated(draft.spec, old.spec);
  normalizeClusterIPs(draft, old);
  dropForeignFields(draft.spec, old.spec);
}

const needsAddress = ({ type }: ServiceSpec): boolean => type !== 'ExternalName';
const needsNodePorts = ({ type }: ServiceSpec): boolean => type === 'NodePort' || type === 'LoadBalancer';
const needsHealthPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean => type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

function keepAllocated(next: ServiceSpec, old: ServiceSpec): void {
  if (needsAddress(next) && needsAddress(old)) {
    if ((next.clusterIP ?? '') === '' && old.clusterIP !== undefined) next.clusterIP = old.clusterIP;
    if ((next.clusterIPs ?? []).length === 0 && old.clusterIPs !== undefined && next.clusterIP === old.clusterIP) next.clusterIPs = [...old.clusterIPs];
    if ((next.ipFamilies ?? []).length === 0 && old.ipFamilies !== undefined) next.ipFamilies = [...old.ipFamilies];
    if (next.ipFamilyPolicy === undefined && old.ipFamilyPolicy !== undefined) next.ipFamilyPolicy = old.ipFamilyPolicy;
  }
  if (needsNodePorts(next) && needsNodePorts(old)) keepNodePorts(next.ports ?? [], old.ports ?? []);
  if (needsHealthPort(next) && needsHealthPort(old) && (next.healthCheckNodePort ?? 0) === 0 && old.healthCheckNodePort !== undefined) next.healthCheckNodePort = old.healthCheckNodePort;
}

/** A port that names no node port keeps the one that the same port (number and protocol) had, unless another port of the service asks for that. */
function keepNodePorts(next: readonly ServicePort[], old: readonly ServicePort[]): void {
  const id = ({ port, protocol = 'TCP' }: ServicePort): string => `${protocol} ${port}`;
  const before = new Map(old.flatMap((port) => ((port.nodePort ?? 0) === 0 ? [] : [[id(port), port.nodePort as number]])));
  const asked = new Set(next.flatMap(({ nodePort = 0 }) => (nodePort === 0 ? [] : [nodePort])));
  for (const port of next) {
    const kept = before.get(id(port));
    if ((port.nodePort ?? 0) === 0 && kept !== undefined && !asked.has(kept)) port.nodePort = kept;
  }
}

/** A field of the old type goes only if the client left it as it was: a change to it is a mistake, which validation has to report. */
function dropForeignFields(next: ServiceSpec, old: ServiceSpec): void {
  if (needsAddress(old) && !needsAddress(next) && old.clusterIP === next.clusterIP) {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const) delete next[field];
  }
  if (needsNodePorts(old) && !needsNodePorts(next)) {
    const before = new Set((old.ports ?? []).map(({ nodePort = 0 }) => nodePort));
    for (const port of next.ports ?? []) if (port.nodePort !== undefined && before.has(port.nodePort)) delete port.nodePort;
    if (next.externalTrafficPolicy === old.externalTrafficPolicy && (next.externalIPs ?? []).length === 0) delete next.externalTrafficPolicy;
  }
  if (needsHealthPort(old) && !needsHealthPort(next) && next.healthCheckNodePort === old.healthCheckNodePort) delete next.healthCheckNodePort;
  if (old.type !== 'LoadBalancer' || next.type === 'LoadBalancer') return;
  if (next.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts) delete next.allocateLoadBalancerNodePorts;
  if (next.loadBalancerClass === old.loadBalancerClass) delete next.loadBalancerClass;
}
