import type { CancelTimer, Clock } from '@orrery/core';
import type { Connection } from './connection.js';
import type { RouteState } from './route-state.js';

/** How long and how many may wait. */
export interface WaitingRoomOptions {
  readonly clock: Clock;
  /** Connections at a time, of all routes. Each takes at most {@link HELD_BYTES} of memory: what a client sends beyond waits on its own side. */
  readonly maxHeld: number;
  readonly holdMs: number;
  /** An endpoint may be there now: try. In the order in which they came. */
  admit(connection: Connection): void;
  /** It will not be served; `reason` is for a person. */
  refuse(connection: Connection, reason: string): void;
}

/** What Node reads from a socket that nobody listens to: one read of 64 KiB above a full buffer. */
export const HELD_BYTES = 131_072;

/** Those whose endpoints refused (a program that is not listening yet, and no probe that says so) are tried again after so long. */
const RETRY_MS = 200;

/** Holds connections of routes without an endpoint, first in first out, until one comes or their time is over. One timer watches them all. */
export class WaitingRoom {
  /** In the order of arrival, with the monotonic moment of it. */
  readonly #held = new Map<Connection, number>();
  /** When those came that were here before and may come back: one that found an endpoint which then refused does not get its time anew. */
  readonly #arrived = new WeakMap<Connection, number>();
  #cancel: CancelTimer | undefined;
  /** Monotonic; when that timer goes off. */
  #due = Infinity;
  #cancelRetry: CancelTimer | undefined;

  constructor(private readonly options: WaitingRoomOptions) {}

  /** How many wait. */
  get size(): number {
    return this.#held.size;
  }

  /** What those who wait have sent and this process holds, bytes. */
  get bytes(): number {
    let sum = 0;
    for (const { client } of this.#held.keys()) sum += client.readableLength;
    return sum;
  }

  /** Takes one in, or refuses it when there is no room. One that was here before keeps its time. */
  hold(connection: Connection): void {
    const { maxHeld, holdMs, clock, refuse } = this.options;
    if (this.#held.size >= maxHeld) return refuse(connection, `${maxHeld} connections are waiting already`);
    const since = this.#arrived.get(connection) ?? clock.monotonic();
    this.#arrived.set(connection, since);
    this.#held.set(connection, since);
    this.#watch(since + holdMs);
    if (isServed(connection)) this.#cancelRetry ??= clock.timer(RETRY_MS, () => this.#retry());
  }

  /** One that comes back is older than those who wait: the timer may have to go off earlier. */
  #watch(due: number): void {
    if (due >= this.#due) return;
    const { clock } = this.options;
    this.#cancel?.();
    this.#due = due;
    this.#cancel = clock.timer(Math.max(0, due - clock.monotonic()), () => this.#expire());
  }

  /** The client went away. */
  leave(connection: Connection): void {
    if (this.#held.delete(connection) && this.#held.size === 0) this.#stop();
  }

  /** The route changed. Those that could go on do, those that may wait no longer are refused. */
  changed(state: RouteState): void {
    const { holdsRequests } = state.balancer.route;
    for (const connection of [...this.#held.keys()]) {
      if (connection.state !== state) continue;
      if (isServed(connection)) this.#admit(connection);
      else if (holdsRequests !== true) this.#refuse(connection, 'the Service has no endpoint and no longer lets requests wait');
    }
  }

  /** The route is gone. */
  gone(state: RouteState): void {
    for (const connection of [...this.#held.keys()]) if (connection.state === state) this.#refuse(connection, 'the Service is gone');
  }

  /** Refuses all. */
  close(): void {
    for (const connection of [...this.#held.keys()]) this.#refuse(connection, 'the proxy stops');
  }

  #admit(connection: Connection): void {
    this.leave(connection);
    connection.again();
    this.options.admit(connection);
  }

  #retry(): void {
    this.#cancelRetry = undefined;
    for (const connection of [...this.#held.keys()]) if (isServed(connection)) this.#admit(connection);
  }

  #refuse(connection: Connection, reason: string): void {
    this.leave(connection);
    this.options.refuse(connection, reason);
  }

  #expire(): void {
    const { clock, holdMs } = this.options;
    this.#cancel = undefined;
    this.#due = Infinity;
    const now = clock.monotonic();
    let next = Infinity;
    for (const [connection, since] of [...this.#held]) {
      const left = since + holdMs - now;
      if (left <= 0) this.#refuse(connection, `no endpoint became ready within ${Math.round(holdMs / 1000)} s`);
      else next = Math.min(next, since + holdMs);
    }
    if (next !== Infinity) this.#watch(next);
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancelRetry?.();
    this.#cancel = this.#cancelRetry = undefined;
    this.#due = Infinity;
  }
}

/** Whether there is an endpoint to try. */
const isServed = ({ state, origin }: Connection): boolean => state.balancer.eligible(origin).length > 0;
