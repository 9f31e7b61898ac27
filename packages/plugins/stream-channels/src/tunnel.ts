import { type Clock, longLived, OrreryError } from '@orrery/core';
import type { WebSocket } from 'ws';
import { BytePipe } from './byte-pipe.js';

/** What a tunnel may do. */
export interface TunnelOptions {
  readonly clock: Clock;
  /** Milliseconds in which nothing went either way, after which it is closed. */
  readonly idleMs: number;
}

/** Bytes that came and were not taken yet, beyond which the client is made to wait. */
const INBOX_BYTES = 1024 * 1024;
/** So often a ping is sent, for those between who cut off what is silent. Whether the client lives is told by TCP: one whose output waits for its user answers no pings. */
const PING_MS = 30_000;

/** Codes of RFC 6455, 7.4.1. */
export const CLOSE = { normal: 1000, goingAway: 1001, protocolError: 1002 } as const;

/** Messages both ways with back pressure, over whatever carries them. */
export type MessageTunnel = Pick<Tunnel, 'gone' | 'messages' | 'send' | 'close' | 'terminate'>;

/** A WebSocket as two streams of messages with back pressure both ways. */
export class Tunnel {
  readonly #gone = longLived(new AbortController());
  readonly #inbox = new BytePipe(() => this.#taken());
  readonly #closed: Promise<void>;
  #cancel = (): void => {};
  #activeAt: number;

  constructor(
    private readonly socket: WebSocket,
    private readonly options: TunnelOptions,
  ) {
    this.#activeAt = options.clock.monotonic();
    socket.on('message', (data) => this.#came(data as Buffer));
    // `close` follows, and nobody can be told.
    socket.on('error', () => this.#end());
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#end();
        resolve();
      });
    });
    this.#watch();
  }

  /** Aborts when the client is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The messages of the client, in order, until it is gone or closes. For one reader. */
  get messages(): AsyncIterable<Buffer> {
    return this.#inbox;
  }

  /** Sends one message; resolves when it is on its way. Rejects with `UNAVAILABLE` when the client is gone. */
  send(message: Uint8Array): Promise<void> {
    this.#activeAt = this.options.clock.monotonic();
    return new Promise((resolve, reject) => {
      const lost = (cause?: unknown): void => reject(new OrreryError('UNAVAILABLE', 'The client is gone.', {}, cause));
      if (this.gone.aborted) return lost();
      this.socket.send(message, { binary: true }, (error) => (error == null ? resolve() : lost(error)));
    });
  }

  /** Says goodbye, and resolves when the connection is closed. What the client still sends is dropped. */
  async close(code: number, reason = ''): Promise<void> {
    this.#inbox.discard();
    this.socket.resume();
    this.socket.close(code, reason);
    await this.#closed;
  }

  /** Cuts the connection. */
  terminate(): void {
    this.socket.terminate();
  }

  #came(data: Buffer): void {
    this.#activeAt = this.options.clock.monotonic();
    this.#inbox.push(data);
    if (this.#inbox.length > INBOX_BYTES) this.socket.pause();
  }

  #taken(): void {
    if (this.#inbox.length <= INBOX_BYTES && this.socket.isPaused) this.socket.resume();
  }

  #end(): void {
    this.#cancel();
    this.#inbox.end();
    this.#gone.abort(new OrreryError('ABORTED', 'The client is gone.'));
  }

  #watch(): void {
    const { clock, idleMs } = this.options;
    this.#cancel = clock.timer(Math.min(PING_MS, idleMs), () => {
      if (clock.monotonic() - this.#activeAt >= idleMs) {
        this.socket.close(CLOSE.goingAway, 'nothing was said for too long');
        return;
      }
      // One that is being closed has no use for it.
      if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
      this.#watch();
    });
  }
}
