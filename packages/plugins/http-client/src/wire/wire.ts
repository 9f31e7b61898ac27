import { X509Certificate } from 'node:crypto';
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { type CertificateSource, OrreryError, VERSION } from '@orrery/core';
import type { Connection } from '../credentials/connection.js';
import type { WireRequest } from './plan-request.js';

/** Why a request was not answered. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  constructor(
    override readonly cause: Error,
    /** Nothing of the request can have reached the server. */
    readonly unsent: boolean,
    /** The connection had been used before: the server may have closed it just then. */
    readonly reused: boolean,
  ) {
    super(cause.message);
  }
}

/** Probes of an idle connection, for networks that drop it silently. */
const KEEP_ALIVE_MS = 15_000;

/** Connections to one server. */
export class Wire {
  readonly #agents: { readonly requests: HttpAgent; readonly watches: HttpAgent };
  readonly #base: string;
  readonly #url: URL;
  readonly #isSecure: boolean;
  readonly #tls: object;
  readonly #certificate: CertificateSource | undefined;

  /** Throws `INVALID` for a server that cannot be reached so, or certificates that cannot be used. */
  constructor(connection: Connection, connections: number) {
    this.#url = urlOf(connection);
    this.#isSecure = this.#url.protocol === 'https:';
    this.#base = this.#url.pathname.replace(/\/+$/, '');
    const { ca, cert, key, serverName, insecure, certificate } = connection.tls;
    this.#certificate = certificate;
    this.#tls = { ...(serverName !== undefined && { servername: serverName }), rejectUnauthorized: insecure !== true, ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert, key }) };
    if (this.#isSecure) checkCertificates({ ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) });
    const agent = (maxSockets: number): HttpAgent => new (this.#isSecure ? HttpsAgent : HttpAgent)({ keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets });
    this.#agents = { requests: agent(connections), watches: agent(Number.POSITIVE_INFINITY) };
  }

  /** Sends a request and resolves with its answer as soon as that begins. Rejects with `Unanswered`. Aborting destroys the request and its answer, whenever it happens. */
  send({ method, path, body }: WireRequest, headers: OutgoingHttpHeaders, signal: AbortSignal, purpose: 'requests' | 'watches'): Promise<IncomingMessage> {
    const bytes = body === undefined ? undefined : Buffer.from(body.text);
    return new Promise((resolve, reject) => {
      let isSent = false;
      const request: ClientRequest = (this.#isSecure ? httpsRequest : httpRequest)({
        protocol: this.#url.protocol,
        hostname: this.#url.hostname.replace(/^\[|\]$/g, ''),
        port: this.#url.port === '' ? undefined : this.#url.port,
        path: `${this.#base}${path}`,
        method,
        agent: this.#agents[purpose],
        ...this.#tls,
        // A connection is used again only for the same certificate.
        ...this.#certificate?.current(),
        headers: {
          accept: 'application/json',
          'user-agent': `orrery/${VERSION}`,
          ...headers,
          ...(bytes !== undefined && { 'content-type': body?.type, 'content-length': bytes.length }),
        },
      });
      const abort = (): void => void request.destroy(signal.reason instanceof Error ? signal.reason : new OrreryError('ABORTED', 'The request was aborted.'));
      const leave = (): void => signal.removeEventListener('abort', abort);
      request.on('socket', (socket: Socket) => whenConnected(socket, this.#isSecure, () => (isSent = true)));
      request.on('error', (error) => reject(new Unanswered(error, !isSent, request.reusedSocket)));
      request.on('response', resolve);
      request.on('close', leave);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      request.end(bytes);
    });
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}

/** Until then nothing of the request is on its way. */
function whenConnected(socket: Socket, isSecure: boolean, connected: () => void): void {
  if (isSecure ? (socket as TLSSocket).getProtocol?.() !== null && !socket.connecting : !socket.connecting) return connected();
  socket.once(isSecure ? 'secureConnect' : 'connect', connected);
}

function urlOf({ server, token, tls }: Connection): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.search !== '' || url.username !== '') {
    throw new OrreryError('INVALID', `${JSON.stringify(server)} is no address of a Kubernetes API: it must be like https://HOST:PORT.`);
  }
  if (url.protocol === 'http:' && (token !== undefined || tls.cert !== undefined || tls.certificate !== undefined)) throw new OrreryError('INVALID', `Credentials are not sent to ${server}, which is not encrypted: use https.`);
  return url;
}

function checkCertificates(pair: { readonly ca?: string; readonly cert?: string; readonly key?: string }): void {
  try {
    // A bundle of authorities in which there is none would be taken without a word.
    if (pair.ca !== undefined) new X509Certificate(pair.ca);
    createSecureContext(pair);
  } catch (cause) {
    throw new OrreryError('INVALID', `The certificates cannot be used: ${(cause as Error).message}.`, {}, cause);
  }
}
