import type { Clock, ServicePortRoute } from '@orrery/core';
import { Balancer } from './balancer.js';
import { RouteConnections } from './connections.js';
import type { ListenerPlan, Place } from './plan.js';

/** One route in force: whom it chooses and what is connected. */
export class RouteState {
  readonly balancer: Balancer;
  readonly connections: RouteConnections;
  /** The sockets that it wants, by key. */
  plans: ReadonlyMap<string, ListenerPlan> = new Map();

  constructor(route: ServicePortRoute, place: Place, clock: Clock, drainMs: number) {
    this.balancer = new Balancer(route, place, clock);
    this.connections = new RouteConnections(clock, drainMs);
  }

  /** Follows a change. */
  update(route: ServicePortRoute): void {
    this.balancer.update(route);
    this.connections.keep(route.endpoints);
  }
}
