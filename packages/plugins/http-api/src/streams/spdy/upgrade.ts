import type { IncomingMessage } from 'node:http';
import { ApiError } from '@orrery/core';
import type { Upgrade } from '@orrery/stream-channels';

/** Whether a client wishes to speak SPDY/3.1 on its connection, as Kubernetes' clients did before WebSockets. Pure. */
export const wantsSpdy = ({ headers }: Pick<IncomingMessage, 'headers'>): boolean => headers.upgrade?.toLowerCase() === 'spdy/3.1';

/** The protocol that is spoken over the streams: the first of the client's that is known (`httpstream.Handshake`). Throws BadRequest where none is named, Forbidden where none is known. Pure. */
export function protocolOverSpdy({ headers }: Pick<IncomingMessage, 'headers'>, accepted: readonly string[]): string {
  const offered = String(headers['x-stream-protocol-version'] ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
  if (offered.length === 0) throw ApiError.badRequest('unable to upgrade: X-Stream-Protocol-Version is required');
  const chosen = offered.find((name) => accepted.includes(name));
  if (chosen === undefined) throw new ApiError('Forbidden', `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ').slice(0, 200)}], server accepts [${accepted.join(' ')}]`);
  return chosen;
}

/** Tells the client that SPDY is spoken from now on. `protocol`: one that is known, not what the client wrote. */
export function acceptSpdy({ socket }: Pick<Upgrade, 'socket'>, protocol: string): void {
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`);
}
