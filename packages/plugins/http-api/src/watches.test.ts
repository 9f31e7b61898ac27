import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { ApiError, ConfigMap, type KubeObject, type Logger, silentLogger, type Transport, type WatchEvent } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer, TOKEN } from './test/server.js';
import { EncodedObjects } from './watch-stream.js';

// Watches over real sockets.

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.stop());

const MAPS = '/api/v1/namespaces/default/configmaps';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** Lines of a watch as they come. */
class Watching {
  readonly lines: any[] = [];
  ended = false;
  #text = '';
  #told = (): void => {};

  constructor(readonly response: IncomingMessage) {
    response.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
      const parts = this.#text.split('\n');
      this.#text = parts.pop() ?? '';
      this.lines.push(...parts.map((line) => JSON.parse(line)));
      this.#told();
    });
    response.on('close', () => {
      this.ended = true;
      this.#told();
    });
  }

  static async open(at: TestServer, query: string, headers: Record<string, string> = {}): Promise<Watching> {
    const request = at.open({ path: `${MAPS}?watch=true${query}`, headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new Watching(response);
  }

  async until(wanted: (watching: Watching) => boolean): Promise<this> {
    while (!wanted(this)) await new Promise<void>((resolve) => (this.#told = resolve));
    return this;
  }

  names(): string[] {
    return this.lines.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`.trim());
  }
}

const create = (name: string, label = 'none') => server.ask('POST', MAPS, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { label } } } });

describe('a watch', () => {
  it('tells of everything that is there, then of changes', async () => {
    await create('w1', 'a');
    const watching = await Watching.open(server, '&labelSelector=label%3Da');
    expect(watching.response).toMatchObject({ statusCode: 200, headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' } });
    await create('w2', 'a');
    await create('other', 'b');
    await server.ask('DELETE', `${MAPS}/w1`);
    await watching.until(({ lines }) => lines.length === 3);
    expect(watching.names()).toEqual(['ADDED w1', 'ADDED w2', 'DELETED w1']);
    expect(watching.lines[0].object).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { resourceVersion: expect.any(String) } });
    watching.response.destroy();
  });

  it('goes on from a version', async () => {
    const { resourceVersion } = (await server.ask('GET', MAPS)).body.metadata;
    await create('later', 'c');
    const watching = await Watching.open(server, `&resourceVersion=${resourceVersion}`);
    await watching.until(({ lines }) => lines.length > 0);
    expect(watching.names()).toEqual(['ADDED later']);
    watching.response.destroy();
  });

  it('marks the end of the initial events', async () => {
    await create('i1', 'd');
    const watching = await Watching.open(server, '&labelSelector=label%3Dd&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan');
    await watching.until(({ lines }) => lines.length === 2);
    expect(watching.names()).toEqual(['ADDED i1', 'BOOKMARK']);
    expect(watching.lines[1].object).toEqual({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: expect.any(String), annotations: { 'k8s.io/initial-events-end': 'true' } } });
    watching.response.destroy();
    const without = await Watching.open(server, '&labelSelector=label%3Dd&sendInitialEvents=false&resourceVersionMatch=NotOlderThan');
    await create('i2', 'd');
    await without.until(({ lines }) => lines.length > 0);
    expect(without.names()).toEqual(['ADDED i2']);
    without.response.destroy();
  });

  it.each([
    ['&sendInitialEvents=true', 422],
    ['&resourceVersionMatch=NotOlderThan', 422],
    ['&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999999', 504],
    ['&resourceVersion=first', 400],
    ['&fieldSelector=data.a%3D1', 400],
    ['&timeoutSeconds=soon', 400],
  ])('of %s is %i', async (query, code) => {
    expect(await server.ask('GET', `${MAPS}?watch=true${query}`)).toMatchObject({ code, body: { kind: 'Status', code } });
  });

  it('ends after its time', async () => {
    const watching = await Watching.open(server, '&timeoutSeconds=1&labelSelector=label%3Dnobody');
    await watching.until(({ ended }) => ended);
    expect([watching.lines, watching.response.complete]).toEqual([[], true]);
  });

  it('is of tables, whose columns come once, or of metadata', async () => {
    await create('t1', 'e');
    await create('t2', 'e');
    const tables = await Watching.open(server, '&labelSelector=label%3De', { accept: TABLE });
    await tables.until(({ lines }) => lines.length === 2);
    expect(tables.lines.map(({ object }) => [object.kind, object.columnDefinitions?.length, object.rows[0].cells[0]])).toEqual([['Table', 3, 't1'], ['Table', undefined, 't2']]);
    expect(tables.lines[1].object.columnDefinitions).toBeNull();
    tables.response.destroy();
    const partial = await Watching.open(server, '&labelSelector=label%3De', { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' });
    await partial.until(({ lines }) => lines.length === 2);
    expect(partial.lines[0].object).toEqual({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: expect.objectContaining({ name: 't1' }) });
    partial.response.destroy();
  });
});

/** A transport whose watches tell what a test says. */
const telling = (watch: Transport['watch']) => (inner: Transport): Transport => ({ request: (...args) => inner.request(...args), watch });
const event = (i: number, size = 10): WatchEvent => ({ type: 'ADDED', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${i}`, resourceVersion: String(i) }, data: { x: 'x'.repeat(size) } } as KubeObject });
const open = (signal: AbortSignal): Promise<void> => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

describe('a bookmark', () => {
  it.each(['pods', 'events', 'nodes', 'configmaps'])('of %s has the form that is asked for', async (resource) => {
    const query = '&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const request = (accept: string) => server.open({ path: `/api/v1/${resource}?watch=true&labelSelector=label%3Dnobody${query}`, headers: { authorization: `Bearer ${TOKEN}`, accept } });
    const first = async (accept: string): Promise<any> => {
      const [response] = (await once(request(accept).end(), 'response')) as [IncomingMessage];
      const { lines } = await new Watching(response).until((one) => one.lines.length > 0);
      response.destroy();
      return lines[0];
    };
    const marked = { annotations: { 'k8s.io/initial-events-end': 'true' } };
    const table = await first(TABLE);
    expect(table).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Table', metadata: { resourceVersion: expect.any(String) }, rows: [{ object: { metadata: marked } }] } });
    expect(table.object.rows[0].cells).toHaveLength(table.object.columnDefinitions.length);
    expect(await first('application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io')).toMatchObject({ type: 'BOOKMARK', object: { kind: 'PartialObjectMetadata', metadata: marked } });
  });
});

describe('a watch that fails', () => {
  it('says Expired in the stream, whether at once or later', async () => {
    for (const first of [0, 1]) {
      const wrap = telling(async function* () {
        for (let i = 0; i < first; i += 1) yield [event(i)];
        throw new ApiError('Expired', 'too old resource version: 1 (9)');
      });
      const failing = await TestServer.start({ wrap });
      const watching = await Watching.open(failing, '&resourceVersion=1');
      await watching.until(({ ended }) => ended);
      expect([watching.response.statusCode, watching.response.complete]).toEqual([200, true]);
      expect(watching.lines.at(-1)).toMatchObject({ type: 'ERROR', object: { kind: 'Status', reason: 'Expired', code: 410, message: 'too old resource version: 1 (9)' } });
      await failing.stop();
    }
  });

  it('is not told what broke inside: the log is', async () => {
    const said: string[] = [];
    const log: Logger = { ...silentLogger, warn: (message, fields) => void said.push(`${message} ${JSON.stringify(fields)}`), child: () => log };
    const failing = await TestServer.start({
      log,
      wrap: telling(async function* () {
        yield [event(1)];
        throw new Error('secret-inside');
      }),
    });
    const watching = await Watching.open(failing, '');
    await watching.until(({ ended }) => ended);
    expect(watching.lines.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 500, message: 'Internal error occurred' } });
    expect(said).toEqual([expect.stringMatching(/^a watch failed .*"user":"anna","error":".*secret-inside/)]);
    await failing.stop();
  });
});

describe('a client that does not read', () => {
  it('gets 410 when too much waits for it, and holds no more than that', async () => {
    let told = 0;
    let over = false;
    const flooding = await TestServer.start({
      limits: { watchBacklog: 50 },
      wrap: telling(async function* (_request, signal) {
        while (!signal.aborted && !over) {
          yield [event((told += 1), 50_000)];
          await new Promise((resolve) => process.nextTick(resolve));
          if (told > 5_000) over = true;
        }
      }),
    });
    const watching = await Watching.open(flooding, '');
    watching.response.pause();
    await expect.poll(() => told).toBeGreaterThan(50);
    // Nobody listens any more long before the flood is over.
    const settled = await new Promise<number>((resolve) => {
      let last = -1;
      const look = (): void => (last === told ? resolve(told) : ((last = told), void setTimeout(look, 200)));
      look();
    });
    expect([over, settled < 5_000]).toEqual([false, true]);
    watching.response.resume();
    await watching.until(({ ended }) => ended);
    expect(watching.lines.at(-1)).toMatchObject({ type: 'ERROR', object: { reason: 'Expired', code: 410 } });
    expect(watching.lines.length).toBeLessThan(settled);
    await flooding.stop();
  });

  it('may be behind by all there was in the beginning', async () => {
    let isLate = false;
    const long = await TestServer.start({
      limits: { watchBacklog: 50 },
      wrap: telling(async function* (_request, signal) {
        yield Array.from({ length: 3_000 }, (_, i) => event(i, 20_000));
        for (let i = 0; i < 50; i += 1) yield [event(3_000 + i)];
        isLate = true;
        await open(signal);
      }),
    });
    const watching = await Watching.open(long, '');
    watching.response.pause();
    await expect.poll(() => isLate).toBe(true);
    watching.response.resume();
    await watching.until(({ lines }) => lines.length === 3_050);
    expect(watching.lines.every(({ type }) => type === 'ADDED')).toBe(true);
    watching.response.destroy();
    await long.stop();
  });

  it('is cut off when it takes nothing for too long', async () => {
    let ended = false;
    const flooding = await TestServer.start({
      limits: { watchBacklog: 50, stallMs: 200 },
      wrap: telling(async function* (_request, signal) {
        try {
          for (let i = 0; i < 40; i += 1) yield [event(i, 500_000)];
          await open(signal);
        } finally {
          ended = true;
        }
      }),
    });
    const watching = await Watching.open(flooding, '');
    watching.response.on('error', () => {}).pause();
    await expect.poll(() => ended, { timeout: 5_000 }).toBe(true);
    watching.response.resume();
    await watching.until(({ ended: isOver }) => isOver);
    expect(watching.response.complete).toBe(false);
    await flooding.stop();
  });
});

/** Keeps creations waiting. */
class HeldCreates {
  letGo = (): void => {};
  #arrived = (): void => {};
  readonly #going = new Promise<void>((resolve) => (this.letGo = resolve));
  /** Resolves when one waits. */
  readonly came = new Promise<void>((resolve) => (this.#arrived = resolve));

  readonly wrap = (inner: Transport): Transport => ({
    request: async (request, signal) => {
      if (request.verb === 'create') {
        this.#arrived();
        await this.#going;
      }
      return inner.request(request, signal);
    },
    watch: (...args) => inner.watch(...args),
  });
}

describe('a server that stops', () => {
  it('ends watches as at a time-out, and answers what is under way', async () => {
    const held = new HeldCreates();
    const stopping = await TestServer.start({ wrap: held.wrap });
    const watching = await Watching.open(stopping, '');
    const created = stopping.ask('POST', MAPS, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'last' } } });
    await held.came;
    const closed = stopping.close();
    await watching.until(({ ended }) => ended);
    expect(watching.response.complete).toBe(true);
    await expect(stopping.ask('GET', '/readyz')).rejects.toThrow('ECONNREFUSED');
    held.letGo();
    expect((await created).code).toBe(201);
    await closed;
    await stopping.stop();
  });

  it('is alive but not ready, and serves no objects any more', async () => {
    const held = new HeldCreates();
    const stopping = await TestServer.start({ wrap: held.wrap });
    const created = stopping.ask('POST', MAPS, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'last' } } });
    await held.came;
    const drained = stopping.api.drain();
    expect(await stopping.ask('GET', '/livez')).toMatchObject({ code: 200, text: 'ok' });
    expect(await stopping.ask('GET', '/readyz')).toMatchObject({ code: 500, text: '[+]ping ok\n[+]objects ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n' });
    expect(await stopping.ask('GET', MAPS)).toMatchObject({ code: 503, body: { reason: 'ServiceUnavailable' }, headers: { 'retry-after': '1' } });
    held.letGo();
    await drained;
    expect((await created).code).toBe(201);
    await stopping.stop();
  });

  it('waits no longer than it may', async () => {
    let asked = false;
    const never = (): Promise<never> => {
      asked = true;
      return new Promise(() => {});
    };
    const hanging = await TestServer.start({ limits: { drainMs: 100 }, wrap: (inner): Transport => ({ request: never, watch: (...args) => inner.watch(...args) }) });
    const created = hanging.ask('POST', MAPS, { body: {} });
    created.catch(() => {});
    await expect.poll(() => asked).toBe(true);
    await hanging.stop();
    await expect(created).rejects.toThrow(/hang up|reset/i);
  });
});

