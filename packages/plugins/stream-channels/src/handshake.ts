import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

/** A client's wish to speak another protocol on its connection. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What came after the request already. Read only once the wish is granted. */
  readonly head: Buffer;
}

/** What a server calls for a request that wishes for another protocol (the event `upgrade` of `http.Server`). */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Bytes of one message of a client at most; its connection is closed with 1009 beyond. */
const MAX_MESSAGE = 4 * 1024 * 1024;
const TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** Whether a WebSocket is wished for. */
export const wantsWebSocket = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean => headers.upgrade?.toLowerCase() === 'websocket';

/** The protocols that are offered, without those that carry a token. Pure. */
export const offeredProtocols = ({ headers }: Pick<IncomingMessage, 'headers'>): readonly string[] => namedProtocols(headers).filter((name) => !name.startsWith(TOKEN_PREFIX));

/** The token that a browser, which can set no headers, hides among the protocols (as kube-apiserver reads it); undefined without exactly one that is well-formed. Pure. */
export function tokenOfProtocols({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const [carrier, second] = namedProtocols(headers).filter((name) => name.startsWith(TOKEN_PREFIX));
  if (carrier === undefined || second !== undefined) return undefined;
  const encoded = carrier.slice(TOKEN_PREFIX.length);
  const token = /^[\w-]+$/.test(encoded) ? Buffer.from(encoded, 'base64url').toString('utf8') : '';
  return /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}

/** The request with the token of its protocols as if it had been in a header; the request itself where there is none, or a header has one. */
export function withToken(request: IncomingMessage): IncomingMessage {
  const token = request.headers.authorization === undefined && wantsWebSocket(request) ? tokenOfProtocols(request) : undefined;
  return token === undefined ? request : withHeaders(request, { ...request.headers, authorization: `Bearer ${token}` });
}

const namedProtocols = (headers: IncomingMessage['headers']): readonly string[] =>
  (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');

/** Grants wishes. */
export class Handshakes {
  readonly #server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: MAX_MESSAGE });
  readonly #chosen = new WeakMap<IncomingMessage, string>();

  constructor() {
    this.#server.on('headers', (headers, request) => headers.push(`Sec-WebSocket-Protocol: ${this.#chosen.get(request) ?? ''}`));
  }

  /**
   * Opens the WebSocket with the chosen protocol; undefined when the client did not keep to RFC 6455: it was told, and its connection is closed.
   * The name of the protocol may be one that is no token (RFC 6455, 4.1), such as kubectl's.
   */
  accept(request: IncomingMessage, { socket, head }: Upgrade, protocol: string): Promise<WebSocket | undefined> {
    const { 'sec-websocket-protocol': _offered, ...headers } = request.headers;
    const plain = withHeaders(request, headers);
    this.#chosen.set(plain, protocol);
    return new Promise((resolve) => {
      const closed = (): void => resolve(undefined);
      socket.once('close', closed);
      this.#server.handleUpgrade(plain, socket, head, (opened) => {
        socket.off('close', closed);
        resolve(opened);
      });
    });
  }
}

/** The request, but for its headers. */
const withHeaders = (request: IncomingMessage, headers: IncomingMessage['headers']): IncomingMessage =>
  Object.create(request, { headers: { value: headers, enumerable: true } }) as IncomingMessage;
