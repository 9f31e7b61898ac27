import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { errno } from './failure.js';

/**
 * Takes a name that only one process of this network namespace can hold; the kernel gives it back when the process dies, however it dies.
 * It is an abstract Unix socket: unlike a lock file it cannot be stale, unlike a port nobody has it by accident.
 * Resolves with `undefined` when somebody else holds it.
 */
export function claim(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => {
      if (errno(error) === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => {
      server.unref();
      resolve(server);
    });
  });
}
