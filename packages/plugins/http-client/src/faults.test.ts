import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { ApiError, ConfigMap, type KubeList, type KubeObject, OrreryError, type ResourceRef, systemClock as clock, type Transport, type WatchEvent } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeServer, json } from './test/fake-server.js';

const user = { name: 'anna', groups: ['team'] };
const maps: ResourceRef = { group: ConfigMap.group, version: ConfigMap.version, resource: ConfigMap.plural, namespace: 'default' };
const one: ResourceRef = { ...maps, name: 'one' };
const object = (revision = 1, more: object = {}): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'one', resourceVersion: String(revision) }, ...more });
const line = (type: string, revision: number): string => `${JSON.stringify({ type, object: object(revision) })}\n`;

const servers: FakeServer[] = [];
const start = async (answer: Parameters<typeof FakeServer.start>[0]): Promise<FakeServer> => {
  const server = await FakeServer.start(answer);
  servers.push(server);
  return server;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

const get = (transport: Transport, signal?: AbortSignal): Promise<KubeObject | KubeList> => transport.request({ verb: 'get', user, ref: one }, signal);
const create = (transport: Transport): Promise<KubeObject | KubeList> => transport.request({ verb: 'create', user, ref: maps, body: object() });
const errorOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: unknown) => error);
const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const error = await errorOf(promise);
  if (ApiError.is(error)) return `ApiError ${error.reason}${OrreryError.is(error.cause) ? ` (${error.cause.code})` : ''}`;
  return OrreryError.is(error) ? error.code : String(error);
};

/** Follows a watch from version 1 until it ends or fails. */
async function follow(transport: Transport, seen: WatchEvent[] = [], signal = new AbortController().signal): Promise<WatchEvent[]> {
  for await (const chunk of transport.watch({ user, ref: maps, resourceVersion: '1', allowWatchBookmarks: true }, signal)) seen.push(...chunk);
  return seen;
}

