import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { untilAborted, type Clock } from '@orrery/core';

/** So long a client may take to close a connection whose request was refused, milliseconds. */
const LINGER_MS = 1_000;

/**
 * Has a request answered on a connection that the server has given away for another protocol. Whatever is answered, the connection is closed afterwards: nothing else that comes on it is ever read as a request.
 * `work` may take the connection for itself, by `response.detachSocket`; then it must close it. Never rejects.
 */
export async function served(request: IncomingMessage, socket: Duplex, clock: Clock, work: (response: ServerResponse) => Promise<void>): Promise<void> {
  // That it breaks is seen by `close`.
  socket.on('error', () => socket.destroy());
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  // On a connection on which an answer is still being given, its client did not wait: who does so means two readers to see two things.
  if (socket.destroyed || (socket as Duplex & { readonly _httpMessage?: unknown })._httpMessage != null) {
    socket.destroy();
    return;
  }
  response.assignSocket(socket as Socket);
  const drained = (): void => void response.emit('drain');
  socket.on('drain', drained);
  await work(response);
  socket.off('drain', drained);
  if (response.socket === null) return;
  response.detachSocket(socket as Socket);
  await ended(socket, clock);
}

/** Ends a connection; what still comes is dropped, so that the answer is not lost. */
async function ended(socket: Duplex, clock: Clock): Promise<void> {
  if (socket.destroyed) return;
  const closed = new AbortController();
  socket.once('close', () => closed.abort());
  const cancel = clock.timer(LINGER_MS, () => socket.destroy());
  socket.resume();
  socket.end();
  await untilAborted(closed.signal);
  cancel();
}
