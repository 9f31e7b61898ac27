import { connect, createServer, type Server, type Socket } from 'node:net';
import { type RouteEndpoint, type ServicePortRoute, silentLogger } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { UsedService } from './use.js';
import { HandClock } from './test/hand-clock.js';
import { UserspaceProxy, type UserspaceProxyOptions } from './userspace-proxy.js';
import { HELD_BYTES } from './waiting-room.js';

const ADDRESS = `127.252.${process.pid & 0xff}.7`;
const PORT = 8_080;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one();
});

function proxyWith(more: Partial<UserspaceProxyOptions> = {}) {
  const clock = new HandClock();
  const open = { now: 0, ever: 0 };
  const use = { began: (_: UsedService) => void ((open.now += 1), (open.ever += 1)), ended: () => void (open.now -= 1) };
  const proxy = new UserspaceProxy({
    clock, log: silentLogger, nodeAddresses: [], drainMs: 30_000, closeDrainMs: 100, maxConnections: 1000, udpIdleMs: 60_000, maxUdpClients: 100, maxHeld: 20, holdMs: 10_000, use, ...more,
  });
  let revision = 0;
  const give = (routes: readonly ServicePortRoute[], removes: readonly string[] = []): Promise<void> => proxy.apply({ upserts: routes, removes, revision: (revision += 1) }, new AbortController().signal);
  const apply = (ports: readonly number[], holds = true): Promise<void> => give([route(ports, holds)]);
  undo.push(async () => {
    const closing = proxy.close();
    for (let i = 0; i < 50 && clock.timers.size > 0; i += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1_000);
    }
    await closing;
    expect(clock.timers.size).toBe(0);
    expect(open.now).toBe(0);
  });
  return { proxy, clock, apply, give, open };
}

const endpoint = (port: number): RouteEndpoint => ({ ip: '127.0.0.1', port, ready: true, serving: true, terminating: false });

const route = (ports: readonly number[], holds = true): ServicePortRoute => ({
  id: 'default/web:', service: { namespace: 'default', name: 'web', uid: '1' }, portName: '', externalIPs: [], loadBalancerIPs: [], sessionAffinity: { type: 'None' },
  protocol: 'TCP', clusterIPs: [ADDRESS], port: PORT, internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Cluster', endpoints: ports.map(endpoint), ...(holds && { holdsRequests: true }),
});

/** Answers each connection with what its first line was; notes the lines in their order. */
async function backend(): Promise<{ readonly port: number; readonly lines: string[]; readonly server: Server }> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (data) => {
      const line = data.toString('latin1').split('\n', 1)[0] ?? '';
      lines.push(line);
      socket.end(`you said ${line}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  undo.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, lines, server };
}

/** Sends a line; resolves with all that is answered, or the code of the failure. */
function ask(line: string): { readonly answer: Promise<string>; readonly socket: Socket; readonly connected: Promise<void> } {
  const socket = connect({ host: ADDRESS, port: PORT });
  let text = '';
  const connected = new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.write(`${line}\n`);
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const answer = new Promise<string>((resolve) => {
    socket.on('end', () => resolve(text));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
  });
  return { answer, socket, connected };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000; i += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not seen within 10 s: ${what}`);
}

