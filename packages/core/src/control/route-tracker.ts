import { holdsRequests } from '../contracts/demand.js';
import type { RouteDelta, RouteEndpoint, ServicePortRoute } from '../contracts/proxy.js';
import { deepFreeze, equalJson } from '../model/json.js';
import type { EndpointSlice } from '../model/kinds/endpointslice.js';
import type { Service, ServicePort } from '../model/kinds/service.js';
import { type ObjectKey, keyOf } from '../model/object.js';

/** The label by which a slice names its Service. */
const SERVICE_NAME = 'kubernetes.io/service-name';
/** Services with one of these labels are not for this proxy (as in kube-proxy's informers). */
const FOREIGN = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'] as const;
const DEFAULT_AFFINITY_SECONDS = 10_800;

type Protocol = ServicePortRoute['protocol'];

/**
 * Turns Services and EndpointSlices into routes, incrementally: a change marks its Service, and {@link RouteTracker.take} computes the marked ones alone
 * (the change trackers of Kubernetes' pkg/proxy). Knows no I/O and no time.
 */
export class RouteTracker {
  readonly #services = new Map<ObjectKey, Service>();
  /** Slices by the key of their Service, then by their own. */
  readonly #slices = new Map<ObjectKey, Map<ObjectKey, EndpointSlice>>();
  readonly #owners = new Map<ObjectKey, ObjectKey>();
  readonly #changed = new Set<ObjectKey>();
  /** What has been told, by Service, then by route. */
  readonly #told = new Map<ObjectKey, Map<string, ServicePortRoute>>();

  /** A Service is new or changed. */
  service(service: Service): void {
    const key = keyOf(service);
    this.#services.set(key, service);
    this.#changed.add(key);
  }

