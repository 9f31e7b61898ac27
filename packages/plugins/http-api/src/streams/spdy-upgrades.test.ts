import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, FakeNode, type FakeSession, listening } from '../test/fake-node.js';
import { TestServer, TOKEN } from '../test/server.js';
import { Spdy } from '../test/spdy.js';
import { CONTROL, controlFrame, dataFrame, rstStream, words } from './spdy/frames.js';

// Streams over SPDY/3.1 alone, as clients opened them before WebSockets, by a client that writes byte by byte.

const PODS = '/api/v1/namespaces/default/pods';
const EXEC = `${PODS}/p/exec?command=cat&stdin=true&stdout=true&stderr=true`;
const V4 = 'v4.channel.k8s.io';
const FIN = Buffer.alloc(0);
let node: FakeNode;
let server: TestServer;
const sockets: Socket[] = [];

const start = async (limits: object = {}): Promise<void> => {
  node = new FakeNode();
  server = await TestServer.start({ streams: { items: () => [node] }, limits: { drainMs: 2_000, ...limits } });
  await server.ask('POST', PODS, { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'i' }] } } });
};
beforeAll(() => start());
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  node.sessions.length = 0;
  node.asked.length = 0;
});
afterAll(() => server.stop());

async function open(path: string, protocols: string, more = ''): Promise<Spdy> {
  const request = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocols}\r\nContent-Length: 0\r\n${more}\r\n`;
  const spdy = new Spdy(connect(server.port, '127.0.0.1'), request, false);
  sockets.push(spdy.socket);
  await spdy.until(() => spdy.head !== '' || spdy.isEnded);
  return spdy;
}

const NUMBERS = { error: 1, stdin: 3, stdout: 5, stderr: 7, resize: 9 } as const;

/** A command whose client has opened these streams. */
async function command(path = EXEC, protocols = V4, names: readonly (keyof typeof NUMBERS)[] = ['error', 'stdin', 'stdout', 'stderr']): Promise<[Spdy, FakeSession]> {
  const before = node.sessions.length;
  const spdy = await open(path, protocols);
  for (const name of names) await spdy.stream(NUMBERS[name], { streamtype: name });
  await eventually('the session is there', () => node.sessions.length > before);
  return [spdy, node.sessions.at(-1) as FakeSession];
}

describe('commands over SPDY', () => {
  it('output, input, its end, and how it ended', async () => {
    const [spdy, session] = await command();
    expect(spdy.head).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY\/3\.1\r\nX-Stream-Protocol-Version: v4\.channel\.k8s\.io$/);
    await spdy.until(() => spdy.kinds(CONTROL.synReply).length === 4);
    spdy.send(dataFrame(NUMBERS.stdin, Buffer.from('typed')));
    spdy.send(dataFrame(NUMBERS.stdin, FIN, true));
    await eventually('the input has ended', () => session.isStdinEnded);
    expect(Buffer.concat(session.written).toString()).toBe('typed');
    session.say('stdout', 'o'.repeat(300_000));
    session.say('stderr', 'aside');
    session.exit(7);
    await spdy.until(() => spdy.isEnded);
    expect({ out: spdy.text(NUMBERS.stdout).length, err: spdy.text(NUMBERS.stderr) }).toEqual({ out: 300_000, err: 'aside' });
    expect(JSON.parse(spdy.text(NUMBERS.error))).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '7' }] } });
    for (const name of ['error', 'stdin', 'stdout', 'stderr'] as const) expect(spdy.isFinished(NUMBERS[name])).toBe(true);
    expect(spdy.kinds(CONTROL.goAway)).toHaveLength(1);
  });

  it('sizes of terminals, in whatever pieces they come', async () => {
    const [spdy, session] = await command(`${PODS}/p/exec?command=sh&stdin=true&stdout=true&stderr=true&tty=true`, V4, ['error', 'stdin', 'stdout', 'resize']);
    const text = '{"Width":80,"Height":24}\n{"Width":101,"Height":33}\n';
    for (const piece of [text.slice(0, 30), text.slice(30)]) {
      spdy.send(dataFrame(NUMBERS.resize, Buffer.from(piece)));
      await eventually('the size is there', () => session.sizes.length > 0);
    }
    await eventually('both are there', () => session.sizes.length === 2);
    expect(session.sizes).toEqual(['80x24', '101x33']);
    expect(node.asked[0]?.options).toMatchObject({ command: ['sh'], tty: true, stdin: true });
  });

  it('before v4 it is told as text why it ended, and nothing where it went well', async () => {
    const [failed, first] = await command(EXEC, 'v3.channel.k8s.io, v2.channel.k8s.io');
    first.exit(3);
    await failed.until(() => failed.isEnded);
    expect(failed.text(NUMBERS.error)).toBe('command terminated with non-zero exit code: command terminated with exit code 3');
    const [well, second] = await command(EXEC, 'v2.channel.k8s.io');
    second.exit(0);
    await well.until(() => well.isEnded);
    expect({ told: well.text(NUMBERS.error), ended: well.isFinished(NUMBERS.error) }).toEqual({ told: '', ended: true });
  });

  it('the first protocol of the client that is known counts', async () => {
    expect((await open(EXEC, `v9.channel.k8s.io,v2.channel.k8s.io, ${V4}`)).head).toContain('X-Stream-Protocol-Version: v2.channel.k8s.io');
    expect((await open(EXEC, 'v4.channel.k8s.io\r\nX-Stream-Protocol-Version: v3.channel.k8s.io')).head).toContain('X-Stream-Protocol-Version: v4.channel.k8s.io');
    expect((await open(EXEC, 'portforward.k8s.io')).head).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('streams that make no sense, or are there already, are reset; nothing runs before all are there', async () => {
    const spdy = await open(EXEC, V4);
    await spdy.stream(1, { streamtype: 'error' });
    await spdy.stream(3, { streamtype: 'other' });
    await spdy.stream(5, { streamtype: 'error' });
    await spdy.until(() => spdy.kinds(CONTROL.rstStream).length === 2);
    expect(spdy.kinds(CONTROL.rstStream)).toEqual(['0000000300000001', '0000000500000003']);
    expect(node.asked).toEqual([]);
    spdy.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    // Seen as data of a stream that nobody has; what is no frame at all breaks it off.
    spdy.send(controlFrame(CONTROL.rstStream, Buffer.alloc(2)));
    spdy.send(Buffer.alloc(8_000_000, 0x80));
    await spdy.until(() => spdy.isEnded);
  });

  it('a client that leaves ends its command, and output that it gave up is not sent', async () => {
    const [spdy, session] = await command();
    spdy.send(rstStream(NUMBERS.stdout, 5));
    spdy.send(controlFrame(CONTROL.ping, words(7)));
    await spdy.until(() => spdy.kinds(CONTROL.ping).length > 0);
    session.say('stdout', 'for nobody');
    session.say('stderr', 'heard');
    await spdy.until(() => spdy.text(NUMBERS.stderr) === 'heard');
    expect(spdy.text(NUMBERS.stdout)).toBe('');
    spdy.leave();
    await eventually('it is closed', () => session.isClosed);
  });

  it('a command that takes its time makes the client wait', async () => {
    const [spdy, session] = await command();
    session.isBlocked = true;
    const sent = 64 * 1024 * 1024;
    const piece = Buffer.alloc(1024 * 1024, 1);
    for (let at = 0; at < sent; at += piece.length) spdy.send(dataFrame(NUMBERS.stdin, piece));
    let before = -1;
    while (spdy.socket.bytesWritten - spdy.socket.writableLength !== before) {
      before = spdy.socket.bytesWritten - spdy.socket.writableLength;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(spdy.socket.writableLength).toBeGreaterThan(sent / 4);
    session.unblock();
    await eventually('everything is taken', () => session.written.reduce((sum, { length }) => sum + length, 0) === sent);
  });
});

describe('ports over SPDY', () => {
  it('many connections over one, and why one failed', async () => {
    const echo = await listening((socket) => socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end('bye')));
    const none = await listening(() => {});
    await new Promise((resolve) => none.server.close(resolve));
    const spdy = await open(`${PODS}/p/portforward`, 'portforward.k8s.io');
    expect(spdy.head).toContain('X-Stream-Protocol-Version: portforward.k8s.io');
    await spdy.connection(1, echo.port);
    await spdy.connection(5, none.port);
    await spdy.connection(9, echo.port);
    for (const id of [3, 11]) {
      spdy.send(dataFrame(id, Buffer.from(`to ${id} `)));
      spdy.send(dataFrame(id, FIN, true));
    }
    await spdy.until(() => [1, 3, 5, 7, 9, 11].every((id) => spdy.isFinished(id)));
    expect([spdy.text(3), spdy.text(11), spdy.text(1), spdy.text(9)]).toEqual(['to 3 bye', 'to 11 bye', '', '']);
    expect(spdy.text(5)).toContain('ECONNREFUSED');
    spdy.socket.end();
    await spdy.until(() => spdy.isEnded);
    echo.server.close();
  });
});

describe('the end of streams over SPDY', () => {
  it('when the server stops it says so, and when nothing is said for too long it ends', async () => {
    const [spdy] = await command();
    const ports = await open(`${PODS}/p/portforward`, 'portforward.k8s.io');
    const waiting = await open(EXEC, V4);
    await server.api.drain();
    for (const one of [spdy, ports, waiting]) await one.until(() => one.isEnded);
    expect(JSON.parse(spdy.text(NUMBERS.error))).toMatchObject({ status: 'Failure', message: 'the server is shutting down' });
    expect([spdy, ports].map((one) => one.kinds(CONTROL.goAway).length)).toEqual([1, 1]);
    await server.stop();
    await start({ streamIdleMs: 50 });
    const [idle, session] = await command();
    await idle.until(() => idle.isEnded);
    await eventually('it is closed', () => session.isClosed);
  });
});
