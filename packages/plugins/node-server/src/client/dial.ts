import { isIP } from 'node:net';
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { ApiError, type Clock, errorMessage, OrreryError, systemIdentities } from '@orrery/core';
import { hostAndPort, type NodeEndpoint } from './endpoint.js';

/** What the API server proves itself with to nodes, and whom it trusts; all as PEM. */
export interface NodeCredentials {
  /** The authority that the certificates of nodes are of. */
  readonly ca: string;
  readonly key: string;
  readonly cert: string;
}

const DIAL_MS = 10_000;

/**
 * A connection to the server of a node, which has proved by a certificate of the authority that it is this node (user `system:node:NAME` of the group `system:nodes`, and the address that was dialled).
 * Throws `''` in Go's words of what was dialled (`dial tcp 10.0.0.7:10250: connect: connection refused`), `ABORTED` when the signal aborts. @param asking what it is for, told in errors: `Get "https://…"`
 */
export function dial(endpoint: NodeEndpoint, { ca, key, cert }: NodeCredentials, clock: Clock, asking: string, signal: AbortSignal): Promise<TLSSocket> {
  const { host, port, node } = endpoint;
  return new Promise((resolve, reject) => {
    let isConnected = false;
    let failure: unknown;
    const socket = connect({ host, port, ca, key, cert, minVersion: 'TLSv1.2', ...(isIP(host) === 0 && { servername: host }), checkServerIdentity: (name, certificate) => identityError(node, host, name, certificate) });
    const leave = (): void => {
      cancel();
      signal.removeEventListener('abort', abort);
    };
    const failed = (error: unknown): void => {
      leave();
      failure = OrreryError.is(error, 'ABORTED') ? error : new ApiError('', `${asking}: ${isConnected ? '' : `dial tcp ${hostAndPort(endpoint)}: `}${inGosWords(error as NodeJS.ErrnoException, isConnected)}`, {}, error);
      reject(failure);
      socket.destroy();
    };
    const abort = (): void => failed(new OrreryError('ABORTED', 'The connection to the node was aborted.', {}, signal.reason));
    const cancel = clock.timer(DIAL_MS, () => failed(Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' })));
    socket.once('connect', () => (isConnected = true));
    socket.on('error', failed);
    socket.once('close', () => failed(new Error('EOF')));
    socket.once('secureConnect', () => {
      leave();
      socket.off('error', failed);
      socket.removeAllListeners('close');
      // Who uses it sees by `close` that it broke.
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** A certificate of the same authority, but of another node or of no node, is one of somebody else. */
function identityError(node: string, host: string, name: string, certificate: PeerCertificate): Error | undefined {
  const wrongAddress = checkServerIdentity(isIP(host) === 0 ? name : host, certificate);
  if (wrongAddress !== undefined) return wrongAddress;
  const { CN, O } = certificate.subject as { readonly CN?: string | readonly string[]; readonly O?: string | readonly string[] };
  const isNode = CN === `${systemIdentities.nodeUser}${node}` && (O === systemIdentities.nodes || (Array.isArray(O) && O.includes(systemIdentities.nodes)));
  return isNode ? undefined : new Error(`the certificate is of ${JSON.stringify(CN)}, not of the node ${JSON.stringify(node)}`);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ECONNRESET: 'read: connection reset by peer',
  ENOTFOUND: 'lookup: no such host',
  EAI_AGAIN: 'lookup: server misbehaving',
};

function inGosWords(error: NodeJS.ErrnoException, isConnected: boolean): string {
  const known = WORDS[error.code ?? ''];
  if (known !== undefined) return known;
  return isConnected && error.message !== 'EOF' ? `tls: failed to verify certificate: ${errorMessage(error)}` : errorMessage(error);
}
