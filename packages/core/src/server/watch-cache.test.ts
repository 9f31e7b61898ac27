import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store, WatchBatch } from '../contracts/store.js';
import type { WatchEvent } from '../contracts/transport.js';
import { type Logger, silentLogger } from '../kernel/logger.js';
import { ConfigMap } from '../model/kinds/configmap.js';
import type { KubeObject } from '../model/object.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { storageKey } from './keys.js';
import { WatchCache, type WatchInterest } from './watch-cache.js';
import type { Watcher } from './watcher.js';

let clock: VirtualClock;
let store: MemoryStore;
let stop: AbortController;
let warnings: unknown[];
const running: Promise<unknown>[] = [];

beforeEach(() => {
  clock = new VirtualClock();
  store = new MemoryStore({ clock });
  stop = new AbortController();
  warnings = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running.splice(0));
  await clock.settle();
  expect(clock.pending).toBe(0);
});

const key = (name: string): string => storageKey(ConfigMap, 'default', name);
const write = (name: string, data: Record<string, string> = {}): Promise<unknown> =>
  store.commit({ guards: [], writes: [{ key: key(name), value: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name }, data } }] });
/** As many changes as one commit may have, at one revision. */
const MANY = 128;
const writeMany = (): Promise<unknown> => {
  const writes = Array.from({ length: MANY }, (_, n) => ({ key: key(`p${n}`), value: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: `p${n}` } } }));
  return store.commit({ guards: [], writes });
};
const erase = (name: string): Promise<unknown> => store.commit({ guards: [], writes: [{ key: key(name), delete: true }] });
const all: WatchInterest = { matches: () => true, bookmarks: false };
const node = (object: KubeObject): string => (object as ConfigMap).data?.['node'] ?? '';
const onNode = (value: string, asked: { count: number } = { count: 0 }): WatchInterest => ({
  matches: (object) => {
    asked.count += 1;
    return node(object) === value;
  },
  trigger: { field: 'node', value, read: node },
  bookmarks: false,
});
const line = (event: WatchEvent): string => `${event.type} ${'name' in event.object.metadata ? event.object.metadata.name : ''}@${event.object.metadata.resourceVersion}`;
const drain = async (watcher: Watcher): Promise<string[]> => {
  await clock.settle();
  const next = await Promise.race([watcher.next(), clock.settle().then(() => ({ done: true as const, value: undefined }))]);
  return next.done === true ? [] : next.value.map(line);
};
const start = async (over: Store = store): Promise<WatchCache> => {
  const log: Logger = { ...silentLogger, warn: (_message, fields) => void warnings.push(fields?.['error']) };
  const cache = new WatchCache(ConfigMap, over, clock, log);
  await new Promise<void>((resolve, reject) => {
    running.push(cache.run(stop.signal, resolve).catch(reject));
  });
  await clock.settle();
  return cache;
};

/** A store whose watch can be tampered with. */
const tampered = (tamper: (batch: WatchBatch, count: number) => WatchBatch[]): Store =>
  new Proxy(store, {
    get(target, property) {
      if (property !== 'watch') return (Reflect.get(target, property) as () => unknown).bind?.(target) ?? Reflect.get(target, property);
      return async function* (prefix: string, options: { since: number; signal: AbortSignal }) {
        let count = 0;
        for await (const batch of target.watch(prefix, options)) for (const changed of tamper(batch, batch.events.length === 0 ? count : ++count)) yield changed;
      };
    },
  });

