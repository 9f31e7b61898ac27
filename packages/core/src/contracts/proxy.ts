import { OrreryError } from '../kernel/errors.js';
import { list } from '../kernel/tokens.js';

/** One port of one Service, with where its connections go. */
export interface ServicePortRoute {
  /** `namespace/name:port` (the port's name, or empty). */
  readonly id: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly portName: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Cluster addresses; empty for headless services (which are not routed). */
  readonly clusterIPs: readonly string[];
  readonly port: number;
  readonly nodePort?: number;
  readonly externalIPs: readonly string[];
  readonly loadBalancerIPs: readonly string[];
  readonly sessionAffinity: { readonly type: 'None' } | { readonly type: 'ClientIP'; readonly timeoutSeconds: number };
  readonly internalTrafficPolicy: 'Cluster' | 'Local';
  readonly externalTrafficPolicy: 'Cluster' | 'Local';
  /** Connections that find no endpoint may be held for a while instead of being refused, and the use is told (see `demandLease`). Absent: no. */
  readonly holdsRequests?: true;
  /** All endpoints that exist, ready or not; see {@link eligibleEndpoints} for which may get new connections. */
  readonly endpoints: readonly RouteEndpoint[];
}

/** One place a connection can go. */
export interface RouteEndpoint {
  readonly ip: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName?: string;
  readonly zone?: string;
  readonly hintsForZones?: readonly string[];
}

/** What changed since the last delta. Routes are whole: a changed one replaces the one with its id. */
export interface RouteDelta {
  readonly upserts: readonly ServicePortRoute[];
  readonly removes: readonly string[];
  /** The store revision up to which this is complete. */
  readonly revision: number;
}

/**
 * The proxy seat: makes Services reachable on one node.
 * Deltas come one at a time, each after the promise of the one before; the first holds everything and replaces what a former life left behind.
 * When `apply` resolves, new connections follow the new routes. It throws when a route could not be programmed (address in use …): the delta is then
 * given again, after a while, merged with what changed since; what could be programmed should have been.
 */
export interface Proxy extends AsyncDisposable {
  readonly name: string;
  apply(delta: RouteDelta, signal: AbortSignal): Promise<void>;
  /** What is in force. */
  programmed(): { readonly revision: number; readonly routes: number };
  /** Removes every rule and listener; established connections are drained for at most the configured time. Safe to call twice. */
  close(): Promise<void>;
}

/** One route that could not be programmed. */
export interface RouteFailure {
  /** The route's id. */
  readonly route: string;
  /** For a person. */
  readonly reason: string;
}

/**
 * Which routes an error of {@link Proxy.apply} is about: those in its `details.failures`, if it is an `OrreryError` that has them. The runner tells the
 * Services concerned. An error whose code is not worth a retry (`UNSUPPORTED`, say) is told once, and the delta is not given again.
 */
export function routeFailures(error: unknown): readonly RouteFailure[] {
  const failures = OrreryError.is(error) ? error.details['failures'] : undefined;
  return Array.isArray(failures) ? failures.filter((one: Partial<RouteFailure> | null) => typeof one?.route === 'string' && typeof one.reason === 'string') : [];
}

/**
 * Which endpoints may get new connections, as kube-proxy decides it: the ready ones; if there are none, those that are serving while terminating
 * (KEP-1669). With a Local policy only those of this node.
 */
export function eligibleEndpoints(route: Pick<ServicePortRoute, 'endpoints'>, local?: { readonly nodeName: string }): readonly RouteEndpoint[] {
  const near = local === undefined ? route.endpoints : route.endpoints.filter((e) => e.nodeName === local.nodeName);
  const ready = near.filter((e) => e.ready && !e.terminating);
  return ready.length > 0 ? ready : near.filter((e) => e.serving && e.terminating);
}

/** Proxies; each is given every delta. */
export const Proxies = list<Proxy>('Proxy');
