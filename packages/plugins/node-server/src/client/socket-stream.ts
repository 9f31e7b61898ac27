import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { DuplexStream } from '@orrery/core';

/** A socket as the two streams of the contract. It ends when the signal aborts. */
export function asStream(socket: Socket, signal: AbortSignal): DuplexStream {
  const end = (): void => void socket.destroy();
  signal.addEventListener('abort', end, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', end));
  if (signal.aborted) end();
  return {
    readable: socket,
    write: (chunk) => new Promise((resolve, reject) => void socket.write(chunk, (error) => (error == null ? resolve() : reject(error)))),
    end: () => void socket.end(),
    close: async () => {
      if (socket.destroyed) return;
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    },
  };
}
