import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { ApiError, type Attributes } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { HttpApi } from '../http-api.js';
import { eventually, FakeNode, type FakeSession, listening, Pieces } from '../test/fake-node.js';
import { TestServer, TOKEN } from '../test/server.js';

const [V5, V4] = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const PODS = '/api/v1/namespaces/default/pods';
const EXEC = `${PODS}/p/exec?command=cat&stdin=true&stdout=true&stderr=true&container=main`;

let server: TestServer;
let node: FakeNode;
const asked: Attributes[] = [];
const ends: (() => unknown)[] = [];

async function start(limits: object = {}): Promise<void> {
  node = new FakeNode();
  const authorizer = { authorize: (attributes: Attributes) => (asked.push(attributes), { allowed: true }) };
  server = await TestServer.start({ streams: { items: () => [node] }, authorizer, limits });
  for (const [name, spec] of Object.entries({
    p: { nodeName: 'n1', containers: [{ name: 'main', image: 'i' }], initContainers: [{ name: 'before', image: 'i' }] },
    two: { nodeName: 'n1', containers: [{ name: 'a', image: 'i' }, { name: 'b', image: 'i' }] },
    unbound: { containers: [{ name: 'main', image: 'i' }] },
    elsewhere: { nodeName: 'n2', containers: [{ name: 'main', image: 'i' }] },
  })) {
    await server.ask('POST', PODS, { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec } });
  }
  asked.length = 0;
}
beforeEach(() => start());
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await server.stop();
});

/** A WebSocket of the user of the tests, with all that it is told. */
class Client {
  readonly heard: Buffer[] = [];
  readonly #changed = new Set<() => void>();
  closed: { code: number; reason: string } | undefined;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.heard.push(data as Buffer);
      this.#notify();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#notify();
    });
    socket.on('error', () => {});
    ends.push(() => socket.terminate());
  }

  static async open(path: string, protocols: readonly string[] = [V5], headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }): Promise<Client> {
    const client = new Client(new WebSocket(`ws://127.0.0.1:${server.port}${path}`, [...protocols], { headers }));
    await once(client.socket, 'open');
    return client;
  }

  /** The refusal of an upgrade. */
  static refused(path: string, protocols: readonly string[] = [V5], headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }): Promise<{ code: number; message: string; connection: string | undefined }> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, [...protocols], { headers });
      socket.on('error', reject).on('open', () => reject(new Error('it was opened')));
      socket.on('unexpected-response', (_request, response: IncomingMessage) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve({ code: response.statusCode ?? 0, message: JSON.parse(text).message as string, connection: response.headers.connection }));
      });
    });
  }

  say(channel: number, payload: string | Buffer = ''): void {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(payload as string)]));
  }

  /** What was said on a channel, as text. */
  text(channel: number): string {
    return Buffer.concat(this.heard.filter((message) => message[0] === channel).map((message) => message.subarray(1))).toString();
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#changed.delete(look);
        resolve();
      };
      this.#changed.add(look);
      look();
    });
  }

  #notify(): void {
    for (const look of [...this.#changed]) look();
  }
}

/** An open command with its session. */
async function command(path = EXEC, protocol = V5): Promise<[Client, FakeSession]> {
  const client = await Client.open(path, [protocol]);
  await eventually('the session is there', () => node.sessions.length > 0);
  return [client, node.sessions.at(-1) as FakeSession];
}

