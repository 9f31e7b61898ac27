import { createSocket, type Socket, type SocketType } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { RouteEndpoint } from '@orrery/core';

/** Datagrams kept while the socket is being connected; more are dropped, as a full kernel buffer would. */
const EARLY = 64;

/** What a session tells its listener. */
export interface UdpSessionNews {
  answer(data: Buffer): void;
  /** The endpoint refuses, or the socket broke: the next datagram begins a new session. */
  failed(): void;
}

/** One client's exchange with one endpoint, on a socket of its own. */
export class UdpSession {
  /** Monotonic milliseconds of the last datagram in either direction; kept by the listener. */
  seen = 0;
  readonly #socket: Socket;
  #early: Buffer[] | undefined = [];
  #closed = false;

  constructor(
    readonly endpoint: RouteEndpoint,
    news: UdpSessionNews,
  ) {
    this.#socket = openUdp(isIPv6(endpoint.ip) ? 'udp6' : 'udp4');
    this.#socket.on('error', () => news.failed());
    this.#socket.on('message', (data) => news.answer(data));
    // Connected: the kernel drops datagrams of others, and tells when the endpoint's port is closed.
    this.#socket.connect(endpoint.port, endpoint.ip, (error?: Error) => {
      if (error !== undefined) return news.failed();
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const data of early) this.send(data);
    });
  }

  /** Sends a datagram to the endpoint. */
  send(data: Buffer): void {
    if (this.#closed) return;
    if (this.#early === undefined) this.#socket.send(data);
    else if (this.#early.length < EARLY) this.#early.push(data);
  }

  /** Ends it. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}

/** A socket that asks no name server: all addresses here are numbers. */
export function openUdp(type: SocketType): Socket {
  return createSocket({ type, lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4) });
}
