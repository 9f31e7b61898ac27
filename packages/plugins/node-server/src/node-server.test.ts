import { type AddressInfo, createServer } from 'node:net';
import { request } from 'node:https';
import { ApiError, type DuplexStream } from '@orrery/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { NodeLine } from './client/node-line.js';
import { anotherAuthority, ServedNode, servingPair } from './test/fixture.js';
import { EchoPods } from './test/pods.js';

const POD = { namespace: 'default', name: 'web-0', uid: '4d8f6a0e-0001' };
const never = new AbortController().signal;
let pods: EchoPods;
let node: ServedNode;
let line: NodeLine;
beforeEach(async () => {
  pods = new EchoPods();
  node = await ServedNode.start(pods, () => ({
    node: { name: 'n1', timestamp: 1_760_000_000_123, windowMs: 10_500, cpuMillis: 119.25, memoryBytes: 2 ** 30 },
    pods: [{ ...POD, timestamp: 1_760_000_000_000, windowMs: 15_000, containers: [{ name: 'main', cpuMillis: 12, memoryBytes: 4096 }, { name: 'new', memoryBytes: 1 }] }],
  }));
  line = await node.line();
});
afterEach(() => node.server.close());

const textOf = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
  let text = '';
  for await (const piece of pieces) text += Buffer.from(piece).toString();
  return text;
};
const ask = (path: string, tls: object): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: node.port, path, agent: false, rejectUnauthorized: false, ...tls }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

describe('who is let in', () => {
  it('is who shows a certificate of the authority with the group, and nobody else', async () => {
    expect(await ask('/healthz', await node.client())).toBe(200);
    expect(await ask('/healthz', await node.client(['system:nodes', 'system:masters']))).toBe(200);
    expect(await ask('/healthz', await node.client(['system:nodes']))).toBe(403);
    expect(await ask('/healthz', await node.client([]))).toBe(403);
    await expect(ask('/healthz', {})).rejects.toThrow(/certificate required|ECONNRESET|socket hang up/);
    const foreign = await anotherAuthority();
    await expect(ask('/healthz', await node.client(['system:masters'], foreign))).rejects.toThrow(/unknown ca|ECONNRESET|socket hang up/);
    const stranger = await node.line({ pair: await node.client(['system:nodes']) });
    await expect(stranger.logs(POD, 'main', {}, never)).rejects.toMatchObject({ reason: 'Forbidden', message: expect.stringContaining('Forbidden (user=kube-apiserver-kubelet-client') });
    await expect(stranger.portForward(POD, 80, never)).rejects.toMatchObject({ reason: 'Forbidden' });
    expect(pods.asked).toEqual([]);
  });

  it('is asked of the server too: it must be this node, at this address, by the authority', async () => {
    await expect((await node.line({ node: 'n2' })).logs(POD, 'main', {}, never)).rejects.toMatchObject({ reason: '', message: expect.stringMatching(/^Get "https:\/\/127\.0\.0\.1:\d+\/containerLogs\/default\/web-0\/main\?uid=4d8f6a0e-0001": tls: failed to verify certificate: the certificate is of "system:node:n1", not of the node "n2"$/) });
    await expect((await node.line({ host: 'localhost' })).logs(POD, 'main', {}, never)).rejects.toThrow(/tls: failed to verify certificate: .*altnames/);
    await expect((await node.line({ ca: (await anotherAuthority()).certificate })).exec(POD, 'main', { command: ['x'], tty: false, stdin: false }, never)).rejects.toThrow(/^error dialing backend: tls: failed to verify certificate/);
    // A client of the authority is no node.
    node.certificate.exchange(await node.authority.issue({ subject: { commonName: 'system:node:n1', organizations: ['others'] }, usages: ['server'], ipAddresses: ['127.0.0.1'] }));
    await expect(line.logs(POD, 'main', {}, never)).rejects.toThrow(/not of the node "n1"/);
    node.certificate.exchange(await servingPair(node.authority));
    pods.log.end();
    expect(await textOf(await line.logs(POD, 'main', {}, never))).toBe('');
  });

  it('finds nothing beside what is served', async () => {
    const pair = await node.client();
    for (const path of ['/', '/run/x', '/containerLogs/default/web-0', '/exec/a/b', '/exec/default/../x/main', '/exec/%2e%2e/x/main', '/pods', '//healthz', '/containerLogs/default/web-0/main/more']) expect([path, await ask(path, pair)]).toEqual([path, 404]);
    expect(await ask('/exec/default/web-0/main?command=x&output=1', pair)).toBe(400);
    expect(await ask('/healthz', { ...pair, method: 'DELETE' })).toBe(405);
  });
});

