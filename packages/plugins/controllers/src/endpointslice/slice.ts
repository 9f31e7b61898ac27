import { canonicalJson, type Endpoint, type EndpointPort, EndpointSlice, equalJson, isDns1123Subdomain, type Service } from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';
import type { AddressType } from './endpoint.js';

/** The service a slice belongs to. */
export const SERVICE_LABEL = 'kubernetes.io/service-name';
/** Who looks after a slice. */
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
/** The value of {@link MANAGED_BY_LABEL} for this controller. */
export const MANAGED_BY = 'endpointslice-controller.k8s.io';
/** The service has no address of its own. */
export const HEADLESS_LABEL = 'service.kubernetes.io/headless';
/** When what a slice shows happened, for measuring how long it took to be programmed. */
export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

const RESERVED: ReadonlySet<string> = new Set([SERVICE_LABEL, MANAGED_BY_LABEL, HEADLESS_LABEL]);

/** A slice without a name is yet to be made. */
export type DesiredSlice = EndpointSlice;

/** The labels of a service's slices: the service's own and the reserved ones (setEndpointSliceLabels). */
export function sliceLabels({ metadata, spec }: Service): Record<string, string> {
  const headless = (spec.clusterIP ?? '') === '' || spec.clusterIP === 'None';
  return {
    ...unreserved(metadata.labels),
    ...(headless && { [HEADLESS_LABEL]: '' }),
    [SERVICE_LABEL]: metadata.name ?? '',
    [MANAGED_BY_LABEL]: MANAGED_BY,
  };
}

const unreserved = (labels: Readonly<Record<string, string>> = {}): Record<string, string> => Object.fromEntries(Object.entries(labels).filter(([key]) => !RESERVED.has(key)));

/** Whether the slice lacks labels of the service or has others. Reserved ones do not count: they are set whenever a slice is written. */
export const labelsDiffer = (slice: EndpointSlice, service: Service): boolean => !equalJson(unreserved(slice.metadata.labels), unreserved(service.metadata.labels));

/** An empty slice of a service. */
export function emptySlice(service: Service, addressType: AddressType, ports: readonly EndpointPort[]): DesiredSlice {
  const { name = '', namespace } = service.metadata;
  const owner = { ...service, apiVersion: 'v1', kind: 'Service' };
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: {
      generateName: isDns1123Subdomain(`${name}-a`).length === 0 ? `${name}-` : name,
      ...(namespace !== undefined && { namespace }),
      labels: sliceLabels(service),
      ownerReferences: [controllerRefOf(owner)],
    },
    addressType,
    endpoints: [],
    ports: [...ports],
  };
}

/** Owned by this very service, not by an earlier one of the same name. */
export const isOwnedBy = (slice: EndpointSlice, service: Service): boolean =>
  slice.metadata.ownerReferences?.some(({ uid, kind, apiVersion }) => uid === service.metadata.uid && kind === 'Service' && apiVersion === 'v1') ?? false;

/** Slices with equal port keys can share endpoints; the order of ports does not count. */
export const portKey = (ports: readonly EndpointPort[] | undefined): string => (ports ?? []).map(canonicalJson).sort().join(' ');

/** Names an endpoint within a service: the pod and its addresses. */
export const endpointKey = ({ addresses, targetRef }: Endpoint): string => `${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''} ${[...addresses].sort().join(' ')}`;

/** Everything but hints is as it was (EndpointsEqualBeyondHash). */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.nodeName === b.nodeName && a.zone === b.zone && a.hostname === b.hostname && equalJson(a.conditions, b.conditions) && sameTarget(a, b);
}

const sameTarget = ({ targetRef: a }: Endpoint, { targetRef: b }: Endpoint): boolean =>
  a?.kind === b?.kind && a?.namespace === b?.namespace && a?.name === b?.name && a?.uid === b?.uid;
