import { connect, type Socket } from 'node:net';
import type { CancelTimer, Clock, RouteEndpoint } from '@orrery/core';
import type { ConnectionCount } from './connections.js';
import { endpointKey, type Origin } from './plan.js';
import type { RouteState } from './route-state.js';

/** Endpoints tried for one client before it is given up. */
const ATTEMPTS = 4;
/** An endpoint that has not answered by then counts as failed. */
const CONNECT_MS = 5_000;

/** Carries the connections of clients to endpoints. One per proxy. A connection costs no timer and few listeners: that is what its price is made of. */
export class TcpForwarder {
  /** Sockets that are connecting, oldest first, with the moment since when. One timer watches them all. */
  readonly #connecting = new Map<Socket, number>();
  #cancelWatch: CancelTimer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly count: ConnectionCount,
    private readonly maxConnections: number,
  ) {}

  /** Takes a client that has just been accepted. */
  accept(client: Socket, state: RouteState, origin: Origin): void {
    client.on('error', toldByClose);
    if (this.count.size >= this.maxConnections) {
      client.resetAndDestroy();
      return;
    }
    const connection = new Connection(client, state, origin);
    this.count.add(client);
    client.on('close', (broken: boolean) => {
      this.count.delete(client);
      connection.clientClosed(broken);
    });
    this.#attempt(connection);
  }

  /** Stops watching; for the end of the proxy, when no connection is left. */
  close(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }

  /** Tries one endpoint after the other. What the client sends meanwhile waits in its socket: nothing is lost when an endpoint refuses. */
  #attempt(connection: Connection): void {
    const endpoint = connection.pick();
    if (endpoint === undefined) {
      connection.client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true, noDelay: true });
    this.#watch(upstream);
    upstream.on('error', toldByClose);
    upstream.on('connect', () => {
      this.#connecting.delete(upstream);
      connection.join(upstream, endpoint);
    });
    upstream.on('close', (broken: boolean) => {
      if (connection.upstream === upstream) connection.upstreamClosed(broken);
      else {
        this.#connecting.delete(upstream);
        connection.failed(endpoint);
        if (!connection.client.destroyed) this.#attempt(connection);
      }
    });
  }

  #watch(upstream: Socket): void {
    this.#connecting.set(upstream, this.clock.monotonic());
    this.#cancelWatch ??= this.clock.timer(CONNECT_MS, () => this.#giveUpSlow());
  }

  #giveUpSlow(): void {
    this.#cancelWatch = undefined;
    const now = this.clock.monotonic();
    for (const [upstream, since] of this.#connecting) {
      const left = since + CONNECT_MS - now;
      if (left > 0) {
        this.#cancelWatch = this.clock.timer(left, () => this.#giveUpSlow());
        return;
      }
      upstream.destroy();
    }
  }
}

/** A client and, once it answered, its endpoint. `pipe` keeps back-pressure and half-close; what it does not do is to end one side when the other breaks. */
class Connection {
  upstream: Socket | undefined;
  #endpoint: RouteEndpoint | undefined;
  #tried: Set<string> | undefined;

  constructor(
    readonly client: Socket,
    private readonly state: RouteState,
    private readonly origin: Origin,
  ) {}

  /** The next endpoint to try; undefined when it is time to give up. */
  pick(): RouteEndpoint | undefined {
    return this.#tried !== undefined && this.#tried.size >= ATTEMPTS ? undefined : this.state.balancer.pick(this.origin, this.client, this.#tried);
  }

  /** The endpoint could not be reached. */
  failed(endpoint: RouteEndpoint): void {
    (this.#tried ??= new Set()).add(endpointKey(endpoint));
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

  clientClosed(broken: boolean): void {
    const { client, upstream } = this;
    if (this.#endpoint !== undefined) this.state.connections.delete(this.#endpoint, client);
    if (upstream !== undefined && (broken || !endedWell(client))) upstream.resetAndDestroy();
  }

  upstreamClosed(broken: boolean): void {
    if (broken || !endedWell(this.upstream as Socket)) this.client.resetAndDestroy();
  }
}

/** Both directions came to their end: what is still to be delivered to the other side may take its time. */
const endedWell = (socket: Socket): boolean => socket.readableEnded && socket.writableFinished;

/** `close` follows every error and says so. Peers that reset their connections are no news. */
const toldByClose = (): void => {};