describe('before a stream is opened', () => {
  it.each([
    ['exec', `${PODS}/none/exec?command=a&stdout=true`, 404, 'pods "none" not found'],
    ['exec', `${PODS}/p/exec?command=a&stdout=true&container=nope`, 400, 'container nope is not valid for pod p'],
    ['exec', `${PODS}/two/exec?command=a&stdout=true`, 400, 'a container name must be specified for pod two, choose one of: [a b]'],
    ['exec', `${PODS}/unbound/exec?command=a&stdout=true`, 400, 'pod unbound does not have a host assigned'],
    ['exec', `${PODS}/p/exec?command=a`, 400, 'you must specify at least 1 of stdin, stdout, stderr'],
    ['exec', `${PODS}/p/exec?stdout=true`, 400, 'you must specify at least one command for the container'],
    ['exec', `${PODS}/elsewhere/exec?command=a&stdout=true`, 503, 'the agent of node "n2" cannot be reached from this server'],
    ['attach', `${PODS}/p/attach?stdout=false`, 400, 'you must specify at least 1 of stdin, stdout, stderr'],
    ['port-forward', `${PODS}/unbound/portforward?ports=1`, 400, 'pod unbound does not have a host assigned'],
  ])('%s %s is refused with %d', async (_what, path, code, message) => {
    expect(await Client.refused(path)).toEqual({ code, message, connection: 'close' });
    // The words are those that a client hears that tries it in the old way, too.
    const old = await server.ask('POST', path, { headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' } });
    if (code !== 503) expect({ code: old.code, message: old.body.message }).toEqual({ code, message });
    expect(node.asked).toEqual([]);
  });

  it('without an upgrade, or with another one, it is said that one is required', async () => {
    expect((await server.ask('GET', EXEC)).body).toMatchObject({ code: 400, message: 'Upgrade request required' });
    expect((await server.ask('POST', EXEC, { headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' } })).body).toMatchObject({ code: 400, message: 'unable to upgrade: X-Stream-Protocol-Version is required' });
    expect((await server.ask('POST', EXEC, { headers: { connection: 'Upgrade', upgrade: 'websocket' } })).body).toMatchObject({ code: 400, message: expect.stringContaining('unable to upgrade: streams are opened over') });
    expect((await server.ask('POST', EXEC, { headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v9.channel.k8s.io, x' } })).body).toMatchObject({
      code: 403,
      message: 'unable to upgrade: unable to negotiate protocol: client supports [v9.channel.k8s.io x], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]',
    });
    expect((await server.ask('PUT', EXEC)).code).toBe(405);
    expect((await server.ask('GET', `${PODS}/none/exec`)).body).toMatchObject({ code: 404, message: 'pods "none" not found' });
    expect((await Client.refused(EXEC, ['channel.k8s.io'])).message).toBe(`unable to negotiate protocol: client supports [channel.k8s.io], server accepts [${V5} ${V4}]`);
    expect((await Client.refused(`${PODS}/p/portforward`, [V4])).message).toBe('query parameter "ports" is required');
    expect((await Client.refused(`${PODS}/p/portforward?ports=0x50`, [V4])).message).toBe('unable to parse "0x50" as a port');
  });

  it('who may open it is who may create it, for every method; logs are got', async () => {
    await Client.open(EXEC);
    await server.ask('POST', EXEC);
    await server.ask('GET', `${PODS}/p/attach`);
    await server.ask('GET', `${PODS}/none/log`);
    expect(asked.map(({ verb, ref }) => `${verb} ${ref?.subresource}`)).toEqual(['create exec', 'create exec', 'create attach', 'get log']);
  });

  it('tokens may come among the protocols; credentials that nobody knows are refused, and so are pages of strangers', async () => {
    const carrier = (token: string): string => `base64url.bearer.authorization.k8s.io.${Buffer.from(token).toString('base64url')}`;
    const client = await Client.open(EXEC, [carrier(TOKEN), V5], {});
    expect(client.socket.protocol).toBe(V5);
    expect(asked[0]?.user.name).toBe('anna');
    for (const carriers of [[], [carrier('wrong-token-wrong-token')], [carrier(TOKEN), carrier(`${TOKEN}x`)], [carrier('two words')]]) expect((await Client.refused(EXEC, [...carriers, V5], {})).code).toBe(401);
    expect(await Client.refused(EXEC, [V5], { authorization: `Bearer ${TOKEN}`, 'sec-fetch-site': 'cross-site' })).toMatchObject({ code: 403, message: 'pages of other sites cannot open streams' });
  });

  it('more than there may be are refused, until one is over', async () => {
    await server.stop();
    await start({ streams: 1 });
    const [client, session] = await command();
    expect((await Client.refused(EXEC)).code).toBe(429);
    expect((await server.ask('GET', `${PODS}/p/log`)).code).toBe(429);
    session.exit(0);
    await client.until(() => client.closed !== undefined);
    let code = 429;
    while (code === 429) ({ code } = await server.ask('GET', `${PODS}/none/log`));
    await command();
  });
});

describe('commands', () => {
  it('v5: output, input, its end, sizes, and how it ended', async () => {
    const [client, session] = await command(`${EXEC}&command=-n&tty=true`);
    expect(node.asked).toEqual([{ what: 'exec', pod: { namespace: 'default', name: 'p', uid: expect.any(String) }, container: 'main', options: { command: ['cat', '-n'], tty: true, stdin: true } }]);
    expect(client.socket.protocol).toBe(V5);
    await client.until(() => client.heard.length === 1);
    expect(client.heard[0]).toEqual(Buffer.from([1]));
    client.say(4, '{"Width":0,"Height":0}\n');
    client.say(4, '{"Width":80,"Height":24}');
    client.say(0, 'in');
    client.say(0);
    client.say(7, 'nobody');
    client.socket.send(Buffer.alloc(0));
    client.say(255, Buffer.from([0]));
    await eventually('the input has ended', () => session.isStdinEnded);
    expect({ written: session.written.map(String), sizes: session.sizes }).toEqual({ written: ['in'], sizes: ['80x24'] });
    session.say('stdout', 'out');
    session.exit(3);
    await client.until(() => client.closed !== undefined);
    expect(client.text(1)).toBe('out');
    expect(JSON.parse(client.text(3))).toEqual({
      metadata: {}, status: 'Failure', message: 'command terminated with non-zero exit code: command terminated with exit code 3', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
    expect(client.closed).toEqual({ code: 1000, reason: '' });
    expect(session.isClosed).toBe(true);
  });

  it('v4: channels cannot be closed', async () => {
    const [client, session] = await command(EXEC, V4);
    client.say(255, Buffer.from([0]));
    client.say(0, 'after');
    await eventually('it is written', () => session.written.length === 1);
    expect(session.isStdinEnded).toBe(false);
    session.say('stderr', 'err');
    session.exit(0);
    await client.until(() => client.closed !== undefined);
    expect(client.text(2)).toBe('err');
    expect(JSON.parse(client.text(3))).toEqual({ metadata: {}, status: 'Success' });
  });

  it('only the streams that are wanted', async () => {
    const [client, session] = await command(`${PODS}/p/exec?command=a&stdout=true`);
    client.say(0, 'nobody wants it');
    session.say('stderr', 'nor this');
    session.say('stdout', 'this');
    session.exit(0);
    await client.until(() => client.closed !== undefined);
    expect([client.text(1), client.text(2), session.written.length]).toEqual(['this', '', 0]);
  });

  it('attach: how the container ended is not told', async () => {
    const [client, session] = await command(`${PODS}/p/attach?stdout=1`);
    expect(node.asked[0]).toMatchObject({ what: 'attach', container: 'main', options: { stdin: false, tty: false } });
    session.exit(4);
    await client.until(() => client.closed !== undefined);
    expect(JSON.parse(client.text(3))).toEqual({ metadata: {}, status: 'Success' });
  });

  it('why there is none, or why it broke off, is told in the stream', async () => {
    node.refusal = new ApiError('InternalError', 'Internal error occurred: container not found ("main")');
    const client = await Client.open(EXEC);
    await client.until(() => client.closed !== undefined);
    expect(JSON.parse(client.text(3))).toEqual({ metadata: {}, status: 'Failure', message: 'Internal error occurred: container not found ("main")', reason: 'InternalError', code: 500 });
    node.refusal = undefined;
    const [other, session] = await command();
    session.lose(new Error('secrets of the engine'));
    await other.until(() => other.closed !== undefined);
    expect(JSON.parse(other.text(3))).toMatchObject({ status: 'Failure', message: 'Internal error occurred' });
  });

  it('a command that takes no more input still tells how it ended', async () => {
    const [client, session] = await command();
    session.stdin.write = () => Promise.reject(new Error('broken pipe'));
    for (let index = 0; index < 100; index += 1) client.say(0, Buffer.alloc(10_000));
    session.say('stdout', 'done');
    session.exit(0);
    await client.until(() => client.closed !== undefined);
    expect([client.text(1), JSON.parse(client.text(3)).status]).toEqual(['done', 'Success']);
  });

  it('a client that leaves leaves nothing behind', async () => {
    const [client, session] = await command();
    client.socket.terminate();
    await eventually('the session is closed', () => session.isClosed);
  });

  it('a command that takes its time makes the client wait', async () => {
    const [client, session] = await command();
    session.isBlocked = true;
    for (let index = 0; index < 640; index += 1) client.say(0, Buffer.alloc(65_536));
    let before = -1;
    for (let same = 0; same < 2_000; same = client.socket.bufferedAmount === before ? same + 1 : 0) {
      before = client.socket.bufferedAmount;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(before).toBeGreaterThan(20 * 2 ** 20);
    session.unblock();
    await eventually('all is there', () => session.written.length === 640);
  });

  it('a client that takes its time makes the command wait', async () => {
    const [client, session] = await command();
    client.socket.pause();
    const output = session.stdout as Pieces;
    for (let index = 0; index < 640; index += 1) session.say('stdout', Buffer.alloc(65_536));
    let before = -1;
    for (let same = 0; same < 2_000; same = output.given === before ? same + 1 : 0) {
      before = output.given;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(before).toBeLessThan(320);
    client.socket.resume();
    session.exit(0);
    await client.until(() => client.closed !== undefined);
    expect(client.text(1)).toHaveLength(640 * 65_536);
  });

  it('when the server stops it says so, and when nothing is said for too long it ends', async () => {
    const [client, session] = await command();
    await server.api.drain();
    expect(JSON.parse(client.text(3))).toMatchObject({ status: 'Failure', reason: 'ServiceUnavailable', message: 'the server is shutting down' });
    await client.until(() => client.closed !== undefined);
    expect({ ...client.closed, isClosed: session.isClosed }).toEqual({ code: 1001, reason: '', isClosed: true });
    expect((await Client.refused(EXEC)).code).toBe(503);
    await server.stop();
    await start({ streamIdleMs: 20 });
    const idle = await Client.open(EXEC);
    await idle.until(() => idle.closed !== undefined);
    expect(idle.closed).toEqual({ code: 1001, reason: 'nothing was said for too long' });
  });

  it('what is no WebSocket is closed, and too long a message too', async () => {
    const [client] = await command();
    client.say(0, Buffer.alloc(5 * 2 ** 20));
    await client.until(() => client.closed !== undefined);
    expect(client.closed?.code).toBe(1009);
  });
});

describe('logs', () => {
  it('come as they are written, until the client has enough', async () => {
    const log = new Pieces();
    node.log = log;
    log.push(Buffer.from('one\n'));
    const request = server.open({ path: `${PODS}/p/log?follow=true&tailLines=5&timestamps=true&limitBytes=99&sinceTime=2026-01-01T00:00:00Z&previous=true`, headers: { authorization: `Bearer ${TOKEN}` } });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect({ code: response.statusCode, type: response.headers['content-type'], coding: response.headers['transfer-encoding'] }).toEqual({ code: 200, type: 'text/plain', coding: 'chunked' });
    expect(node.asked[0]).toMatchObject({ what: 'logs', container: 'main', options: { follow: true, previous: true, tailLines: 5, timestamps: true, limitBytes: 99, sinceTime: Date.UTC(2026, 0, 1) } });
    expect(String((await once(response, 'data'))[0])).toBe('one\n');
    log.push(Buffer.from('two\n'));
    expect(String((await once(response, 'data'))[0])).toBe('two\n');
    await server.api.drain();
    await once(response, 'end');
    expect(response.complete).toBe(true);
  });

  it('that break off are not told as complete, and refusals have their code', async () => {
    node.log = (async function* () {
      yield Buffer.from('a');
      throw new Error('the disk is gone');
    })();
    await expect(server.ask('GET', `${PODS}/p/log`)).rejects.toThrow();
    node.refusal = ApiError.badRequest('container "main" in pod "p" is waiting to start: ContainerCreating');
    expect((await server.ask('GET', `${PODS}/p/log`)).body).toMatchObject({ code: 400, message: 'container "main" in pod "p" is waiting to start: ContainerCreating' });
    expect(await server.ask('GET', `${PODS}/unbound/log`)).toMatchObject({ code: 204, text: '' });
    expect((await server.ask('POST', `${PODS}/p/log`)).code).toBe(405);
  });

  it('a client that takes nothing is cut off', async () => {
    await server.stop();
    await start({ stallMs: 100 });
    let [given, isOver] = [0, false];
    node.log = (async function* () {
      try {
        for (; given < 2_000; given += 1) yield Buffer.alloc(65_536, 'x');
      } finally {
        isOver = true;
      }
    })();
    const request = server.open({ path: `${PODS}/p/log?follow=true`, headers: { authorization: `Bearer ${TOKEN}` } });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.on('error', () => {});
    response.pause();
    await eventually('it is cut off', () => isOver);
    expect(given).toBeLessThan(1_000);
  });
});

describe('port-forward over channels', () => {
  it('each port has a channel for its bytes and one for what went wrong', async () => {
    const echo = await listening((socket) => socket.on('data', (chunk) => socket.end(`${chunk.toString()}!`)));
    ends.push(() => echo.server.close());
    const none = await listening(() => {});
    await new Promise((resolve) => none.server.close(resolve));
    const client = await Client.open(`${PODS}/p/portforward?ports=${echo.port},${none.port}`, ['v5.channel.k8s.io', V4]);
    expect(client.socket.protocol).toBe(V4);
    await client.until(() => client.heard.length >= 4);
    const number = (port: number): number[] => [port & 255, port >> 8];
    expect(client.heard.slice(0, 4).map((message) => [...message])).toEqual([[0, ...number(echo.port)], [1, ...number(echo.port)], [2, ...number(none.port)], [3, ...number(none.port)]]);
    client.say(0, 'hello');
    await client.until(() => client.closed !== undefined);
    expect(client.heard.filter((message) => message[0] === 0).slice(1).map((message) => message.toString('latin1', 1)).join('')).toBe('hello!');
    expect(client.text(3)).toContain('ECONNREFUSED');
    expect(client.closed?.code).toBe(1000);
  });
});

describe('in a server of the host', () => {
  it('streams are opened below the base path, and cut off when they do not end in time', async () => {
    const api = new HttpApi({ ...server.api.options, basePath: '/k8s', limits: { drainMs: 50 } });
    const host = createServer(api.handle).on('upgrade', api.upgrade);
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
    const { port } = host.address() as { port: number };
    const headers = { authorization: `Bearer ${TOKEN}` };
    const refused = new WebSocket(`ws://127.0.0.1:${port}${EXEC}`, [V5], { headers });
    const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(answer.statusCode).toBe(404);
    answer.resume();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/k8s${EXEC}`, [V5], { headers });
    await once(socket, 'open');
    // It does not answer that the connection is to be closed.
    socket.pause();
    const closed = new Promise<void>((resolve) => host.close(() => resolve()));
    await api.drain();
    await closed;
    expect(node.sessions.every(({ isClosed }) => isClosed)).toBe(true);
  });
});
