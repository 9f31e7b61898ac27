import { once } from 'node:events';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:https';
import { type Clock, type Condition, systemClock, systemRandom } from '@orrery/core';
import { CertificateAuthority } from '@orrery/pki';
import { afterEach, describe, expect, it } from 'vitest';
import { APIService } from '../kind/api-service.js';
import { askServer } from './ask.js';
import { RemoteServices } from './services.js';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A clock whose timers fire when the test says so. */
function handClock() {
  let at = 0;
  const timers = new Set<() => void>();
  const clock: Clock = { ...systemClock, now: () => at, monotonic: () => at, timer: (_delay, fire) => (timers.add(fire), () => void timers.delete(fire)), sleep: () => Promise.reject(new Error('nobody sleeps here')) };
  return { clock, timers, pass: (ms: number) => void (at += ms), fire: () => [...timers].forEach((one) => one()) };
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function extension(answer: (write: (text: string) => void, end: () => void) => void): Promise<{ port: number; ca: string }> {
  const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
  const serving = await authority.issue({ subject: { commonName: 'play' }, usages: ['server'], dnsNames: ['play.default.svc'] });
  const server = createServer(serving, (_request, response) => answer((text) => void response.write(text), () => void response.end()));
  return { port: await listening(server), ca: authority.certificate };
}

describe('asking a server behind the front door', () => {
  it('ends in time, also when it takes the connection and says nothing', async () => {
    const server = createPlainServer();
    const { clock, timers, fire } = handClock();
    const asking = askServer({ host: '127.0.0.1', port: await listening(server), serverName: 'play.default.svc' }, '/', { accept: 'application/json', clock });
    await once(server, 'connection');
    fire();
    await expect(asking).rejects.toThrow('context deadline exceeded');
    expect(timers.size).toBe(0);
  });

  it('ends in time, also when it answers byte by byte', async () => {
    let begun = (): void => {};
    const started = new Promise<void>((resolve) => (begun = resolve));
    const { port, ca } = await extension((write) => {
      write('{');
      begun();
    });
    const hand = handClock();
    const asking = askServer({ host: '127.0.0.1', port, serverName: 'play.default.svc', ca }, '/', { accept: 'application/json', clock: hand.clock });
    void asking.catch(() => undefined);
    await started;
    hand.fire();
    await expect(asking).rejects.toThrow('context deadline exceeded');
  });
});

describe('the servers of APIServices', () => {
  const condition = (status: 'True' | 'False'): Condition => ({ type: 'Available', status, reason: 'X', message: 'nobody answers', lastTransitionTime: '2026-01-01T00:00:00Z' });
  const playOf = (caBundle: string, port: number, conditions?: Condition[]): APIService =>
    ({ apiVersion: APIService.apiVersion, kind: 'APIService', metadata: { name: 'v1.play.example.com' }, spec: { group: 'play.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { namespace: 'default', name: 'play', port }, caBundle: Buffer.from(caBundle).toString('base64') }, ...(conditions && { status: { conditions } }) }) as APIService;

  function servicesWith(get: () => APIService, clock: Clock, port: number): RemoteServices {
    const lister = { get, list: () => [get()] } as never;
    return new RemoteServices({ lister, services: { resolve: () => [{ host: '127.0.0.1', port }] }, random: systemRandom, clock, identity: undefined });
  }

  it('that are known not to answer are listed, and waited for by nobody', async () => {
    const remote = servicesWith(() => playOf('', 1, [condition('False')]), systemClock, 1);
    expect(remote.list()).toHaveLength(1);
    expect(() => remote.target('play.example.com', 'v1')).toThrow(/unable to handle the request: v1\.play\.example\.com: nobody answers/);
    await expect(remote.resources('play.example.com', 'v1')).rejects.toThrow('nobody answers');
  });

  it('whose authority is none are told as unavailable', () => {
    const remote = servicesWith(() => playOf('garbage', 1, [condition('True')]), systemClock, 1);
    expect(() => remote.target('play.example.com', 'v1')).toThrow(/unable to handle the request/);
  });

  it('that stop answering delay only the first who asks what they serve; what they said last is told meanwhile, and forgotten only with a change of theirs', async () => {
    let isHanging = false;
    let asked = 0;
    const list = JSON.stringify({ resources: [{ name: 'games', kind: 'Game', namespaced: true, verbs: ['get'] }, null, 'x'] });
    const { port, ca } = await extension((write, end) => {
      asked += 1;
      if (isHanging) return;
      write(list);
      end();
    });
    const play = playOf(ca, port, [condition('True')]);
    const { clock, timers, pass, fire } = handClock();
    const remote = servicesWith(() => play, clock, port);
    const known = [expect.objectContaining({ resource: 'games', scope: 'Namespaced' })];
    expect(await remote.resources('play.example.com', 'v1')).toEqual(known);
    isHanging = true;
    // A new resource version of it, and a status that says the same.
    remote.changed({ ...play, metadata: { ...play.metadata, resourceVersion: '2' } }, play);
    pass(29_000);
    expect(await remote.resources('play.example.com', 'v1')).toEqual(known);
    expect(asked).toBe(1);
    pass(2_000);
    expect(await remote.resources('play.example.com', 'v1')).toEqual(known);
    await expect.poll(() => asked).toBe(2);
    fire();
    await expect.poll(() => timers.size).toBe(0);
    await expect.poll(() => remote.resources('play.example.com', 'v1').then(() => 'ok', String)).toContain('context deadline exceeded');
    expect(asked).toBe(2);
    isHanging = false;
    pass(6_000);
    await expect(remote.resources('play.example.com', 'v1')).rejects.toThrow();
    await expect.poll(() => remote.resources('play.example.com', 'v1').catch(() => undefined)).toEqual(known);
    expect(asked).toBe(3);
    remote.changed(play);
    await remote.resources('play.example.com', 'v1');
    expect(asked).toBe(4);
    // What is asked for in the end is not waited for.
    isHanging = true;
    remote.changed(play);
    const last = remote.resources('play.example.com', 'v1');
    await expect.poll(() => asked).toBe(5);
    remote.close();
    await expect(last).rejects.toThrow();
    expect(timers.size).toBe(0);
  });
});