describe('answers', () => {
  it('objects with fields that nobody here knows come through as they are; items of lists are told what they are', async () => {
    const server = await start((response, { url }) => (url.endsWith('/one') ? json(response, 200, object(7, { future: { field: [1, null] } })) : json(response, 200, { apiVersion: 'v1', kind: 'ConfigMapList', metadata: { resourceVersion: '9', extra: 1 }, items: [{ metadata: { name: 'x' }, odd: true }] })));
    expect(await get(server.line())).toEqual(object(7, { future: { field: [1, null] } }));
    const list = await server.line().request({ verb: 'list', user, ref: maps });
    expect((list as KubeList).items).toEqual([{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, odd: true }]);
  });

  it('an empty list of a server in Go has null for items', async () => {
    const server = await start((response) => json(response, 200, { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '3' }, items: null }));
    expect(((await server.line().request({ verb: 'list', user, ref: maps })) as KubeList).items).toEqual([]);
  });

  it('keys that could reach a prototype are dropped, however they are written', async () => {
    const server = await start((response) => response.writeHead(200).end('{"kind":"ConfigMap","metadata":{"name":"one"},"data":{"__proto__":{"a":1},"\\u005f_proto__":{"b":1},"constructor":"kept"}}'));
    const { data } = (await get(server.line())) as ConfigMap;
    expect(Object.keys(data ?? {})).toEqual(['constructor']);
  });

  it('gzip is unpacked; warnings are told', async () => {
    const server = await start((response, { headers }) => {
      expect(headers['accept-encoding']).toBe('gzip');
      response.writeHead(200, { 'content-encoding': 'gzip', warning: '299 - "spec is \\"odd\\"", 299 - "v1 is old"' }).end(gzipSync(JSON.stringify(object())));
    });
    const warnings: string[] = [];
    await server.line().request({ verb: 'get', user, ref: one, warn: (text) => warnings.push(text) });
    expect(warnings).toEqual(['spec is "odd"', 'v1 is old']);
  });

  it('a refusal has its reason, details and causes; a page of a proxy is told by its code', async () => {
    const details = { name: 'one', kind: 'configmaps', causes: [{ reason: 'FieldValueInvalid', field: 'data', message: 'no' }], retryAfterSeconds: 3 };
    const server = await start((response, _seen, turn) => (turn === 1 ? json(response, 422, { kind: 'Status', status: 'Failure', reason: 'Invalid', message: 'it is invalid', details, code: 422 }) : response.writeHead(502).end('<html>\n <b>Bad gateway</b>')));
    expect(await errorOf(get(server.line()))).toMatchObject({ reason: 'Invalid', code: 422, message: 'it is invalid', details });
    expect(await errorOf(get(server.line()))).toMatchObject({ reason: 'ServiceUnavailable', message: 'the server answered 502: <html> <b>Bad gateway</b>' });
  });

  it.each([
    ['no JSON', '{"kind":'],
    ['a bare value', '17'],
    ['no metadata', '{"kind":"ConfigMap"}'],
    ['nesting without end', `{"metadata":{},"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ])('what is no object (%s) is UNAVAILABLE', async (_what, text) => {
    const server = await start((response) => response.writeHead(200).end(text));
    expect(await codeOf(get(server.line()))).toBe('UNAVAILABLE');
  });

  it('an answer without end is cut off at the limit, packed or not, and its connection closed', async () => {
    const server = await start((response, { headers }, turn) => {
      if (turn === 2) return void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(64 * 2 ** 20)));
      expect(headers['accept-encoding']).toBe('gzip');
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const transport = server.line({ limits: { answerBytes: 2 ** 20 } });
    expect(await codeOf(get(transport))).toBe('EXHAUSTED');
    await expect.poll(() => server.connections).toBe(0);
    expect(await codeOf(get(transport))).toBe('EXHAUSTED');
  });
});

describe('requests', () => {
  it('a server that does not answer: a read is TIMEOUT, a write of unknown outcome', async () => {
    const server = await start(() => undefined);
    const transport = server.line({ limits: { answerMs: 100 } });
    expect(await codeOf(get(transport))).toBe('TIMEOUT');
    expect(await codeOf(create(transport))).toBe('ApiError Timeout (OUTCOME_UNKNOWN)');
    await expect.poll(() => server.connections).toBe(0);
  });

  it('an answer that begins and does not end is TIMEOUT', async () => {
    const server = await start((response) => void response.writeHead(200).write('{'));
    expect(await codeOf(get(server.line({ limits: { answerMs: 100 } })))).toBe('TIMEOUT');
  });

  it('a connection that breaks: a read is UNAVAILABLE, a write of unknown outcome; one that is not made at all changes nothing', async () => {
    const server = await start((response) => response.socket?.resetAndDestroy());
    const transport = server.line();
    expect(await codeOf(get(transport))).toBe('UNAVAILABLE');
    expect(await codeOf(create(transport))).toBe('ApiError Timeout (OUTCOME_UNKNOWN)');
    server.server.close();
    expect(await codeOf(create(transport))).toBe('UNAVAILABLE');
  });

  it('a connection that the server closed while it was idle is not noticed by readers', async () => {
    const server = await start((response, _seen, turn) => (turn === 2 ? response.socket?.resetAndDestroy() : json(response, 200, object())));
    const transport = server.line();
    await get(transport);
    await get(transport);
    expect(server.seen).toHaveLength(3);
  });

  it('an abort ends the request; so does closing', async () => {
    const server = await start(() => undefined);
    const transport = server.line();
    const stop = new AbortController();
    const asked = errorOf(get(transport, stop.signal));
    await expect.poll(() => server.seen.length).toBe(1);
    stop.abort();
    expect(OrreryError.is(await asked, 'ABORTED')).toBe(true);
    const other = errorOf(get(transport));
    await expect.poll(() => server.seen.length).toBe(2);
    transport.close();
    expect(OrreryError.is(await other, 'CLOSED')).toBe(true);
    await expect.poll(() => server.connections).toBe(0);
    expect(await codeOf(get(transport))).toBe('CLOSED');
  });

  it('too busy: reads, updates and deletions wait as long as they are told and ask again; creations do not', async () => {
    const busy = { kind: 'Status', reason: 'TooManyRequests', message: 'later', code: 429 };
    const server = await start((response, { method }, turn) => (method === 'POST' || turn % 2 === 1 ? json(response, 429, busy, { 'retry-after': '1' }) : json(response, 200, object())));
    const slept: number[] = [];
    const transport = server.line({ clock: { ...clock, sleep: (ms) => (slept.push(ms), Promise.resolve()) } });
    await get(transport);
    await transport.request({ verb: 'update', user, ref: one, body: object() });
    await transport.request({ verb: 'delete', user, ref: one, options: {} });
    expect([slept, server.seen.length]).toEqual([[1_000, 1_000, 1_000], 6]);
    expect(await errorOf(create(transport))).toMatchObject({ reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } });
  });

  it('names that cannot stand in a path are refused before anything is sent', async () => {
    const server = await start((response) => json(response, 200, object()));
    for (const name of ['..', 'a/b', '', '%2e']) expect(await codeOf(server.line().request({ verb: 'get', user, ref: { ...one, name } }))).toBe('INVALID');
    expect(server.seen).toEqual([]);
  });

  it('the user of a request goes along only when the line impersonates', async () => {
    const server = await start((response) => json(response, 200, object()));
    await get(server.line());
    await get(server.line({ impersonate: true }));
    await get(server.line({ connection: { server: server.url, tls: {}, impersonate: { name: 'bob', groups: ['x', 'y'], extra: { 'a/b': ['1'] } } } }));
    const shown = server.seen.map(({ headers }) => [headers['impersonate-user'], headers['impersonate-group'], headers['impersonate-extra-a%2fb']]);
    expect(shown).toEqual([[undefined, undefined, undefined], ['anna', 'team', undefined], ['bob', 'x, y', '1']]);
  });
});

describe('watches', () => {
  /** A watch whose lines are written by the test. */
  const watched = (write: (response: ServerResponse, turn: number) => void): Promise<FakeServer> => start((response, _seen, turn) => (response.writeHead(200), response.flushHeaders(), write(response, turn)));

  it('lines that come in pieces, many at once, with blank ones between', async () => {
    const server = await watched((response) => {
      const text = Buffer.from(`${line('ADDED', 2)}\n${line('MODIFIED', 3)}${line('BOOKMARK', 4)}`.replace('one', 'é'));
      for (const [from, to] of [[0, 3], [3, 90], [90, 91], [91, text.length]]) response.write(text.subarray(from, to));
    });
    const seen: WatchEvent[] = [];
    const stop = new AbortController();
    const following = follow(server.line(), seen, stop.signal);
    await expect.poll(() => seen.map(({ type, object: { metadata } }) => `${type} ${metadata.resourceVersion}`)).toEqual(['ADDED 2', 'MODIFIED 3', 'BOOKMARK 4']);
    stop.abort();
    await following;
    await expect.poll(() => server.connections).toBe(0);
  });

  it('an ERROR event is the refusal that it tells', async () => {
    const server = await watched((response) => response.end(`${line('ADDED', 2)}${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', status: 'Failure', reason: 'Expired', message: 'too old', code: 410 } })}\n`));
    expect(await errorOf(follow(server.line()))).toMatchObject({ reason: 'Expired', code: 410, message: 'too old' });
  });

  it('a refusal instead of a watch is thrown', async () => {
    const server = await start((response) => json(response, 410, { kind: 'Status', reason: 'Expired', message: 'too old', code: 410 }));
    expect(await errorOf(follow(server.line()))).toMatchObject({ reason: 'Expired' });
  });

  it.each([
    ['a line that is no JSON', 'what?\n'],
    ['an event without an object', '{"type":"ADDED"}\n'],
    ['an unknown type', `{"type":"PATCHED","object":{"metadata":{"resourceVersion":"2"}}}\n`],
    ['an object without a version', '{"type":"ADDED","object":{"metadata":{}}}\n'],
    ['the end within a line', '{"type":"ADD'],
  ])('%s is UNAVAILABLE', async (_what, text) => {
    const server = await watched((response) => response.end(text));
    expect(await codeOf(follow(server.line()))).toBe('UNAVAILABLE');
  });

  it('a line without end is cut off at the limit', async () => {
    const server = await watched((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await codeOf(follow(server.line({ limits: { eventBytes: 2 ** 20 } })))).toBe('EXHAUSTED');
    await expect.poll(() => server.connections).toBe(0);
  });

  it('a connection that is cut is UNAVAILABLE, after what had come', async () => {
    const server = await watched((response) => response.write(line('ADDED', 2)));
    const seen: WatchEvent[] = [];
    const code = codeOf(follow(server.line(), seen));
    await expect.poll(() => seen.length).toBe(1);
    server.cut();
    expect(await code).toBe('UNAVAILABLE');
  });

  it('a watch that the server ends after its time goes on from where it was; one that ends at once does not', async () => {
    let now = 0;
    const server = await watched((response, turn) => {
      now += turn < 3 ? 600_000 : 0;
      response.end(turn < 3 ? line('ADDED', 10 + turn) : '');
    });
    const seen: WatchEvent[] = [];
    expect(await codeOf(follow(server.line({ clock: { ...clock, monotonic: () => now } }), seen))).toBe('UNAVAILABLE');
    expect(seen.map(({ object: { metadata } }) => metadata.resourceVersion)).toEqual(['11', '12']);
    expect(server.seen.map(({ url }) => new URL(url, 'http://x').searchParams.get('resourceVersion'))).toEqual(['1', '11', '12']);
  });

  it('one who does not read holds the server back, and not memory', async () => {
    let written = 0;
    const text = line('ADDED', 2).repeat(1_000);
    const server = await watched((response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(text)) written += text.length;
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const stop = new AbortController();
    const events = server.line().watch({ user, ref: maps, resourceVersion: '1' }, stop.signal)[Symbol.asyncIterator]();
    await events.next();
    let last = -1;
    await expect.poll(() => [written === last, (last = written)][0], { interval: 100 }).toBe(true);
    expect(written).toBeLessThan(32 * 2 ** 20);
    stop.abort();
    for (let next = await events.next(); next.done !== true; next = await events.next());
    await expect.poll(() => server.connections).toBe(0);
  });
});