  /** A Service is gone. */
  serviceGone(service: Service): void {
    const key = keyOf(service);
    if (this.#services.delete(key)) this.#changed.add(key);
  }

  /** A slice is new or changed; it may have moved to another Service. */
  slice(slice: EndpointSlice): void {
    const key = keyOf(slice);
    const owner = ownerOf(slice);
    if (this.#owners.get(key) !== owner) this.sliceGone(slice);
    if (owner === undefined) return;
    let slices = this.#slices.get(owner);
    if (slices === undefined) this.#slices.set(owner, (slices = new Map()));
    slices.set(key, slice);
    this.#owners.set(key, owner);
    this.#changed.add(owner);
  }

  /** A slice is gone. */
  sliceGone(slice: EndpointSlice): void {
    const key = keyOf(slice);
    const owner = this.#owners.get(key);
    if (owner === undefined) return;
    this.#owners.delete(key);
    const slices = this.#slices.get(owner);
    slices?.delete(key);
    if (slices?.size === 0) this.#slices.delete(owner);
    this.#changed.add(owner);
  }

  /** Something was told since the last take. */
  get pending(): boolean {
    return this.#changed.size > 0;
  }

  /** The Service by its key, if it is known. */
  find(key: ObjectKey): Service | undefined {
    return this.#services.get(key);
  }

  /** What differs from what was taken before; empty when nothing does. */
  take(): Pick<RouteDelta, 'upserts' | 'removes'> {
    const upserts: ServicePortRoute[] = [];
    const removes: string[] = [];
    for (const key of this.#changed) {
      const before = this.#told.get(key);
      const now = new Map<string, ServicePortRoute>();
      for (const route of this.#routes(key)) {
        const known = before?.get(route.id);
        const same = known !== undefined && equalJson(known, route);
        if (!same) upserts.push(deepFreeze(route));
        now.set(route.id, same ? known : route);
      }
      for (const id of before?.keys() ?? []) if (!now.has(id)) removes.push(id);
      if (now.size > 0) this.#told.set(key, now);
      else this.#told.delete(key);
    }
    this.#changed.clear();
    return { upserts, removes };
  }

  #routes(key: ObjectKey): ServicePortRoute[] {
    const service = this.#services.get(key);
    if (service === undefined || !isRouted(service)) return [];
    const byName = [...(this.#slices.get(key) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, slice]) => slice);
    return routesOf(service, byName);
  }
}

/** The routes of one Service. Pure. */
export function routesOf(service: Service, slices: readonly EndpointSlice[]): ServicePortRoute[] {
  const { metadata, spec, status } = service;
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((address) => address !== '');
  const families = new Set(clusterIPs.map((address) => (address.includes(':') ? 'IPv6' : 'IPv4')));
  const fitting = slices.filter((slice) => families.has(slice.addressType as 'IPv4'));
  const { namespace = '', name = '', uid = '' } = metadata;
  const common = {
    service: { namespace, name, uid },
    clusterIPs,
    externalIPs: spec.externalIPs ?? [],
    loadBalancerIPs: (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', ipMode }) => (ip !== '' && ipMode !== 'Proxy' ? [ip] : [])),
    sessionAffinity: affinityOf(service),
    internalTrafficPolicy: spec.internalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    externalTrafficPolicy: spec.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    ...(holdsRequests(service) && { holdsRequests: true as const }),
  } as const;
  return (spec.ports ?? []).map((port) => ({
    // Two ports of a service may not share a name, so the name alone tells them apart.
    id: `${namespace}/${name}:${port.name ?? ''}`,
    portName: port.name ?? '',
    protocol: (port.protocol ?? 'TCP') as Protocol,
    port: port.port,
    ...((port.nodePort ?? 0) !== 0 && { nodePort: port.nodePort as number }),
    ...common,
    endpoints: endpointsOf(port, fitting),
  }));
}

/**
 * The endpoints of one service port. Target ports were resolved when the slices were made: slice ports belong to the service port of the same name and
 * protocol, and carry each pod's own number. An endpoint that is in several slices (it moves between them) counts once, at its best.
 */
function endpointsOf({ name = '', protocol = 'TCP' }: ServicePort, slices: readonly EndpointSlice[]): RouteEndpoint[] {
  const found = new Map<string, RouteEndpoint>();
  for (const { ports, endpoints } of slices) {
    for (const port of ports) {
      if ((port.name ?? '') !== name || (port.protocol ?? 'TCP') !== protocol || port.port === undefined) continue;
      for (const endpoint of endpoints) {
        // Kubernetes' slices hold one address per endpoint; proxies read the first only.
        const ip = endpoint.addresses[0];
        if (ip === undefined) continue;
        const id = `${ip} ${port.port}`;
        const known = found.get(id);
        const next = toRoute(ip, port.port, endpoint);
        if (known === undefined || rank(next) > rank(known)) found.set(id, next);
      }
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** Unknown readiness counts as ready (EndpointConditions). */
function toRoute(ip: string, port: number, { conditions, nodeName, zone, hints }: EndpointSlice['endpoints'][number]): RouteEndpoint {
  const { ready, serving, terminating } = conditions ?? {};
  return {
    ip,
    port,
    ready: ready ?? true,
    serving: serving ?? ready ?? true,
    terminating: terminating ?? false,
    ...(nodeName !== undefined && { nodeName }),
    ...(zone !== undefined && { zone }),
    ...(hints?.forZones !== undefined && { hintsForZones: hints.forZones.map((forZone) => forZone.name) }),
  };
}

const rank = ({ ready, serving, terminating }: RouteEndpoint): number => (ready && !terminating ? 2 : serving ? 1 : 0);

function affinityOf({ spec }: Service): ServicePortRoute['sessionAffinity'] {
  if (spec.sessionAffinity !== 'ClientIP') return { type: 'None' };
  return { type: 'ClientIP', timeoutSeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS };
}

/** kube-proxy's ShouldSkipService: neither headless, nor an external name, nor without an address, nor another proxy's. */
function isRouted({ metadata, spec }: Service): boolean {
  const address = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '';
  if (spec.type === 'ExternalName' || address === '' || address === 'None') return false;
  return !FOREIGN.some((label) => metadata.labels?.[label] !== undefined);
}

function ownerOf({ metadata }: EndpointSlice): ObjectKey | undefined {
  const name = metadata.labels?.[SERVICE_NAME];
  if (name === undefined || name === '') return undefined;
  return keyOf({ metadata: { namespace: metadata.namespace, name } });
}
