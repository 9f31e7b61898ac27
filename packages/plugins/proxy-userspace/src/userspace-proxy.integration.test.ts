import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { type RouteEndpoint, type ServicePortRoute, silentLogger } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { HandClock } from './test/hand-clock.js';
import { UserspaceProxy, type UserspaceProxyOptions } from './userspace-proxy.js';

const undo: (() => unknown)[] = [];
const ADDRESS = `127.253.${process.pid & 0xff}.7`;
const PORT = 8_080;

afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

function proxyWith(more: Partial<UserspaceProxyOptions> = {}) {
  const clock = new HandClock();
  const proxy = new UserspaceProxy({
    clock,
    log: silentLogger,
    nodeAddresses: [],
    drainMs: 30_000,
    closeDrainMs: 1_000,
    maxConnections: 100,
    udpIdleMs: 60_000,
    maxUdpClients: 100,
    ...more,
  });
  let revision = 0;
  const apply = (endpoints: readonly RouteEndpoint[], protocol: ServicePortRoute['protocol'] = 'TCP'): Promise<void> => {
    const base = { id: 'default/web:', service: { namespace: 'default', name: 'web', uid: '1' }, portName: '', externalIPs: [], loadBalancerIPs: [], sessionAffinity: { type: 'None' } } as const;
    const route: ServicePortRoute = { ...base, protocol, clusterIPs: [ADDRESS], port: PORT, internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Cluster', endpoints };
    return proxy.apply({ upserts: [route], removes: [], revision: (revision += 1) }, new AbortController().signal);
  };
  undo.push(async () => {
    await proxy.close();
    expect(clock.timers.size).toBe(0);
  });
  return { proxy, clock, apply };
}

const at = (port: number): RouteEndpoint => ({ ip: '127.0.0.1', port, ready: true, serving: true, terminating: false });

async function backend(onConnection: (socket: Socket) => void = (socket) => void socket.pipe(socket)): Promise<{ readonly port: number; readonly server: Server; readonly sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as { port: number }).port, server, sockets };
}

/** Connects, sends a word and waits until it comes back. */
async function client(): Promise<Socket> {
  const socket = connect(PORT, ADDRESS);
  undo.push(() => socket.destroy());
  socket.write('hello');
  await once(socket, 'data');
  return socket;
}

const ending = (socket: Socket): Promise<string> => new Promise((resolve) => socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')).on('close', () => resolve('close')));

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

async function udpBackend(name: string): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (_data, from) => socket.send(name, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  undo.push(() => socket.close());
  return socket.address().port;
}

async function udpClient(): Promise<{ ask(): Promise<string> }> {
  const socket: UdpSocket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(PORT, ADDRESS, resolve));
  undo.push(() => socket.close());
  return {
    async ask() {
      socket.send('?');
      const [data] = (await once(socket, 'message')) as [Buffer];
      return data.toString();
    },
  };
}

describe('draining', () => {
  it('cuts connections to an endpoint that is gone after the drain time, and not before', async () => {
    const { clock, apply } = proxyWith();
    const [a, b] = [await backend(), await backend()];
    await apply([at(a.port)]);
    const socket = await client();
    const end = ending(socket);
    await apply([at(b.port)]);
    clock.advance(29_000);
    socket.write('still here');
    await once(socket, 'data');
    clock.advance(1_000);
    expect(await end).toBe('ECONNRESET');
    await until(() => a.sockets.size === 0);
  });

  it('leaves them alone when the endpoint comes back', async () => {
    const { clock, apply } = proxyWith();
    const [a, b] = [await backend(), await backend()];
    await apply([at(a.port)]);
    const socket = await client();
    await apply([at(b.port)]);
    clock.advance(20_000);
    await apply([at(a.port)]);
    clock.advance(60_000);
    socket.write('still here');
    await once(socket, 'data');
    expect(clock.timers.size).toBe(0);
  });

  it('of close ends at once when nothing is connected, and is bounded otherwise', async () => {
    const idle = proxyWith();
    await idle.proxy.close();
    const { proxy, clock, apply } = proxyWith();
    const a = await backend();
    await apply([at(a.port)]);
    const end = ending(await client());
    const closed = proxy.close();
    await until(() => clock.timers.size > 0);
    clock.advance(1_000);
    expect(await end).toBe('ECONNRESET');
    await closed;
    await until(() => a.sockets.size === 0);
  });
});

describe('endpoints that fail', () => {
  it('are passed over: the client is carried to another, with what it sent already', async () => {
    const { apply } = proxyWith();
    const [a, dead] = [await backend(), await backend()];
    dead.server.close();
    await apply([at(dead.port), at(a.port)]);
    for (let i = 0; i < 10; i += 1) (await client()).destroy();
  });

  it('all of them: the client is reset', async () => {
    const { apply } = proxyWith();
    const dead = await backend();
    dead.server.close();
    await apply([at(dead.port)]);
    const socket = connect(PORT, ADDRESS);
    expect(await ending(socket)).toBe('ECONNRESET');
  });
});

describe('bounds', () => {
  it('more clients than allowed are reset; when one leaves, the next is served', async () => {
    const { apply } = proxyWith({ maxConnections: 2 });
    const a = await backend();
    await apply([at(a.port)]);
    const [first] = [await client(), await client()];
    expect(await ending(connect(PORT, ADDRESS))).toBe('ECONNRESET');
    first.destroy();
    await until(() => a.sockets.size === 1);
    await client();
  });

  it('of UDP: the client unheard for longest gives way, and idle ones are forgotten', async () => {
    const { clock, apply } = proxyWith({ maxUdpClients: 2 });
    const [a, b] = [await udpBackend('a'), await udpBackend('b')];
    await apply([at(a), at(b)], 'UDP');
    const [one, two, three] = [await udpClient(), await udpClient(), await udpClient()];
    expect([await one.ask(), await two.ask(), await one.ask()]).toEqual(['a', 'b', 'a']);
    // The third takes the place of the second, who begins anew where the round is.
    expect([await three.ask(), await one.ask(), await two.ask()]).toEqual(['a', 'a', 'b']);
    clock.advance(59_000);
    expect(await one.ask()).toBe('a');
    clock.advance(2_000);
    expect(clock.timers.size).toBe(1);
    clock.advance(60_000);
    expect(clock.timers.size).toBe(0);
  });
});

describe('a listener', () => {
  it('keeps its socket when only endpoints change', async () => {
    const { apply } = proxyWith();
    const [a, b] = [await backend(), await backend()];
    await apply([at(a.port)]);
    const results: Promise<string>[] = [];
    for (let i = 0; i < 50; i += 1) {
      results.push(client().then((socket) => (socket.destroy(), 'answered'), (error: Error) => error.message));
      await apply([at(i % 2 === 0 ? b.port : a.port)]);
    }
    expect(new Set(await Promise.all(results))).toEqual(new Set(['answered']));
  });
});