describe('watchers', () => {
  it('are told what they have not seen, from the recent past and as it happens', async () => {
    await write('a');
    const cache = await start();
    await write('b');
    await clock.settle();
    const watcher = cache.watch(1, all);
    await write('b', { x: '1' });
    await erase('a');
    await clock.settle();
    expect(await drain(watcher)).toEqual(['ADDED b@2', 'MODIFIED b@3', 'DELETED a@4']);
    expect(() => cache.watch(0, all)).toThrow(expect.objectContaining({ reason: 'Expired' }));
  });

  it('with a trigger are found by value: objects come into their selection and leave it', async () => {
    const cache = await start();
    const one = cache.watch(0, onNode('n1'));
    await write('p');
    await write('p', { node: 'n1' });
    await write('p', { node: 'n1', x: '1' });
    await write('p', { node: 'n2' });
    expect(await drain(one)).toEqual(['ADDED p@2', 'MODIFIED p@3', 'DELETED p@4']);
  });

  it('a thousand of different values cost one question a change, not a thousand', async () => {
    const cache = await start();
    const asked = { count: 0 };
    for (let i = 0; i < 1_000; i += 1) cache.watch(0, onNode(`n${i}`, asked));
    for (let i = 0; i < 100; i += 1) await write(`p${i}`, { node: `n${i}` });
    await clock.settle();
    expect(asked.count).toBe(100);
  });

  it('that are gone are forgotten, with the value they were found by', async () => {
    const cache = await start();
    const asked = { count: 0 };
    for (let i = 0; i < 100; i += 1) await cache.watch(0, onNode('n1', asked)).return();
    const again = cache.watch(0, onNode('n1', asked));
    await write('p', { node: 'n1' });
    expect(await drain(again)).toEqual(['ADDED p@1']);
    expect([cache.watchers, asked.count]).toEqual([1, 1]);
  });

  it('one that does not read is cut off with Expired, costs nothing any more, and does not hold up the others', async () => {
    const cache = await start();
    let asked = 0;
    const slow = cache.watch(0, { matches: () => (asked += 1) > 0, bookmarks: false });
    const quick = cache.watch(0, all);
    for (let i = 0; i < 800; i += 1) {
      await writeMany();
      expect((await drain(quick)).length).toBeGreaterThan(0);
    }
    await expect(slow.next()).rejects.toMatchObject({ reason: 'Expired' });
    expect(cache.watchers).toBe(1);
    const before = asked;
    await write('more');
    await clock.settle();
    expect(asked).toBe(before);
  });

  it('get bookmarks in silence, of which a slow one keeps the last', async () => {
    const cache = await start();
    const watcher = cache.watch(0, { matches: () => true, bookmarks: true });
    await clock.advance(60_000);
    expect(await drain(watcher)).toEqual(['BOOKMARK @0']);
  });

  it('from before the changes that are kept are expired; a revision with many changes is never told in part', async () => {
    const cache = await start();
    for (let round = 0; round < 160; round += 1) {
      await writeMany();
      await clock.settle();
    }
    expect(() => cache.watch(1, all)).toThrow(expect.objectContaining({ reason: 'Expired' }));
    let oldest = 160;
    while (oldest > 0 && attempt(() => void cache.watch(oldest - 1, all).return())) oldest -= 1;
    expect(oldest).toBeGreaterThan(1);
    const seen = await drain(cache.watch(oldest, all));
    expect(seen).toHaveLength((160 - oldest) * MANY);
  });
});

const attempt = (work: () => void): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

describe('a watch on the store that is lost ends in a new list, and expires the watchers', () => {
  const tampering: readonly [string, (batch: WatchBatch, count: number) => WatchBatch[], RegExp][] = [
    ['an event is left out', (batch, count) => (count === 2 ? [] : [batch]), /left something out|went back/],
    ['an event comes twice', (batch, count) => (count === 2 && batch.events.length > 0 ? [batch, batch] : [batch]), /went back/],
    ['history goes back', (batch, count) => (count === 2 && batch.events.length > 0 ? [batch, { revision: 1, events: [] }] : [batch]), /went back/],
  ];
  it.each(tampering)('%s', async (_what, tamper, problem) => {
    const cache = await start(tampered(tamper));
    const watcher = cache.watch(0, all);
    const ended = (async () => { for (;;) if ((await watcher.next()).done === true) return 'ended quietly'; })();
    const expired = expect(ended).rejects.toMatchObject({ reason: 'Expired' });
    for (let i = 0; i < 4; i += 1) {
      await write('p', { n: String(i) });
      await clock.settle();
    }
    await clock.advance(10_000);
    await expired;
    expect(warnings[0]).toMatch(problem);
    expect((cache.peek(key('p')) as ConfigMap).data).toEqual({ n: '3' });
  });

  it('the store falls silent', async () => {
    let deaf = true;
    const cache = await start(tampered((batch) => (deaf ? [] : [batch])));
    const watcher = cache.watch(0, all);
    await write('p');
    await clock.advance(30_000);
    expect(warnings).toEqual([]);
    deaf = false;
    const expired = expect(watcher.next()).rejects.toMatchObject({ reason: 'Expired' });
    await clock.advance(6_000);
    await expired;
    expect(warnings[0]).toMatch(/Nothing was heard/);
    expect(cache.peek(key('p'))).toBeDefined();
  });

  it('history is compacted under it; who begins to watch before the new list is told nothing in part', async () => {
    const small = new MemoryStore({ clock, historyLimit: 2 });
    store = small;
    let fail = false;
    const flaky = new Proxy(tampered((batch) => { if (fail) throw new Error('connection reset'); return [batch]; }), {
      get: (target, property) => Reflect.get(target, property) as unknown,
    });
    const cache = await start(flaky);
    await write('a');
    await clock.settle();
    fail = true;
    await write('b');
    await clock.settle();
    const inBetween = cache.watch(1, all);
    await write('c');
    fail = false;
    const expired = expect(inBetween.next()).rejects.toMatchObject({ reason: 'Expired' });
    await clock.advance(10_000);
    await expired;
    expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
  });

  it('a closed store is an error, not a quiet end', async () => {
    const cache = new WatchCache(ConfigMap, store, clock, silentLogger);
    const run = cache.run(stop.signal, () => {});
    const failed = expect(run).rejects.toMatchObject({ code: 'CLOSED' });
    await clock.settle();
    await store.close();
    await failed;
  });
});
