// A program of the proxy benchmark: answers every request with one small HTTP reply. It does not parse: requests come whole and one at a time.
import { createServer } from 'node:net';
import { REPLY } from './proxy-wire.js';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', () => socket.write(REPLY));
  socket.on('error', () => socket.destroy());
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send?.((server.address() as { port: number }).port));
process.on('disconnect', () => process.exit(0));
