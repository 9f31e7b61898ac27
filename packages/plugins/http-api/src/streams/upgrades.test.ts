import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FakeNode, listening } from '../test/fake-node.js';
import { TestServer, TOKEN } from '../test/server.js';
import { frame, Spdy } from '../test/spdy.js';
import { CONTROL, controlFrame, dataFrame, rstStream, words } from './spdy/frames.js';

// Connections written byte by byte: by clients that mean harm, and as kubectl does.

const PODS = '/api/v1/namespaces/default/pods';
const node = new FakeNode();
let server: TestServer;
const sockets: Socket[] = [];
beforeAll(async () => {
  server = await TestServer.start({ streams: { items: () => [node] }, limits: { drainMs: 2_000 } });
  await server.ask('POST', PODS, { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'i' }] } } });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  expect((await server.ask('GET', '/readyz')).text).toBe('ok');
});
afterAll(() => server.stop());

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const upgradeOf = (path: string, protocol: string, { key = KEY, more = '', method = 'GET', token = TOKEN } = {}): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Protocol: ${protocol}\r\n${more}\r\n`;
const EXEC = `${PODS}/p/exec?command=cat&stdin=true&stdout=true`;
const V5 = 'v5.channel.k8s.io';
const SMUGGLED = `GET /version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;

/** Sends bytes, and resolves with all that comes until the server closes. */
function exchanged(...bytes: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    sockets.push(socket);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1'))).on('close', () => resolve(text)).on('error', () => {});
    for (const piece of bytes) socket.write(piece);
  });
}

