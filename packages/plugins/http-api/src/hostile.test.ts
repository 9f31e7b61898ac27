import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { type LogFields, silentLogger, type Logger } from '@orrery/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestServer, TOKEN } from './test/server.js';

// Clients that mean harm, or know no better: each gets its status, memory stays bounded, the server goes on.

let server: TestServer;
const said: string[] = [];
const note = (message: string, fields?: LogFields): void => void said.push(`${message} ${JSON.stringify(fields)}`);
const log: Logger = { ...silentLogger, debug: note, info: note, warn: note, error: note, child: () => log };
const LIMITS = { bodyBytes: 200_000, bodyBytesInFlight: 1_000_000, requests: 60, headersMs: 1_500, bodyMs: 500 };
beforeAll(async () => {
  server = await TestServer.start({ limits: LIMITS, log });
});
afterEach(async () => {
  expect((await server.ask('GET', '/readyz')).text).toBe('ok');
});
afterAll(() => server.stop());

const MAPS = '/api/v1/namespaces/default/configmaps';
const AUTH = `Authorization: Bearer ${TOKEN}\r\n`;
const JSON_TYPE = 'Content-Type: application/json\r\n';

/** Sends bytes and gives back all that comes until the server closes, or `enough` does. */
async function raw(bytes: string | Buffer, enough: (text: string) => boolean = () => false): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  const done = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (enough(text)) resolve();
    });
    socket.on('close', () => resolve()).on('error', () => resolve());
  });
  socket.write(bytes);
  await done;
  socket.destroy();
  return text;
}
const post = (body: string | Buffer, headers: Record<string, string> = {}) => server.ask('POST', MAPS, { body, headers });

describe('bodies', () => {
  it('that are too long are refused without being read', async () => {
    expect(await raw(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}Content-Length: 99999999\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 413 [^]*"reason":"RequestEntityTooLarge"/);
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    expect(await raw(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(4)}`)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it.each([
    ['deep JSON', '['.repeat(150_000), 'application/json', 400],
    ['deep JSON with strings', `{"a":"${'['.repeat(500)}","b":${'{"a":'.repeat(300)}`, 'application/json', 400],
    ['deep YAML', '['.repeat(50_000), 'application/yaml', 400],
    ['YAML of aliases', `a: &a [x]\n${Array.from({ length: 20 }, (_, i) => `a${i}: &a${i} [${`*a${i === 0 ? '' : i - 1},`.repeat(9)}x]`).join('\n')}`, 'application/yaml', 400],
    ['truncated JSON', '{"apiVersion":"v1","kind":', 'application/json', 400],
    ['garbage', '\u0000\u0001\u0002garbage', 'application/json', 400],
    ['YAML that is none', 'a: [b\n: :', 'application/yaml', 400],
    ['a number', '7', 'application/json', 400],
    ['null', 'null', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
    ['__proto__', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"__proto__":"1"}}', 'application/json', 400],
    ['__proto__ in YAML', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, labels: {__proto__: a}}', 'application/yaml', 400],
    ['constructor', '{"constructor":{"prototype":{"polluted":1}}}', 'application/json', 400],
    ['compressed', '{}', 'application/json', 415],
  ])('of %s are refused', async (name, body, type, code) => {
    const answer = await post(body, { 'content-type': type, ...(name === 'compressed' && { 'content-encoding': 'gzip' }) });
    expect(answer).toMatchObject({ code, body: { kind: 'Status', status: 'Failure', code } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('of invalid UTF-8 are refused', async () => {
    const body = Buffer.concat([Buffer.from('{"metadata":{"name":"'), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}}')]);
    expect(await post(body)).toMatchObject({ code: 400, body: { message: 'the body is not valid UTF-8' } });
    expect(await post(body, { 'content-type': 'application/yaml' })).toMatchObject({ code: 400, body: { message: 'the body is not valid UTF-8' } });
  });

  it('of patches that reach for prototypes change nothing', async () => {
    await post(JSON.stringify({ metadata: { name: 'proto' } }));
    const patch = (type: string, body: unknown) => server.ask('PATCH', `${MAPS}/proto`, { body, headers: { 'content-type': type } });
    expect((await patch('application/merge-patch+json', '{"metadata":{"__proto__":{"polluted":"1"}}}')).code).toBe(400);
    for (const path of ['/__proto__/polluted', '/data/__proto__', '/metadata/constructor/prototype/polluted']) {
      expect((await patch('application/json-patch+json', [{ op: 'add', path, value: '1' }])).code).toBeGreaterThanOrEqual(400);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('that come slowly are given up', async () => {
    const text = await raw(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}Content-Length: 100\r\n\r\n{`);
    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*"code":408/);
  });

  it('of more clients than there is room for are refused', async () => {
    const big = `POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}Content-Length: 190000\r\n\r\n${' '.repeat(180_000)}`;
    const codes = await Promise.all(Array.from({ length: 12 }, async () => (await raw(big)).slice(0, 12)));
    expect(new Set(codes)).toEqual(new Set(['HTTP/1.1 429', 'HTTP/1.1 408']));
  });
});