describe('what is shared', () => {
  it('is told as it is to each watcher of many', async () => {
    const watchers = await Promise.all(Array.from({ length: 50 }, () => Watching.open(server, '&labelSelector=label%3Dmany')));
    for (let i = 0; i < 20; i += 1) await create(`many${i}`, 'many');
    await Promise.all(watchers.map((one) => one.until(({ lines }) => lines.length === 20)));
    const [first] = watchers;
    for (const one of watchers) expect(one.lines).toEqual(first?.lines);
    expect(first?.lines[0].object).toMatchObject({ kind: ConfigMap.kind, metadata: { name: 'many0' } });
    for (const one of watchers) one.response.destroy();
  });
});

describe('JSON that is shared', () => {
  it('is kept for some objects of some length', () => {
    const encoded = new EncodedObjects(3, 100);
    const objects = Array.from({ length: 10 }, (_, i) => ({ i }));
    for (const object of objects) expect(encoded.of(object)).toBe(JSON.stringify(object));
    expect(encoded.length).toBe(3 * '{"i":0}'.length);
    const long = { x: 'x'.repeat(60) };
    for (const object of [long, { ...long }, { x: 'x'.repeat(200) }]) expect(encoded.of(object)).toBe(JSON.stringify(object));
    expect(encoded.length).toBeLessThanOrEqual(100);
  });
});