describe('what a node serves', () => {
  it('are logs, with what is asked for, in pieces until they end', async () => {
    pods.log.push(Buffer.from('one\n'));
    const query = { follow: true, previous: false, timestamps: true, tailLines: 3, limitBytes: 100, sinceTime: 1_760_000_000_123, stream: 'stderr' } as const;
    const pieces = (await line.logs(POD, 'main', query, never))[Symbol.asyncIterator]();
    expect(Buffer.from((await pieces.next()).value).toString()).toBe('one\n');
    expect(pods.asked).toEqual([{ pod: POD, container: 'main', query }]);
    pods.log.push(Buffer.from('two\n'));
    expect(Buffer.from((await pieces.next()).value).toString()).toBe('two\n');
    pods.log.end();
    expect((await pieces.next()).done).toBe(true);
    await expect(line.logs(POD, 'none', {}, never)).rejects.toMatchObject({ reason: 'NotFound', message: 'pods "web-0" not found', details: { name: 'web-0', kind: 'pods' } });
  });

  it('stop when nobody wants them any more', async () => {
    const stop = new AbortController();
    const reading = textOf(await line.logs(POD, 'main', { follow: true }, stop.signal));
    stop.abort();
    expect(await reading).toBe('');
    await vi.waitFor(() => expect(pods.isLogAborted).toBe(true));

    const leave = new AbortController();
    const session = await line.exec(POD, 'main', { command: ['cat'], tty: false, stdin: true }, leave.signal);
    await vi.waitFor(() => expect(pods.sessions).toHaveLength(1));
    leave.abort();
    await expect(session.exitCode).rejects.toThrow('lost');
    await vi.waitFor(() => expect(pods.sessions[0]?.isClosed).toBe(true));
  });

  it('are commands: input, output, sizes, the end of input, and the code they end with', async () => {
    const session = await line.exec(POD, 'main', { command: ['cat', 'a b', '--x=ü'], tty: true, stdin: true }, never);
    await vi.waitFor(() => expect(pods.asked).toEqual([{ pod: POD, container: 'main', options: { command: ['cat', 'a b', '--x=ü'], tty: true, stdin: true } }]));
    session.resize(80, 24);
    await session.stdin.write(Buffer.from('hello'));
    await vi.waitFor(() => expect(pods.sessions[0]?.sizes).toEqual(['80x24']));
    session.stdin.end();
    expect([await textOf(session.stdout), await textOf(session.stderr), await session.exitCode]).toEqual(['hello', '', 0]);
    await session.close();
    const failing = await line.exec(POD, 'main', { command: ['exit', '7'], tty: false, stdin: false }, never);
    expect(await failing.exitCode).toBe(7);
    const refused = await line.exec(POD, 'none', { command: ['x'], tty: false, stdin: false }, never);
    await expect(refused.exitCode).rejects.toSatisfy((error) => ApiError.is(error, 'InternalError') && error.message === 'error executing command in container: it does not run');
  });

  it('hold back who says more than is taken', async () => {
    const session = await line.exec(POD, 'main', { command: ['cat'], tty: false, stdin: true }, never);
    await vi.waitFor(() => expect(pods.sessions).toHaveLength(1));
    const [far] = pods.sessions;
    const total = 64;
    for (let i = 0; i < total; i += 1) far?.out.push(Buffer.alloc(1024 * 1024, i));
    // Nobody reads here: what waits there goes down only as far as buffers take it.
    await new Promise((resolve) => setImmediate(resolve));
    await vi.waitFor(() => expect(far?.out.length).toBeLessThan(total * 1024 * 1024));
    const before = far?.out.length ?? 0;
    expect(before).toBeGreaterThan(16 * 1024 * 1024);
    let bytes = 0;
    far?.exit(0);
    for await (const piece of session.stdout) bytes += piece.length;
    expect([bytes, await session.exitCode]).toEqual([total * 1024 * 1024, 0]);
  });

  it('are what is attached to, whose end is not told', async () => {
    const session = await line.attach(POD, 'main', { stdin: true, tty: false }, never);
    await session.stdin.write(Buffer.from('x'));
    await vi.waitFor(() => expect(pods.sessions).toHaveLength(1));
    pods.sessions[0]?.exit(3);
    expect([await session.exitCode, pods.asked[0]]).toEqual([0, { pod: POD, container: 'main', options: { stdin: true, tty: false } }]);
  });

  it('is what the node and its pods use', async () => {
    expect(await line.measures(never)).toEqual({
      node: { name: 'n1', timestamp: 1_760_000_000_123, windowMs: 10_500, cpuMillis: 119.25, memoryBytes: 2 ** 30 },
      pods: [{ ...POD, timestamp: 1_760_000_000_000, windowMs: 15_000, containers: [{ name: 'main', cpuMillis: 12, memoryBytes: 4096 }, { name: 'new', memoryBytes: 1 }] }],
    });
  });

  it('ends when the node goes away', async () => {
    const session = await line.exec(POD, 'main', { command: ['cat'], tty: false, stdin: true }, never);
    await vi.waitFor(() => expect(pods.sessions).toHaveLength(1));
    const following = textOf(await line.logs(POD, 'main', { follow: true }, never));
    await node.server.close();
    await expect(session.exitCode).rejects.toSatisfy((error) => ApiError.is(error, 'ServiceUnavailable'));
    expect(await following).toBe('');
    await expect(line.logs(POD, 'main', {}, never)).rejects.toMatchObject({ reason: '', message: expect.stringMatching(/dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/) });
    await expect(line.connect(never)).rejects.toThrow(/^error dialing backend: dial tcp .*connection refused$/);
  });

  it('is bounded by who asks', async () => {
    const narrow = await node.line({ connections: 1 });
    const stop = new AbortController();
    const reading = textOf(await narrow.logs(POD, 'main', { follow: true }, stop.signal));
    await expect(narrow.logs(POD, 'main', {}, never)).rejects.toMatchObject({ reason: 'TooManyRequests' });
    stop.abort();
    await reading;
    pods.log.end();
    await vi.waitFor(async () => expect(await textOf(await narrow.logs(POD, 'main', {}, never))).toBe(''));
  });
});

describe('ports of pods', () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk as Buffer)).on('end', () => socket.end(Buffer.concat(chunks).toString().toUpperCase()));
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  const talk = async (stream: DuplexStream, text: string): Promise<string> => {
    await stream.write(Buffer.from(text));
    // The pod answers only who has said everything.
    stream.end();
    return textOf(stream.readable);
  };

  it('are connected to, with an end each way', async () => {
    expect(await talk(await line.portForward(POD, port, never), 'hello')).toBe('HELLO');
    const long = 'x'.repeat(5_000_000);
    expect((await talk(await line.portForward(POD, port, never), long)).length).toBe(long.length);
  });

  it('that refuse are told as that', async () => {
    await expect(line.portForward(POD, 1, never)).rejects.toMatchObject({ reason: 'InternalError', message: expect.stringContaining('error forwarding port 1') });
  });
});
