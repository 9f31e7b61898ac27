import { eligibleEndpoints, type RouteEndpoint, type ServicePortRoute } from '@orrery/core';

/** From where a connection comes: by the cluster address, or from outside by a node port. The two have traffic policies of their own. */
export type Origin = 'internal' | 'external';

/** Where this proxy stands. */
export interface Place {
  /** The node it serves; without one it serves all nodes of its process, and a Local policy excludes nobody. */
  readonly nodeName?: string | undefined;
  /** Addresses at which node ports are opened. */
  readonly nodeAddresses: readonly string[];
}

/** One socket to listen on. */
export interface ListenerPlan {
  /** `protocol address port`: what only one socket can have. */
  readonly key: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly address: string;
  readonly port: number;
  readonly origin: Origin;
}

/** The endpoints that may get new connections of this origin. */
export function eligibleFor(route: ServicePortRoute, origin: Origin, { nodeName }: Place): readonly RouteEndpoint[] {
  const policy = origin === 'internal' ? route.internalTrafficPolicy : route.externalTrafficPolicy;
  return eligibleEndpoints(route, policy === 'Local' && nodeName !== undefined ? { nodeName } : undefined);
}

/**
 * The sockets a route needs now: none where it has no endpoint to offer, so that clients are refused by the kernel, unless it holds their connections until there is one.
 * External and load balancer addresses are not this machine's and get none.
 */
export function planListeners(route: ServicePortRoute, place: Place): ListenerPlan[] {
  const { protocol } = route;
  if (protocol === 'SCTP') return [];
  const plans: ListenerPlan[] = [];
  const add = (address: string, port: number, origin: Origin): void => {
    plans.push({ key: `${protocol} ${address} ${port}`, protocol, address, port, origin });
  };
  const waits = route.holdsRequests === true && protocol === 'TCP';
  if (waits || eligibleFor(route, 'internal', place).length > 0) for (const address of route.clusterIPs) add(address, route.port, 'internal');
  const { nodePort } = route;
  if (nodePort !== undefined && (waits || eligibleFor(route, 'external', place).length > 0)) for (const address of place.nodeAddresses) add(address, nodePort, 'external');
  return plans;
}

/** Tells endpoints of one route apart. */
export const endpointKey = ({ ip, port }: Pick<RouteEndpoint, 'ip' | 'port'>): string => `${ip} ${port}`;
