import type { Socket } from 'node:net';
import type { RouteEndpoint } from '@orrery/core';
import { endpointKey, type Origin } from './plan.js';
import type { RouteState } from './route-state.js';

/** Endpoints tried for one client before it is given up. */
const ATTEMPTS = 4;

/** A client and, once it answered, its endpoint. `pipe` keeps back-pressure and half-close; what it does not do is to end one side when the other breaks. */
export class Connection {
  upstream: Socket | undefined;
  #endpoint: RouteEndpoint | undefined;
  #tried: Set<string> | undefined;

  constructor(
    readonly client: Socket,
    readonly state: RouteState,
    readonly origin: Origin,
  ) {}

  /** The next endpoint to try; undefined when it is time to give up. */
  pick(): RouteEndpoint | undefined {
    return this.#tried !== undefined && this.#tried.size >= ATTEMPTS ? undefined : this.state.balancer.pick(this.origin, this.client, this.#tried);
  }

  /** The endpoint could not be reached. */
  failed(endpoint: RouteEndpoint): void {
    (this.#tried ??= new Set()).add(endpointKey(endpoint));
  }

  /** The route changed: what was tried may answer now. */
  again(): void {
    this.#tried = undefined;
  }

  /** The endpoint answered. */
  join(upstream: Socket, endpoint: RouteEndpoint): void {
    const { client } = this;
    this.upstream = upstream;
    if (client.destroyed) {
      upstream.destroy();
      return;
    }
    this.#endpoint = endpoint;
    this.state.connections.add(endpoint, client);
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** The client's side is closed. */
  clientClosed(broken: boolean): void {
    const { client, upstream } = this;
    if (this.#endpoint !== undefined) this.state.connections.delete(this.#endpoint, client);
    if (upstream !== undefined && (broken || !endedWell(client))) upstream.resetAndDestroy();
  }

  /** The endpoint's side is closed. */
  upstreamClosed(broken: boolean): void {
    if (broken || !endedWell(this.upstream as Socket)) this.client.resetAndDestroy();
  }
}

/** Both directions came to their end: what is still to be delivered to the other side may take its time. */
const endedWell = (socket: Socket): boolean => socket.readableEnded && socket.writableFinished;
