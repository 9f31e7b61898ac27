import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { longLived, OrreryError } from '@orrery/core';
import { BytePipe, type MessageTunnel, type TunnelOptions } from '@orrery/stream-channels';

/** Bytes that came and were not taken yet, beyond which the client is made to wait. */
const INBOX_BYTES = 1024 * 1024;
/** So long a client may take to close its connection when it has been told everything, milliseconds. */
const LINGER_MS = 30_000;

/** A connection as a tunnel whose messages are bytes as they come: their borders mean nothing. It has no words to say why it closes. */
export class SocketTunnel implements MessageTunnel {
  readonly #gone = longLived(new AbortController());
  readonly #inbox = new BytePipe(() => this.#taken());
  readonly #closed: Promise<void>;
  #cancel = (): void => {};
  #activeAt: number;

  /** @param head what came already */
  constructor(
    private readonly socket: Duplex,
    head: Buffer,
    private readonly options: TunnelOptions,
  ) {
    this.#activeAt = options.clock.monotonic();
    if (socket instanceof Socket) socket.setNoDelay(true).setTimeout(0);
    if (head.length > 0) this.#inbox.push(head);
    socket.on('data', (chunk: Buffer) => this.#came(chunk));
    // Streams end by words of their own: a client that ends the connection leaves.
    socket.once('end', () => socket.destroy());
    this.#closed = new Promise((resolve) => {
      const closed = (): void => {
        this.#cancel();
        this.#inbox.end();
        this.#gone.abort(new OrreryError('ABORTED', 'The client is gone.'));
        resolve();
      };
      socket.once('close', closed);
      if (socket.destroyed) closed();
    });
    if (!socket.destroyed) this.#watch();
    socket.resume();
  }

  /** Aborts when the client is gone. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the client says, until it is gone or closes. For one reader. */
  get messages(): AsyncIterable<Buffer> {
    return this.#inbox;
  }

  /** Resolves when it is on its way. Rejects with `UNAVAILABLE` when the client is gone. */
  send(bytes: Uint8Array): Promise<void> {
    this.#activeAt = this.options.clock.monotonic();
    return new Promise((resolve, reject) => {
      const lost = (cause?: unknown): void => reject(new OrreryError('UNAVAILABLE', 'The client is gone.', {}, cause));
      if (this.gone.aborted || this.socket.writableEnded) return lost();
      this.socket.write(bytes, (error) => (error == null ? resolve() : lost(error)));
    });
  }

  /** Says nothing more, and resolves when the connection is closed. What the client still sends is dropped. */
  async close(): Promise<void> {
    this.#inbox.discard();
    this.#cancel();
    if (!this.socket.destroyed) this.#cancel = this.options.clock.timer(LINGER_MS, () => this.socket.destroy());
    this.socket.resume();
    this.socket.end();
    await this.#closed;
  }

  /** Cuts the connection. */
  terminate(): void {
    this.socket.destroy();
  }

  #came(chunk: Buffer): void {
    this.#activeAt = this.options.clock.monotonic();
    this.#inbox.push(chunk);
    if (this.#inbox.length > INBOX_BYTES) this.socket.pause();
  }

  #taken(): void {
    if (this.#inbox.length <= INBOX_BYTES && this.socket.isPaused()) this.socket.resume();
  }

  #watch(): void {
    const { clock, idleMs } = this.options;
    const left = this.#activeAt + idleMs - clock.monotonic();
    if (left <= 0) {
      this.socket.destroy();
      return;
    }
    this.#cancel = clock.timer(left, () => this.#watch());
  }
}
