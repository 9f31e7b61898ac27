import type { RemoteInfo, Socket, SocketType } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { CancelTimer, Clock } from '@orrery/core';
import type { Listener } from './listener.js';
import { endpointKey, type ListenerPlan } from './plan.js';
import type { RouteState } from './route-state.js';
import { openUdp, UdpSession } from './udp-session.js';

/** What a listener needs, and the bounds of its clients. */
export interface UdpOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  /** Clients at a time; the one unheard for longest gives way. */
  readonly maxClients: number;
  /** Told of failures of the socket after it was opened. */
  troubled(error: Error): void;
}

/** Listens for datagrams to a route. Each client (address and port) has one session with one endpoint until it falls idle. */
export class UdpListener implements Listener {
  readonly #socket: Socket;
  readonly #family: SocketType;
  /** Ordered by last use. */
  readonly #sessions = new Map<string, UdpSession>();
  #cancelSweep: CancelTimer | undefined;
  #closed = false;

  constructor(
    private readonly plan: ListenerPlan,
    private state: RouteState,
    private readonly options: UdpOptions,
  ) {
    this.#family = isIPv6(plan.address) ? 'udp6' : 'udp4';
    this.#socket = openUdp(this.#family);
  }

  open(): Promise<void> {
    const { address, port } = this.plan;
    return new Promise((resolve, reject) => {
      this.#socket.once('error', (error) => {
        this.close();
        reject(error);
      });
      this.#socket.bind({ address, port, exclusive: true }, () => {
        this.#socket.removeAllListeners('error');
        this.#socket.on('error', this.options.troubled);
        this.#socket.on('message', (data, from) => this.#forward(data, from));
        resolve();
      });
    });
  }

  /** Clients of endpoints that may not get new connections begin a new session with their next datagram (kube-proxy forgets such flows too). */
  follow(state: RouteState): void {
    this.state = state;
    const eligible = new Set(state.balancer.eligible(this.plan.origin).map(endpointKey));
    for (const [client, session] of this.#sessions) if (!eligible.has(endpointKey(session.endpoint))) this.#end(client, session);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelSweep?.();
    for (const [client, session] of this.#sessions) this.#end(client, session);
    this.#socket.close();
  }

  #forward(data: Buffer, from: RemoteInfo): void {
    const client = `${from.address} ${from.port}`;
    const session = this.#sessions.get(client) ?? this.#begin(client, from);
    if (session === undefined) return;
    this.#sessions.delete(client);
    this.#sessions.set(client, session);
    session.seen = this.options.clock.monotonic();
    session.send(data);
  }

  #begin(client: string, { address, port }: RemoteInfo): UdpSession | undefined {
    const endpoint = this.state.balancer.pick(this.plan.origin, { remoteAddress: address });
    if (endpoint === undefined) return undefined;
    if (this.#sessions.size >= this.options.maxClients) for (const [oldest, session] of this.#sessions) { this.#end(oldest, session); break; }
    const session: UdpSession = new UdpSession(endpoint, {
      answer: (data) => {
        session.seen = this.options.clock.monotonic();
        if (!this.#closed) this.#socket.send(data, port, address);
      },
      failed: () => {
        if (this.#sessions.get(client) === session) this.#end(client, session);
      },
    });
    this.#cancelSweep ??= this.options.clock.timer(this.options.idleMs, () => this.#sweep());
    return session;
  }

  #end(client: string, session: UdpSession): void {
    this.#sessions.delete(client);
    session.close();
  }

  #sweep(): void {
    const now = this.options.clock.monotonic();
    let next = Infinity;
    for (const [client, session] of this.#sessions) {
      const left = session.seen + this.options.idleMs - now;
      if (left <= 0) this.#end(client, session);
      else next = Math.min(next, left);
    }
    this.#cancelSweep = next === Infinity ? undefined : this.options.clock.timer(next, () => this.#sweep());
  }
}
