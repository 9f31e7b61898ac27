import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type CertificateSource, type Clock, errorMessage, type Logger, longLived, type NodeStreams, OrreryError } from '@orrery/core';
import { served, type Upgrade } from '@orrery/stream-channels';
import type { NodeMeasures } from '../wire/summary.js';
import { checkClient } from './client-check.js';
import { NodeRequests } from './node-requests.js';

/** What the server of a node is made from. */
export interface NodeServerOptions {
  readonly streams: NodeStreams;
  /** What the node and its pods use now. */
  measures(): NodeMeasures;
  /** What it proves itself with. Until there is one no client gets in. */
  readonly certificate: CertificateSource;
  /** The authority (PEM) whose certificates clients must show. */
  readonly clientCa: string;
  /** Groups of clients, as organizations in their certificates. One is enough. */
  readonly clientGroups: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Logs, commands, attached clients and forwarded ports at the same time; 429 beyond. */
const STREAMS = 1_000;
const CONNECTIONS = 2_000;
const HEADERS_MS = 10_000;
/** More than the API server takes, so that a command that it took is not too long here. */
const HEADER_BYTES = 64 * 1024;

/** The server of one node, which the API server reaches its pods by: what the kubelet's own is. Only over TLS, only for who shows a certificate of the cluster's authority and is in the right group. */
export class NodeServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stopping = longLived(new AbortController());
  readonly #requests: NodeRequests;
  readonly #unsubscribe: () => void;
  #closing = false;

  constructor(private readonly options: NodeServerOptions) {
    const { certificate, clientCa, log, clock } = options;
    this.#requests = new NodeRequests({ ...options, stopping: this.#stopping.signal, streamLimit: STREAMS });
    const tls = { ca: clientCa, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' as const };
    this.#server = createServer(
      { ...tls, ...certificate.current(), headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS, connectionsCheckingInterval: 1_000, maxHeaderSize: HEADER_BYTES, handshakeTimeout: HEADERS_MS },
      (request, response) => void this.#answer(request, response),
    );
    this.#unsubscribe = certificate.changed(() => this.#server.setSecureContext({ ...tls, ...certificate.current() }));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void served(request, socket, clock, (response) => this.#answer(request, response, { socket, head })));
    this.#server.on('connection', (socket: Socket) => {
      // One that was accepted before the end and is told of after it.
      if (this.#closing) return void socket.destroy();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.maxConnections = CONNECTIONS;
    this.#server.on('tlsClientError', (error) => log.debug('a client of the node was not let in', { error: errorMessage(error) }));
    this.#server.on('error', (error) => log.warn('the listener of the node had an error', { error: errorMessage(error) }));
  }

  /** Resolves with the port in use. Throws `IN_USE` or `UNAVAILABLE` when it cannot be taken. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void => reject(new OrreryError(cause.code === 'EADDRINUSE' ? 'IN_USE' : 'UNAVAILABLE', `The node's server cannot listen on ${host} port ${port}: ${errorMessage(cause)}.`, { host, port }, cause));
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Accepts nothing more, ends streams as a server does that goes away, then all connections. Safe to call twice. */
  async close(): Promise<void> {
    this.#unsubscribe();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#stopping.abort(new OrreryError('ABORTED', 'The node goes away.'));
    await this.#requests.ended();
    this.#closing = true;
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    await this.#requests.answer(request, response, upgrade, (path) => checkClient((request.socket as TLSSocket).getPeerCertificate() as ReturnType<TLSSocket['getPeerCertificate']> | null, this.options.clientGroups, request.method ?? '', path));
  }
}
