import { type EndpointAddress, Endpoints, equalJson, type Pod, type Service } from '@orrery/core';
import { endpointOf, endpointPorts, isEndpoint } from '../endpointslice/endpoint.js';
import { HEADLESS_LABEL, TRIGGER_TIME } from '../endpointslice/slice.js';
import { isPodReady } from '../shared/pods.js';
import { type Offer, subsetsOf, truncated } from './subsets.js';

/** Who looks after Endpoints. */
export const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by';
/** The value of {@link MANAGED_BY_LABEL} for this controller. */
export const MANAGED_BY = 'endpoint-controller';
/** Not all addresses are shown. */
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
/** Most addresses in one object. */
const MAX_ADDRESSES = 1000;

/** What the Endpoints of a service are computed from. */
export interface EndpointsView {
  readonly service: Service;
  /** The pods that the service selects. */
  readonly pods: readonly Pod[];
  /** As they are now. */
  readonly current: Endpoints | undefined;
  /** When what changed happened, RFC 3339; absent when nothing new did. */
  readonly triggerTime?: string | undefined;
}

/** The Endpoints that a service should have, as they are to be written; undefined when nothing is to be written (pkg/controller/endpoint syncService). Pure. */
export function planEndpoints({ service, pods, current, triggerTime }: EndpointsView): Endpoints | undefined {
  const all = subsetsOf(pods.flatMap((pod) => offersOf(pod, service)));
  const few = truncated(all, MAX_ADDRESSES);
  const subsets = few ?? all;
  const { [MANAGED_BY_LABEL]: _managed, [HEADLESS_LABEL]: _headless, ...own } = service.metadata.labels ?? {};
  const headless = (service.spec.clusterIP ?? '') === '' || service.spec.clusterIP === 'None';
  const labels = { ...own, ...(headless && { [HEADLESS_LABEL]: '' }), [MANAGED_BY_LABEL]: MANAGED_BY };
  const { [OVER_CAPACITY]: marked, [TRIGGER_TIME]: _time, ...others } = current?.metadata.annotations ?? {};
  if (current !== undefined && equalJson(current.subsets ?? [], subsets) && equalJson(current.metadata.labels ?? {}, labels) && (marked === 'truncated') === (few !== undefined)) return undefined;
  const annotations = { ...others, ...(triggerTime !== undefined && { [TRIGGER_TIME]: triggerTime }), ...(few !== undefined && { [OVER_CAPACITY]: 'truncated' }) };
  const { name, namespace } = service.metadata;
  return {
    apiVersion: Endpoints.apiVersion,
    kind: Endpoints.kind,
    metadata: { ...(current?.metadata ?? { ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }) }), labels, annotations },
    ...(subsets.length > 0 && { subsets }),
  };
}

/** What a pod offers to a service: its address under each port. Pods that are ending count only where those that are not ready do. */
function offersOf(pod: Pod, service: Service): readonly Offer[] {
  const { publishNotReadyAddresses = false, ipFamilies, ports = [], clusterIP } = service.spec;
  if (!isEndpoint(pod) || (pod.metadata.deletionTimestamp !== undefined && !publishNotReadyAddresses)) return [];
  const { addresses, targetRef, nodeName, hostname } = endpointOf(pod, undefined, service, ipFamilies?.[0] === 'IPv6' ? 'IPv6' : 'IPv4');
  const [ip] = addresses;
  if (ip === undefined) return [];
  const address: EndpointAddress = { ip, ...(hostname !== undefined && { hostname }), ...(nodeName !== undefined && { nodeName }), ...(targetRef !== undefined && { targetRef }) };
  const ready = publishNotReadyAddresses || isPodReady(pod);
  if (ports.length === 0) return clusterIP === 'None' ? [{ address, ready }] : [];
  return endpointPorts(service, pod).map(({ name = '', port = 0, protocol = 'TCP', appProtocol }) => ({ address, ready, port: { ...(name !== '' && { name }), port, protocol, ...(appProtocol !== undefined && { appProtocol }) } }));
}
