import type { Socket } from 'node:net';
import type { CancelTimer, Clock, RouteEndpoint } from '@orrery/core';
import { endpointKey } from './plan.js';

/** The client sockets whose connections go to one endpoint of one route. */
class EndpointConnections {
  readonly sockets = new Set<Socket>();
  /** Set while the endpoint is gone and its connections may still end by themselves. */
  cutting: CancelTimer | undefined;
}

/** All established connections of a proxy, counted. */
export class ConnectionCount {
  readonly #sockets = new Set<Socket>();
  #idle: (() => void)[] = [];

  /** How many there are. */
  get size(): number {
    return this.#sockets.size;
  }

  /** A client connected. */
  add(socket: Socket): void {
    this.#sockets.add(socket);
  }

  /** A client's connection ended. */
  delete(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when there is none, after cutting what is left at the end of the delay. */
  async drained(clock: Clock, delayMs: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    const cancel = clock.timer(delayMs, () => cut(this.#sockets));
    await idle;
    cancel();
  }
}

/**
 * The connections of one route by endpoint. When an endpoint leaves the route its connections live on, but only for the drain time; if it comes back
 * before that, they stay.
 */
export class RouteConnections {
  readonly #byEndpoint = new Map<string, EndpointConnections>();

  constructor(
    private readonly clock: Clock,
    private readonly drainMs: number,
  ) {}

  /** Nothing is connected. */
  get empty(): boolean {
    for (const { sockets } of this.#byEndpoint.values()) if (sockets.size > 0) return false;
    return true;
  }

  /** A connection to the endpoint is established. */
  add(endpoint: RouteEndpoint, client: Socket): void {
    const key = endpointKey(endpoint);
    let connections = this.#byEndpoint.get(key);
    if (connections === undefined) this.#byEndpoint.set(key, (connections = new EndpointConnections()));
    connections.sockets.add(client);
  }

  /** A connection ended. */
  delete(endpoint: RouteEndpoint, client: Socket): void {
    const key = endpointKey(endpoint);
    const connections = this.#byEndpoint.get(key);
    connections?.sockets.delete(client);
    if (connections?.sockets.size !== 0 || connections.cutting === undefined) return;
    connections.cutting();
    this.#byEndpoint.delete(key);
  }

  /** Follows the route: gives those to endpoints that are gone their last while. */
  keep(endpoints: readonly RouteEndpoint[]): void {
    const here = new Set(endpoints.map(endpointKey));
    for (const [key, connections] of this.#byEndpoint) {
      if (here.has(key)) {
        connections.cutting?.();
        connections.cutting = undefined;
      } else if (connections.sockets.size === 0) this.#byEndpoint.delete(key);
      else connections.cutting ??= this.clock.timer(this.drainMs, () => cut(connections.sockets));
    }
  }

  /** Forgets the timers; the connections themselves are the proxy's to end. */
  close(): void {
    for (const connections of this.#byEndpoint.values()) connections.cutting?.();
  }
}

/** Ends connections by a reset: the other side must not take a cut stream for a complete one. */
function cut(sockets: Iterable<Socket>): void {
  for (const socket of [...sockets]) socket.resetAndDestroy();
}