describe('upgrades', () => {
  it.each([
    ['that are refused', upgradeOf(`${PODS}/none/exec?command=a&stdout=true`, V5), 404],
    ['without a right to it', upgradeOf(EXEC, V5, { token: 'nobody-has-this-token-012345' }), 401],
    ['without a protocol in common', upgradeOf(EXEC, 'chat'), 400],
    ['with a broken key', upgradeOf(EXEC, V5, { key: 'short' }), 400],
    ['by POST', upgradeOf(EXEC, V5, { method: 'POST' }), 400],
    ['with a body', upgradeOf(EXEC, 'chat', { more: `Content-Length: ${SMUGGLED.length}\r\n` }), 400],
    ['of what is no stream', upgradeOf('/version', V5), 200],
    ['to HTTP/2', `GET /version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`, 200],
    ['by CONNECT', `CONNECT ${EXEC} HTTP/1.1\r\nHost: x\r\n\r\n`, undefined],
  ])('%s are answered once, and close the connection: what is sent behind them is no request', async (_what, request, code) => {
    const text = await exchanged(request, SMUGGLED, SMUGGLED);
    const codes = [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, found]) => Number(found));
    expect(codes).toEqual(code === undefined ? [] : [code]);
    if (code !== undefined) expect(text).toMatch(/connection: close/i);
    expect(node.asked).toEqual([]);
  });

  it('that do not wait for the answer before them are cut off', async () => {
    expect(await exchanged(SMUGGLED + upgradeOf(EXEC, V5))).not.toContain('101 Switching');
    expect(node.asked).toEqual([]);
  });

  it('a long answer to one that is not granted comes as a whole', async () => {
    const maps = '/api/v1/namespaces/default/configmaps';
    for (let index = 0; index < 20; index += 1) await server.ask('POST', maps, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${index}` }, data: { a: 'x'.repeat(200_000) } } });
    const text = await exchanged(upgradeOf(maps, V5, { more: 'Accept: application/json\r\n' }));
    expect(text.length).toBeGreaterThan(4_000_000);
    expect(text.trimEnd().endsWith('0') || text.endsWith(']}')).toBe(true);
  });

  it.each([
    ['a frame without a mask', frame(Buffer.from('\u0000x'), { masked: false }), 1002],
    ['a frame of a reserved kind', frame(Buffer.from('x'), { opcode: 3 }), 1002],
    ['a frame that says it is endless', Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 1009],
    ['another request', Buffer.from(SMUGGLED), 1002],
  ])('%s closes a WebSocket', async (_what, bytes, code) => {
    const text = Buffer.from(await exchanged(upgradeOf(EXEC, V5), bytes), 'latin1');
    expect(text.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
    expect(text.includes(Buffer.from([0x88, 2, code >> 8, code & 255]))).toBe(true);
    node.asked.length = 0;
  });
});

/** kubectl's side of forwarded ports. */
async function tunnelled(): Promise<Spdy> {
  const spdy = new Spdy(connect(server.port, '127.0.0.1'), upgradeOf(`${PODS}/p/portforward`, 'SPDY/3.1+portforward.k8s.io'), true);
  sockets.push(spdy.socket);
  await spdy.until(() => spdy.head !== '');
  return spdy;
}

describe('port-forward over SPDY', () => {
  it('answers with the protocol that no library takes for a name, and copies both ways', async () => {
    const echo = await listening((socket) => socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end('bye')));
    const spdy = await tunnelled();
    expect(spdy.head).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Sec-WebSocket-Protocol: SPDY\/3\.1\+portforward\.k8s\.io$/);
    await spdy.connection(1, echo.port);
    const bytes = 'x'.repeat(200_000);
    spdy.send(dataFrame(3, Buffer.from(bytes)));
    await spdy.until(() => spdy.text(3).length === bytes.length);
    // The client has said all; the answer still comes.
    spdy.send(dataFrame(3, Buffer.alloc(0), true));
    await spdy.until(() => spdy.isFinished(3) && spdy.isFinished(1));
    expect(spdy.text(3)).toBe(`${bytes}bye`);
    expect(spdy.text(1)).toBe('');
    expect(spdy.kinds(CONTROL.synReply)).toHaveLength(2);
    spdy.send(controlFrame(CONTROL.ping, words(7)));
    await spdy.until(() => spdy.kinds(CONTROL.ping).length > 0);
    expect(spdy.kinds(CONTROL.ping)).toEqual(['00000007']);
    echo.server.close();
  });

  it('why a connection failed is told on its error stream, and others go on', async () => {
    const none = await listening(() => {});
    await new Promise((resolve) => none.server.close(resolve));
    const spdy = await tunnelled();
    await spdy.connection(1, none.port);
    await spdy.until(() => spdy.isFinished(1) && spdy.isFinished(3));
    expect(spdy.text(1)).toContain('ECONNREFUSED');
    const echo = await listening((socket) => socket.end('hello'));
    await spdy.connection(5, echo.port);
    await spdy.until(() => spdy.isFinished(7));
    expect(spdy.text(7)).toBe('hello');
    echo.server.close();
  });

  it('connections that are given up, and those of a client that leaves, are closed', async () => {
    const open = new Set<Socket>();
    let heard = (): void => {};
    const silent = await listening((socket) => {
      open.add(socket);
      heard();
      socket.resume().on('end', () => socket.end()).on('close', () => {
        open.delete(socket);
        heard();
      });
    });
    const count = (wanted: number): Promise<void> =>
      new Promise((resolve) => {
        heard = () => void (open.size === wanted && resolve());
        heard();
      });
    const spdy = await tunnelled();
    await spdy.connection(1, silent.port);
    await spdy.connection(5, silent.port);
    await count(2);
    spdy.send(rstStream(3, 5));
    await count(1);
    spdy.leave();
    await count(0);
    silent.server.close();
  });

  it('streams that make no sense are refused one by one', async () => {
    const spdy = await tunnelled();
    await spdy.stream(1, { streamtype: 'data', port: '70000', requestid: '0' });
    await spdy.stream(3, { streamtype: 'other', port: '80', requestid: '0' });
    await spdy.stream(5, { streamtype: 'data', port: '80', requestid: '1' });
    await spdy.stream(7, { streamtype: 'data', port: '80', requestid: '1' });
    spdy.send(dataFrame(99, Buffer.from('for nobody')));
    await spdy.until(() => spdy.kinds(CONTROL.rstStream).length === 3);
    expect(spdy.kinds(CONTROL.rstStream)).toEqual(['0000000100000001', '0000000300000001', '0000000700000003']);
  });

  it.each([
    ['what is no SPDY', Buffer.from([0x80, 9, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1])],
    ['headers that cannot be inflated', controlFrame(CONTROL.synStream, Buffer.concat([words(1, 0), Buffer.alloc(2), Buffer.from('nothing that zlib wrote')]))],
    ['a frame that is too short', controlFrame(CONTROL.rstStream, Buffer.alloc(2))],
  ])('%s closes the tunnel', async (_what, bytes) => {
    const spdy = await tunnelled();
    spdy.send(bytes);
    await spdy.until(() => spdy.closed !== undefined);
    expect(spdy.closed).toBe(1002);
  });

  it('a stream whose number was there already closes the tunnel', async () => {
    const spdy = await tunnelled();
    for (const id of [3, 1]) await spdy.stream(id, { streamtype: 'error', port: '80', requestid: String(id) });
    await spdy.until(() => spdy.closed !== undefined);
    expect(spdy.closed).toBe(1002);
  });

  it('when the server stops it says so', async () => {
    const silent = await listening((socket) => socket.resume());
    const spdy = await tunnelled();
    await spdy.connection(1, silent.port);
    await spdy.until(() => spdy.kinds(CONTROL.synReply).length === 2);
    await server.api.drain();
    await spdy.until(() => spdy.isEnded);
    expect({ goAway: spdy.kinds(CONTROL.goAway), closed: spdy.closed }).toEqual({ goAway: ['0000000300000000'], closed: 1001 });
    silent.server.close();
    await server.stop();
    server = await TestServer.start();
  });
});
