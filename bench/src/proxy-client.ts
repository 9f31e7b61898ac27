// A program of the proxy benchmark: loads a port as it is told and reports how much it got through.
import { connect, type Socket } from 'node:net';
import { type ClientOrder, type ClientReport, REPLY, REQUEST } from './proxy-wire.js';

/** Sends request after request on one connection until `over` says so. */
function keepAlive(port: number, over: () => boolean, done: () => void, failed: () => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let left = REPLY.length;
    socket.on('data', (data) => {
      left -= data.length;
      if (left > 0) return;
      left = REPLY.length;
      done();
      if (over()) socket.end();
      else socket.write(REQUEST);
    });
    finish(socket, resolve, failed);
    socket.write(REQUEST);
  });
}

/** One connection, one request. */
function once(port: number, done: () => void, failed: () => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let left = REPLY.length;
    socket.on('data', (data) => {
      left -= data.length;
      if (left > 0) return;
      done();
      socket.end();
    });
    finish(socket, resolve, failed);
    socket.write(REQUEST);
  });
}

function finish(socket: Socket, resolve: () => void, failed: () => void): void {
  socket.on('error', failed);
  socket.on('close', () => resolve());
}

async function carryOut({ mode, port, lanes, durationMs }: ClientOrder): Promise<ClientReport> {
  const start = performance.now();
  const over = (): boolean => performance.now() - start >= durationMs;
  let count = 0;
  let failures = 0;
  const done = (): void => void (count += 1);
  const failed = (): void => void (failures += 1);
  const lane = async (): Promise<void> => {
    if (mode === 'requests') await keepAlive(port, over, done, failed);
    else while (!over()) await once(port, done, failed);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { perSecond: (count / (performance.now() - start)) * 1000, failures };
}

process.on('message', (order: ClientOrder) => void carryOut(order).then((report) => process.send?.(report)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
