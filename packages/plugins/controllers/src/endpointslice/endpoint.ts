import type { Endpoint, EndpointPort, Node, Pod, Service, ServicePort } from '@orrery/core';
import { isPodReady, isPodTerminal } from '../shared/pods.js';

// What one pod contributes to a service's endpoints (k8s.io/endpointslice utils.go).

/** Kinds of addresses slices hold. */
export type AddressType = 'IPv4' | 'IPv6';

/** The label whose value is an endpoint's zone. */
export const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Pods that ended or have no address yet are no endpoints; those that are ending still are (ShouldPodBeInEndpoints). */
export const isEndpoint = (pod: Pod): boolean => !isPodTerminal(pod) && ((pod.status?.podIP ?? '') !== '' || (pod.status?.podIPs ?? []).length > 0);

/** The families of addresses a service is served under (getAddressTypesForService). */
export function addressTypesOf({ spec }: Service): readonly AddressType[] {
  const families = (spec.ipFamilies ?? []).filter((family): family is AddressType => family === 'IPv4' || family === 'IPv6');
  if (families.length > 0) return [...new Set(families)];
  const address = spec.clusterIP ?? '';
  if (address !== '' && address !== 'None') return [familyOf(address)];
  return ['IPv4', 'IPv6'];
}

/** The family of an IP address. */
export const familyOf = (address: string): AddressType => (address.includes(':') ? 'IPv6' : 'IPv4');

/** The endpoint that a pod is for a service; its addresses are empty when it has none of that family. */
export function endpointOf(pod: Pod, node: Node | undefined, service: Service, addressType: AddressType): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const { namespace, name, uid } = pod.metadata;
  const { nodeName, hostname, subdomain } = pod.spec;
  const zone = node?.metadata.labels?.[ZONE_LABEL] ?? '';
  return {
    addresses: (pod.status?.podIPs ?? []).map(({ ip }) => ip ?? '').filter((ip) => ip !== '' && familyOf(ip) === addressType),
    conditions: { ready: service.spec.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    targetRef: { kind: 'Pod', ...(namespace !== undefined && { namespace }), ...(name !== undefined && { name }), ...(uid !== undefined && { uid }) },
    ...((nodeName ?? '') !== '' && { nodeName }),
    ...(zone !== '' && { zone }),
    ...((hostname ?? '') !== '' && subdomain === service.metadata.name && namespace === service.metadata.namespace && { hostname }),
  };
}

/** The ports under which a pod serves a service; a named port that the pod does not have is left out (getEndpointPorts). */
export function endpointPorts(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetPort(pod, port);
    if (number === undefined) return [];
    const { appProtocol } = port;
    return [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(appProtocol !== undefined && { appProtocol }) }];
  });
}

/** The number a service's port has in a pod: its own, or that of the container port of that name and protocol (FindPort). */
export function targetPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target;
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const protocol = port.protocol ?? 'TCP';
  for (const container of [...(pod.spec.containers ?? []), ...sidecars]) {
    const found = container.ports?.find((candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol);
    if (found !== undefined) return found.containerPort;
  }
  return undefined;
}
