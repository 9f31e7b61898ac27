import { connect, type Socket } from 'node:net';
import type { CancelTimer, Clock, RouteEndpoint } from '@orrery/core';
import type { ConnectionCount } from './connections.js';
import { endpointKey, type Origin } from './plan.js';
import type { RouteState } from './route-state.js';

/** Endpoints tried for one client before it is given up. */
const ATTEMPTS = 4;
/** An endpoint that has not answered by then counts as failed. */
const CONNECT_MS = 5_000;

/** Carries the connections of clients to endpoints. One per proxy. */
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
    this.count.add(client);
    client.once('close', () => this.count.delete(client));
    this.#attempt(client, state, origin, undefined);
  }

  /** Stops watching; for the end of the proxy, when no connection is left. */
  close(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }

  /** Tries one endpoint after the other. What the client sends meanwhile waits in its socket: nothing is lost when an endpoint refuses. */
  #attempt(client: Socket, state: RouteState, origin: Origin, tried: Set<string> | undefined): void {
    const endpoint = tried !== undefined && tried.size >= ATTEMPTS ? undefined : state.balancer.pick(origin, () => client.remoteAddress ?? '', tried);
    if (endpoint === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: endpoint.ip, port: endpoint.port, allowHalfOpen: true, noDelay: true });
    this.#watch(upstream);
    let connected = false;
    upstream.on('error', toldByClose);
    upstream.once('connect', () => {
      connected = true;
      this.#connecting.delete(upstream);
      if (client.destroyed) upstream.destroy();
      else join(client, upstream, state, endpoint);
    });
    upstream.once('close', () => {
      if (connected) return;
      this.#connecting.delete(upstream);
      if (!client.destroyed) this.#attempt(client, state, origin, (tried ?? new Set()).add(endpointKey(endpoint)));
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

/** Joins both ends. `pipe` keeps back-pressure and half-close; what it does not do is to end one side when the other breaks. */
function join(client: Socket, upstream: Socket, { connections }: RouteState, endpoint: RouteEndpoint): void {
  connections.add(endpoint, client);
  client.once('close', (broken: boolean) => {
    connections.delete(endpoint, client);
    if (broken || !endedWell(client)) upstream.resetAndDestroy();
  });
  upstream.once('close', (broken: boolean) => {
    if (broken || !endedWell(upstream)) client.resetAndDestroy();
  });
  client.pipe(upstream);
  upstream.pipe(client);
}

/** Both directions came to their end: what is still to be delivered to the other side may take its time. */
const endedWell = (socket: Socket): boolean => socket.readableEnded && socket.writableFinished;

/** `close` follows every error and says so. Peers that reset their connections are no news. */
const toldByClose = (): void => {};
