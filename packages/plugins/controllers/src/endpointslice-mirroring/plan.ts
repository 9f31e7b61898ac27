import { type Endpoint, type EndpointAddress, type Endpoints, EndpointSlice, type EndpointSubset, equalJson, isDns1123Subdomain, type Service } from '@orrery/core';
import { type AddressType, familyOf } from '../endpointslice/endpoint.js';
import { endpointKey, MANAGED_BY_LABEL, portKey, sameEndpoint, SERVICE_LABEL, TRIGGER_TIME } from '../endpointslice/slice.js';
import { controllerRefOf } from '../shared/claim.js';

/** The value of the slices' label `managed-by` for this controller. */
export const MIRRORED_BY = 'endpointslicemirroring-controller.k8s.io';
/** Endpoints that are not to be mirrored say so. */
export const SKIP_MIRROR_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
/** Endpoints that are the lock of an election, of old. */
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
/** Set by kubectl; of no use on slices. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Most addresses of one subset that are mirrored, and so most endpoints in one slice. */
const MAX_PER_SUBSET = 1000;

/** What slices are computed from. */
export interface MirrorView {
  /** The service of the same name; absent when there is none. */
  readonly service: Service | undefined;
  readonly endpoints: Endpoints | undefined;
  /** The slices that this controller made for them. */
  readonly slices: readonly EndpointSlice[];
}

/** What is to be written. */
export interface MirrorPlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** Whether Endpoints are somebody's own and so to be mirrored: their service has no selector, and they do not ask to be left alone. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  const { labels = {}, annotations = {} } = endpoints.metadata;
  return service !== undefined && Object.keys(service.spec.selector ?? {}).length === 0 && labels[SKIP_MIRROR_LABEL] !== 'true' && annotations[LEADER_ANNOTATION] === undefined;
}

/** The slices that say what somebody's own Endpoints say, with as few writes as possible (pkg/controller/endpointslicemirroring). Pure. */
export function planMirror({ service, endpoints, slices }: MirrorView): MirrorPlan {
  if (endpoints === undefined || endpoints.metadata.deletionTimestamp !== undefined || !isMirrored(endpoints, service)) return { create: [], update: [], remove: slices };
  const wanted = slicesOf(endpoints);
  const [create, update, remove]: EndpointSlice[][] = [[], [], []];
  const left = new Map(wanted.map((slice) => [slotOf(slice), slice]));
  for (const slice of slices) {
    const slot = slotOf(slice);
    const next = left.get(slot);
    left.delete(slot);
    if (next === undefined) remove?.push(slice);
    else if (!isSame(slice, next)) update?.push({ ...next, metadata: { ...slice.metadata, labels: next.metadata.labels, annotations: next.metadata.annotations, ownerReferences: next.metadata.ownerReferences } });
  }
  create?.push(...left.values());
  return { create: create ?? [], update: update ?? [], remove: remove ?? [] };
}

const slotOf = ({ addressType, ports }: EndpointSlice): string => `${addressType} ${portKey(ports)}`;

function isSame(slice: EndpointSlice, next: EndpointSlice): boolean {
  const there = new Map(slice.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const { metadata } = slice;
  const same = next.endpoints.every((endpoint) => {
    const found = there.get(endpointKey(endpoint));
    return found !== undefined && sameEndpoint(found, endpoint);
  });
  return same && there.size === next.endpoints.length && equalJson(metadata.labels, next.metadata.labels) && equalJson(metadata.annotations ?? {}, next.metadata.annotations ?? {}) && equalJson(metadata.ownerReferences, next.metadata.ownerReferences);
}

/** One slice for each set of ports and family of addresses. */
function slicesOf(endpoints: Endpoints): readonly EndpointSlice[] {
  const { name = '', namespace, labels = {}, annotations = {} } = endpoints.metadata;
  const { [LAST_APPLIED]: _applied, [TRIGGER_TIME]: _time, ...kept } = annotations;
  const metadata = {
    generateName: isDns1123Subdomain(`${name}-a`).length === 0 ? `${name}-` : name,
    ...(namespace !== undefined && { namespace }),
    labels: { ...labels, [SERVICE_LABEL]: name, [MANAGED_BY_LABEL]: MIRRORED_BY },
    annotations: kept,
    ownerReferences: [controllerRefOf({ ...endpoints, apiVersion: 'v1', kind: 'Endpoints' })],
  };
  const found = new Map<string, EndpointSlice>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map(({ name: port = '', port: number, protocol = 'TCP', appProtocol }) => ({ name: port, port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }));
    for (const [addressType, endpoint] of endpointsOf(subset)) {
      const empty: EndpointSlice = { apiVersion: EndpointSlice.apiVersion, kind: EndpointSlice.kind, metadata, addressType, endpoints: [], ports };
      const slice = found.get(slotOf(empty)) ?? empty;
      found.set(slotOf(empty), slice);
      if (slice.endpoints.length < MAX_PER_SUBSET && !slice.endpoints.some((other) => endpointKey(other) === endpointKey(endpoint))) slice.endpoints.push(endpoint);
    }
  }
  return [...found.values()];
}

function endpointsOf({ addresses = [], notReadyAddresses = [] }: EndpointSubset): readonly (readonly [AddressType, Endpoint])[] {
  const of = ({ ip, hostname = '', nodeName, targetRef }: EndpointAddress, ready: boolean): readonly [AddressType, Endpoint] => [
    familyOf(ip),
    { addresses: [ip], conditions: { ready }, ...(hostname !== '' && { hostname }), ...(nodeName !== undefined && { nodeName }), ...(targetRef !== undefined && { targetRef }) },
  ];
  return [...addresses.map((address) => of(address, true)), ...notReadyAddresses.map((address) => of(address, false))];
}
