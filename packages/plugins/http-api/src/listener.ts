import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type CertificateSource, errorMessage, type Logger, OrreryError } from '@orrery/core';
import type { UpgradeListener } from '@orrery/stream-channels';
import type { HttpLimits } from './limits.js';

/** Certificates of a server, as PEM. */
export interface TlsOptions {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** Certificate authorities of clients; without them no certificate of a client is asked for. */
  readonly clientCa?: string | Buffer;
  /** Told of each newer pair, which new connections are then served with. */
  readonly renewed?: CertificateSource;
}

/** Where a server listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: TlsOptions;
}

/** How often the limits of slow headers are looked at, milliseconds. */
const CHECK_MS = 1_000;
/** Headers of one request at most, bytes. */
const HEADER_BYTES = 32 * 1024;

/** A server of our own around the handlers of an `HttpApi`. */
export class Listener {
  readonly #server: Server;
  /** Also those still in their handshake, which an HTTP server does not count as connections but waits for. */
  readonly #sockets = new Set<Socket>();
  #closing = false;
  #unsubscribe = (): void => {};

  constructor({ handle, upgrade }: { readonly handle: RequestListener; readonly upgrade: UpgradeListener }, tls: TlsOptions | undefined, limits: HttpLimits, log: Logger) {
    const bounds = { headersTimeout: limits.headersMs, requestTimeout: limits.headersMs + limits.bodyMs, connectionsCheckingInterval: CHECK_MS, maxHeaderSize: HEADER_BYTES, keepAliveTimeout: 60_000 };
    this.#server = tls === undefined ? createServer(bounds, handle) : createTlsServer({ ...bounds, ...secure(tls), handshakeTimeout: limits.headersMs }, handle);
    const renewed = tls?.renewed;
    if (tls !== undefined && renewed !== undefined) this.#unsubscribe = renewed.changed(() => (this.#server as TlsServer).setSecureContext(secure({ ...tls, ...renewed.current() })));
    this.#server.on('upgrade', upgrade);
    this.#server.on('connection', (socket: Socket) => {
      // One that was accepted before the end and is told of after it.
      if (this.#closing) return void socket.destroy();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.maxConnections = limits.connections;
    // When a connection cannot be accepted, say for want of file descriptors, the others go on.
    this.#server.on('error', (error) => log.warn('the listener of the Kubernetes API had an error', { error: errorMessage(error) }));
  }

  /** Resolves with the address in use. Throws `IN_USE` or `UNAVAILABLE` when it cannot be taken. */
  listen({ host, port }: Pick<ListenOptions, 'host' | 'port'>): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void => reject(new OrreryError(cause.code === 'EADDRINUSE' ? 'IN_USE' : 'UNAVAILABLE', `Cannot listen on ${host} port ${port}: ${errorMessage(cause)}.`, { host, port }, cause));
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Accepts nothing more, waits for `drained`, then ends all connections. */
  async close(drained: Promise<void>): Promise<void> {
    this.#unsubscribe();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await drained;
    this.#closing = true;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function secure({ key, cert, clientCa }: TlsOptions) {
  // Who shows no certificate may have a token: what is shown is looked at when a request comes.
  return { key, cert, minVersion: 'TLSv1.2' as const, ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: false }) };
}