describe('a Service that holds requests', () => {
  it('lets them wait while it has no endpoint, and delivers them in their order when one comes', async () => {
    const { proxy, apply, open } = proxyWith();
    await apply([]);
    const asked: ReturnType<typeof ask>[] = [];
    for (let i = 0; i < 10; i += 1) {
      asked.push(ask(`line ${i}`));
      await until(`${i + 1} are held`, () => proxy.held().connections === i + 1);
    }
    expect(open.now).toBe(10);
    const { port, lines } = await backend();
    await apply([port]);
    expect(await Promise.all(asked.map(({ answer }) => answer))).toEqual(asked.map((_, i) => `you said line ${i}`));
    expect(lines).toEqual(asked.map((_, i) => `line ${i}`));
    expect(proxy.held().connections).toBe(0);
    await until('all ended', () => open.now === 0);
  });

  it('refuses those who speak HTTP with a reason, and resets others, when their time is over', async () => {
    const { proxy, clock, apply } = proxyWith();
    await apply([]);
    const http = ask('GET / HTTP/1.1\r\nHost: web\r\n\r');
    const other = ask('\u0016\u0003\u0001');
    await until('both are held with what they sent', () => proxy.held().connections === 2 && proxy.held().bytes > 20);
    clock.advance(9_999);
    expect(proxy.held().connections).toBe(2);
    clock.advance(1);
    const text = await http.answer;
    expect(text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
    expect(text).toMatch(/Retry-After: 1\r\n/);
    expect(text.endsWith('no endpoint became ready within 10 s\n')).toBe(true);
    expect(await other.answer).toBe('ECONNRESET');
    expect(proxy.held().connections).toBe(0);
  });

  it('refuses those above its bound at once', async () => {
    const { proxy, apply } = proxyWith({ maxHeld: 3 });
    await apply([]);
    const waiting = ['a', 'b', 'c'].map(ask);
    await until('three are held', () => proxy.held().connections === 3);
    expect(await ask('POST /jobs HTTP/1.1\r\nContent-Length: 0\r\n\r').answer).toContain('3 connections are waiting already');
    expect(proxy.held().connections).toBe(3);
    const { port } = await backend();
    await apply([port]);
    expect(await Promise.all(waiting.map(({ answer }) => answer))).toEqual(['you said a', 'you said b', 'you said c']);
  });

  it('keeps little of what they send meanwhile: the rest waits on their side', async () => {
    const { proxy, apply } = proxyWith();
    await apply([]);
    const big = connect({ host: ADDRESS, port: PORT });
    big.on('error', () => {});
    undo.push(() => big.destroy());
    const size = 32 * 2 ** 20;
    big.write(Buffer.alloc(size, 'x'));
    let [unsent, unchanged] = [-1, 0];
    await until('the sender is stuck', () => {
      unchanged = big.writableLength === unsent && proxy.held().bytes > 0 ? unchanged + 1 : 0;
      unsent = big.writableLength;
      return unchanged > 10;
    });
    expect(unsent).toBeGreaterThan(0);
    expect(proxy.held().bytes).toBeLessThanOrEqual(HELD_BYTES);
    let received = 0;
    const server = createServer((socket) => void socket.on('data', (data) => (received += data.length)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    undo.push(() => server.close());
    await apply([(server.address() as { port: number }).port]);
    await until('all of it arrived', () => received === size);
    big.destroy();
  });

  it('forgets those that hang up', async () => {
    const { proxy, apply, open } = proxyWith();
    await apply([]);
    const one = ask('hello');
    await until('it is held', () => proxy.held().connections === 1);
    one.socket.resetAndDestroy();
    await until('it is gone', () => proxy.held().connections === 0 && open.now === 0);
  });

  it('tries again those whose only endpoint refuses, for what is left of their time', async () => {
    const { proxy, clock, apply } = proxyWith();
    const { port, lines, server } = await backend();
    server.close();
    await apply([port]);
    const one = ask('hello');
    await until('it is held', () => proxy.held().connections === 1);
    clock.advance(200);
    await until('it is held again', () => proxy.held().connections === 1);
    server.listen(port, '127.0.0.1');
    await until('it listens', () => server.listening);
    clock.advance(200);
    expect(await one.answer).toBe('you said hello');
    expect(lines).toEqual(['hello']);
    server.close();
    const late = ask('late');
    await until('it is held', () => proxy.held().connections === 1);
    clock.advance(6_000);
    await until('it is held again', () => proxy.held().connections === 1);
    await apply([]);
    clock.advance(4_000);
    expect(await late.answer).toBe('ECONNRESET');
  });

  it('lets nobody wait any more when it is gone, no longer holds, or the proxy stops', async () => {
    const { proxy, apply, give } = proxyWith();
    await apply([]);
    const first = ask('GET /1 HTTP/1.1\n');
    await until('it is held', () => proxy.held().connections === 1 && proxy.held().bytes > 0);
    await apply([], false);
    expect(await first.answer).toContain('no longer lets requests wait');
    expect(await ask('x').answer).toBe('ECONNREFUSED');
    await apply([]);
    const second = ask('GET /2 HTTP/1.1\n');
    await until('it is held', () => proxy.held().connections === 1 && proxy.held().bytes > 0);
    await give([], ['default/web:']);
    expect(await second.answer).toContain('the Service is gone');
    await apply([]);
    const third = ask('GET /3 HTTP/1.1\n');
    await until('it is held', () => proxy.held().connections === 1 && proxy.held().bytes > 0);
    void proxy.close();
    expect(await third.answer).toContain('the proxy stops');
  });

  it('is not told of when it does not hold', async () => {
    const { apply, open } = proxyWith();
    const { port } = await backend();
    await apply([port], false);
    expect(await ask('x').answer).toBe('you said x');
    expect(open.ever).toBe(0);
  });
});
