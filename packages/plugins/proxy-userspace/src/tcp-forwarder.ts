import { connect, type Socket } from 'node:net';
import type { CancelTimer, Clock } from '@orrery/core';
import { Connection } from './connection.js';
import type { ConnectionCount } from './connections.js';
import type { Origin } from './plan.js';
import { refuse } from './refusal.js';
import type { RouteState } from './route-state.js';
import type { UseListener } from './use.js';
import { WaitingRoom } from './waiting-room.js';

/** An endpoint that has not answered by then counts as failed. */
const CONNECT_MS = 5_000;

/** What a forwarder works with. */
export interface ForwarderOptions {
  readonly clock: Clock;
  readonly count: ConnectionCount;
  readonly maxConnections: number;
  readonly maxHeld: number;
  readonly holdMs: number;
  /** Told of the use of routes that hold requests. */
  readonly use?: UseListener | undefined;
}

/** Carries the connections of clients to endpoints. One per proxy. A connection costs no timer and few listeners: that is what its price is made of. */
export class TcpForwarder {
  /** Sockets that are connecting, oldest first, with the moment since when. One timer watches them all. */
  readonly #connecting = new Map<Socket, number>();
  #cancelWatch: CancelTimer | undefined;
  readonly #waiting: WaitingRoom;

  constructor(private readonly options: ForwarderOptions) {
    const { clock, maxHeld, holdMs } = options;
    this.#waiting = new WaitingRoom({
      clock,
      maxHeld,
      holdMs,
      admit: (connection) => this.#attempt(connection),
      refuse: ({ client }, reason) => refuse(client, clock, reason),
    });
  }

  /** Connections that wait for an endpoint, and what they take of memory. */
  get held(): { readonly connections: number; readonly bytes: number } {
    return { connections: this.#waiting.size, bytes: this.#waiting.bytes };
  }

  /** Takes a client that has just been accepted. */
  accept(client: Socket, state: RouteState, origin: Origin): void {
    const { count, maxConnections, use } = this.options;
    client.on('error', toldByClose);
    if (count.size >= maxConnections) {
      client.resetAndDestroy();
      return;
    }
    const connection = new Connection(client, state, origin);
    const { route } = state.balancer;
    const told = route.holdsRequests === true ? use : undefined;
    count.add(client);
    told?.began(route.service);
    client.on('close', (broken: boolean) => {
      count.delete(client);
      told?.ended(route.service);
      this.#waiting.leave(connection);
      connection.clientClosed(broken);
    });
    this.#attempt(connection);
  }

  /** The route is another now: who waits for an endpoint may have one. */
  changed(state: RouteState): void {
    this.#waiting.changed(state);
  }

  /** The route is gone: nobody waits for it any more. */
  gone(state: RouteState): void {
    this.#waiting.gone(state);
  }

  /** Nobody waits any more: the proxy is about to close. */
  refuseAll(): void {
    this.#waiting.close();
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
      // Those it has may just be going, and the first of the next ones not be there yet.
      if (connection.state.balancer.route.holdsRequests === true) this.#waiting.hold(connection);
      else connection.client.resetAndDestroy();
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
    const { clock } = this.options;
    this.#connecting.set(upstream, clock.monotonic());
    this.#cancelWatch ??= clock.timer(CONNECT_MS, () => this.#giveUpSlow());
  }

  #giveUpSlow(): void {
    this.#cancelWatch = undefined;
    const { clock } = this.options;
    const now = clock.monotonic();
    for (const [upstream, since] of this.#connecting) {
      const left = since + CONNECT_MS - now;
      if (left > 0) {
        this.#cancelWatch = clock.timer(left, () => this.#giveUpSlow());
        return;
      }
      upstream.destroy();
    }
  }
}

/** `close` follows every error and says so. Peers that reset their connections are no news. */
const toldByClose = (): void => {};