describe('headers and paths', () => {
  it('that are too long or slow or none end the connection', async () => {
    expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\n${AUTH}X-Long: ${'x'.repeat(70_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\n${'X-Many: 1\r\n'.repeat(10_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    await raw('');
    expect(await raw('GET / HTTP/1.1\r\nHost: x\r\nX-')).toMatch(/^HTTP\/1\.1 408 /);
    expect(await raw('\u0016\u0003\u0001\u0002 not http at all\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each(['/api/v1/namespaces/../secrets', '/api/v1/namespaces/default/pods/%2e%2e', '/api/v1/namespaces/a%2Fb/pods', '/api//v1/pods', '/api/v1/pods/%00', '/api/v1/pods/%ff', '/api/v1/pods/%', '/api/v1/namespaces/default/pods/a%25b', 'http://elsewhere/api/v1/pods', '/api/v1/namespaces/a%5cb/pods'])(
    'such as %s are refused',
    async (path) => {
      expect(await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n${AUTH}Connection: close\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 [^]*"reason":"BadRequest"/);
    },
  );

  it('cannot smuggle a second request', async () => {
    const both = `POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/secrets HTTP/1.1\r\nHost: x\r\n${AUTH}\r\n`;
    const text = await raw(both);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).not.toContain('SecretList');
  });

  it.each([
    ['a length and chunks (CL.TE)', 'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['chunks and a length (TE.CL)', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n'],
    ['chunks whose name is hidden by a space', 'Content-Length: 6\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['chunks whose name is hidden by a tab', 'Content-Length: 6\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n'],
    ['chunks in a folded line (obs-fold)', 'Content-Length: 6\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header (obs-fold)', 'X-Folded: a\r\n Content-Length: 0\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['chunks that are none', 'Content-Length: 6\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['chunks that are not last', 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 6\r\n\r\n0\r\n\r\n'],
    ['two lengths in one', 'Content-Length: 0, 6\r\n\r\n0\r\n\r\n'],
    ['a length with a sign', 'Content-Length: +0\r\n\r\n'],
    ['a length in hexadecimal', 'Content-Length: 0x0\r\n\r\n'],
    ['a length below nothing', 'Content-Length: -1\r\n\r\n'],
    ['a chunk whose length is none', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n'],
    ['a chunk longer than it says', 'Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n'],
    ['a null in a header', 'X-Null: a\u0000b\r\nContent-Length: 0\r\n\r\n'],
    ['a header without a name', ': x\r\nContent-Length: 0\r\n\r\n'],
    ['a line that is no header', 'Content-Length\r\n\r\n'],
  ])('with %s do not hide a second request', async (_name, rest) => {
    const second = `GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\n${AUTH}Connection: close\r\n\r\n`;
    const text = await raw(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}${rest}${second}`);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).not.toContain('SecretList');
    expect(text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
  });

  it('cannot smuggle one behind an upgrade', async () => {
    const second = `GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\n${AUTH}\r\n`;
    for (const how of ['websocket', 'h2c', 'SPDY/3.1']) {
      const text = await raw(`GET /api/v1/namespaces HTTP/1.1\r\nHost: x\r\n${AUTH}Connection: Upgrade\r\nUpgrade: ${how}\r\n\r\n${second}`);
      expect(text).not.toContain('SecretList');
      expect(text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
    }
  });

  it('that ask for another protocol are answered as what they are', async () => {
    const upgrade = await raw(`GET /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`, (text) => text.includes('}'));
    expect(upgrade).toMatch(/^HTTP\/1\.1 401 /);
    expect(await raw('CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n')).not.toContain(' 200 ');
  });
});

describe('floods', () => {
  it('of requests are refused beyond what is served at the same time', async () => {
    const few = await TestServer.start({ limits: { ...LIMITS, requests: 20, queueLength: 5 } });
    const slow = Array.from({ length: 20 }, () => connect(few.port, '127.0.0.1'));
    await Promise.all(slow.map((socket) => once(socket, 'connect')));
    for (const socket of slow) socket.on('error', () => {}).write(`POST ${MAPS} HTTP/1.1\r\nHost: x\r\n${AUTH}${JSON_TYPE}Content-Length: 10\r\n\r\n`);
    await expect.poll(async () => few.ask('GET', MAPS), { interval: 5 }).toMatchObject({ code: 429, headers: { 'retry-after': '1' } });
    // Who is too busy is alive.
    expect((await few.ask('GET', '/livez')).code).toBe(200);
    await Promise.all(slow.map((socket) => (socket.resume(), once(socket, 'close'))));
    await few.stop();
  });

  it('of a thousand watchers that read nothing cost bounded memory, and others are served', async () => {
    // With patience: a thousand clients on one machine keep it busy.
    const patient = await TestServer.start();
    const before = process.memoryUsage().rss;
    const sockets = Array.from({ length: 1_000 }, () => connect(patient.port, '127.0.0.1'));
    for (const socket of sockets) socket.on('error', () => {}).pause().write(`GET ${MAPS}?watch=true HTTP/1.1\r\nHost: x\r\n${AUTH}\r\n`);
    const reader = patient.open({ path: `${MAPS}?watch=true&labelSelector=flood%3Dyes`, headers: { authorization: `Bearer ${TOKEN}` } });
    reader.end();
    const [response] = (await once(reader, 'response')) as [IncomingMessage];
    let lines = 0;
    response.on('data', (chunk: Buffer) => (lines += chunk.toString().split('\n').length - 1));
    for (let i = 0; i < 100; i += 1) {
      expect((await patient.ask('POST', MAPS, { body: { metadata: { name: `flood${i}`, labels: { flood: 'yes' } }, data: { x: 'x'.repeat(10_000) } } })).code).toBe(201);
    }
    await expect.poll(() => lines, { timeout: 10_000 }).toBe(100);
    // A megabyte of events for each of a thousand: what the kernel does not hold is shared or dropped.
    expect(process.memoryUsage().rss - before).toBeLessThan(700 * 2 ** 20);
    for (const socket of sockets) socket.destroy();
    response.destroy();
    expect((await patient.ask('GET', '/readyz')).text).toBe('ok');
    await patient.stop();
  }, 60_000);

  it('of watches are refused beyond what is served at the same time', async () => {
    const few = await TestServer.start({ limits: { watches: 2 } });
    const open = async () => {
      const request = few.open({ path: `${MAPS}?watch=true`, headers: { authorization: `Bearer ${TOKEN}` } });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return response;
    };
    const [one, two, three] = [await open(), await open(), await open()];
    expect([one.statusCode, two.statusCode, three.statusCode]).toEqual([200, 200, 429]);
    one.destroy();
    const next = async (): Promise<number | undefined> => {
      const response = await open();
      response.destroy();
      return response.statusCode;
    };
    await expect.poll(next).toBe(200);
    two.destroy();
    three.destroy();
    await few.stop();
  });
});

describe('a server that does not answer', () => {
  it('is not ready, and nobody waits for that without end', async () => {
    const silent = await TestServer.start({ limits: { answerMs: 50 }, wrap: (inner) => ({ request: () => new Promise(() => {}), watch: (...given) => inner.watch(...given) }) });
    expect(await silent.ask('GET', '/readyz')).toMatchObject({ code: 500, text: expect.stringContaining('[-]objects failed') });
    expect((await silent.ask('GET', '/livez')).text).toBe('ok');
    expect((await silent.ask('GET', MAPS)).code).toBe(504);
    expect((await silent.ask('GET', `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`)).code).toBe(504);
    await silent.stop();
  });
});

describe('what was sent', () => {
  it('is in no log and no answer when it was a secret', async () => {
    const token = 'hunter2-this-is-a-wrong-token';
    expect(await server.ask('GET', MAPS, { token })).toMatchObject({ code: 401, body: { message: 'Unauthorized', reason: 'Unauthorized' } });
    const answer = await post('{"kind":"Secret","data":{"password":"aHVudGVyMg==",}}');
    expect(answer).toMatchObject({ code: 400 });
    for (const text of [answer.text, ...said]) for (const secret of ['hunter2', 'aHVudGVyMg', TOKEN]) expect(text).not.toContain(secret);
  });
});
