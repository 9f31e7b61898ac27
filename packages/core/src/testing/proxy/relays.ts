import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import type { RouteEndpoint } from '../../contracts/proxy.js';

/** How a relay carries a connection. */
export type RelayBehaviour = 'honest' | 'hangs up' | 'crowded' | 'no half-close' | 'truncates' | 'no back-pressure' | 'silent breaks';

const CROWD = 30;
const LONG = 2 ** 20;

/** Small servers between a mutant and the backends, which do what a broken proxy would. */
export class RelayFarm {
  readonly #close: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();

  /** An endpoint that leads to the given one, in its own way. */
  async relay(to: RouteEndpoint, behaviour: RelayBehaviour): Promise<RouteEndpoint> {
    let clients = 0;
    const server = createServer({ allowHalfOpen: behaviour !== 'no half-close' }, (client) => {
      clients += 1;
      client.on('close', () => (clients -= 1));
      this.#own(client);
      if (behaviour === 'hangs up' || (behaviour === 'crowded' && clients > CROWD)) client.destroy();
      else carry(client, this.#own(connect({ host: to.ip, port: to.port, allowHalfOpen: behaviour !== 'no half-close' })), behaviour);
    });
    this.#close.push(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { ...to, ip: '127.0.0.1', port: (server.address() as { port: number }).port };
  }

  /** A UDP endpoint that hands each datagram to the next of the given ones. */
  async scatter(to: readonly RouteEndpoint[]): Promise<RouteEndpoint> {
    const socket = createSocket('udp4');
    let turn = 0;
    let client = { address: '127.0.0.1', port: 9 };
    socket.on('message', (data, from) => {
      const target = to[(turn += 1) % to.length];
      if (to.some(({ port }) => port === from.port)) socket.send(data, client.port, client.address);
      else if (target !== undefined) {
        client = from;
        socket.send(data, target.port, target.ip);
      }
    });
    this.#close.push(() => socket.close());
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return { ip: '127.0.0.1', port: socket.address().port, ready: true, serving: true, terminating: false };
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends everything. */
  close(): void {
    this.cut();
    for (const close of this.#close.splice(0)) close();
  }

  #own(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

function carry(client: Socket, upstream: Socket, behaviour: RelayBehaviour): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.on('error', () => from.destroy());
    if (behaviour !== 'silent breaks') from.on('close', (broken: boolean) => broken && to.resetAndDestroy());
    if (behaviour === 'no half-close') from.on('end', () => to.destroy());
    if (behaviour === 'no back-pressure') from.on('data', (data) => to.write(data)).on('end', () => to.end());
    else if (behaviour === 'truncates') truncated(from, to);
    else from.pipe(to);
  }
}

function truncated(from: Socket, to: Socket): void {
  let bytes = 0;
  from.on('data', (data) => {
    bytes += data.length;
    if (bytes < LONG) to.write(data);
  });
  from.on('end', () => to.end());
}
