import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HistoryLoss, Store, StoreEvent } from '../contracts/store.js';
import { OrreryError } from '../kernel/errors.js';
import { FaultyStore, type StoreFaults } from '../testing/simulation/faulty-store.js';
import { LosingStore } from '../testing/simulation/losing-store.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { CachedStore, type CachedStoreOptions } from './cached-store.js';

let clock: VirtualClock;
let store: CachedStore;
let asked: Record<'get' | 'range' | 'revision' | 'watch', number>;
let problems: string[];
beforeEach(() => {
  clock = new VirtualClock();
  problems = [];
});
afterEach(async () => {
  await store.close();
  expect(clock.pending).toBe(0);
});

/** A cache over a store, which counts what it is asked; it follows already. */
async function over(inner: Store, options: CachedStoreOptions = {}): Promise<Store> {
  asked = { get: 0, range: 0, revision: 0, watch: 0 };
  const counted = new Proxy(inner, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name in asked) asked[name as keyof typeof asked] += 1;
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  store = new CachedStore(counted, { clock, random: new SeededRandom(1), problem: (error) => problems.push(OrreryError.is(error) ? error.code : String(error)), ...options });
  await store.get('/begin');
  await clock.until(() => store.live);
  for (const what of Object.keys(asked) as (keyof typeof asked)[]) asked[what] = 0;
  return inner;
}

const put = async (to: Store, key: string, n: number): Promise<number> => {
  const result = await to.commit({ guards: [], writes: [{ key, value: { n } }] });
  return result.ok ? result.revision : 0;
};

/** Reads a watch until it ends. */
function follow(since: number, prefix = '/'): { readonly events: StoreEvent[]; readonly ended: Promise<unknown>; stop(): void } {
  const abort = new AbortController();
  const events: StoreEvent[] = [];
  const read = async (): Promise<void> => {
    for await (const batch of store.watch(prefix, { since, signal: abort.signal })) events.push(...batch.events);
  };
  return { events, ended: read().catch((error: unknown) => error), stop: () => abort.abort() };
}

describe('a cached store', () => {
  it('answers all who read at the same time with one question', async () => {
    const inner = new MemoryStore({ clock });
    for (let n = 0; n < 2_500; n += 1) await put(inner, `/k${n}`, n);
    await over(inner);
    const gets = Array.from({ length: 100 }, (_, n) => store.get(`/k${n}`));
    const lists = Array.from({ length: 10 }, () => store.range('/'));
    expect((await Promise.all(gets)).map((entry) => entry?.value['n'])).toEqual(Array.from({ length: 100 }, (_, n) => n));
    for (const list of await Promise.all(lists)) expect(list).toMatchObject({ revision: 2_500, more: false, entries: { length: 2_500 } });
    expect(asked).toEqual({ get: 0, range: 0, revision: 1, watch: 0 });
  });

  it('shows a write of any other handle to who reads after it, although the watch tells of it late', async () => {
    const inner = new MemoryStore({ clock });
    const late: StoreFaults = { watch: (_, { events }) => (events.length > 0 ? { delayMs: 100 } : undefined) };
    await over(new FaultyStore(inner, clock, late));
    for (let n = 1; n <= 5; n += 1) {
      await put(inner, '/a', n);
      const got = store.get('/a');
      await clock.advance(150);
      expect(await got).toMatchObject({ value: { n }, modRevision: n });
    }
    expect(asked.get).toBe(0);
  });

  it('asks the store itself when the replica does not catch up in time', async () => {
    const inner = new MemoryStore({ clock });
    const late: StoreFaults = { watch: (_, { events }) => (events.length > 0 ? { delayMs: 5_000 } : undefined) };
    await over(new FaultyStore(inner, clock, late), { catchUpMs: 200 });
    await put(inner, '/a', 1);
    const got = Promise.all([store.get('/a'), store.range('/')]);
    await clock.advance(199);
    expect(asked).toMatchObject({ get: 0, range: 0 });
    await clock.advance(1);
    expect(await got).toMatchObject([{ value: { n: 1 } }, { revision: 1 }]);
    expect(asked).toMatchObject({ get: 1, range: 1 });
    // Nobody waits in vain again as long as nothing has come.
    expect(await store.get('/a')).toMatchObject({ value: { n: 1 } });
    expect(asked.get).toBe(2);
    await clock.advance(5_000);
    expect(await store.get('/a')).toMatchObject({ value: { n: 1 } });
    expect(asked.get).toBe(2);
  });

  it('serves any number of watches with one, each value once in memory and frozen', async () => {
    const inner = await over(new MemoryStore({ clock }));
    const watches = Array.from({ length: 20 }, () => follow(0));
    await clock.settle();
    await put(inner, '/a', 1);
    await put(inner, '/a', 2);
    await clock.advance(1);
    const held = (await store.get('/a'))?.value;
    expect(Object.isFrozen(held)).toBe(true);
    for (const watch of watches) {
      expect(watch.events.map(({ value }) => value['n'])).toEqual([1, 2]);
      expect(watch.events[1]?.value).toBe(held);
      expect(watch.events[1]?.previous).toBe(watch.events[0]?.value);
      watch.stop();
    }
    await Promise.all(watches.map(({ ended }) => ended));
    expect(asked.watch).toBe(0);
  });

  it('mirrors only the prefixes it is told to', async () => {
    const inner = new MemoryStore({ clock });
    for (const key of ['/a/1', '/b/1', '/c/1']) await put(inner, key, 1);
    await over(inner, { prefixes: ['/a/', '/b/'] });
    await put(inner, '/c/1', 2);
    await put(inner, '/a/1', 2);
    expect(await store.get('/a/1')).toMatchObject({ value: { n: 2 } });
    expect((await store.range('/b/')).entries).toHaveLength(1);
    expect(asked).toMatchObject({ get: 0, range: 0 });
    expect(await store.get('/c/1')).toMatchObject({ value: { n: 2 } });
    expect((await store.range('/')).entries).toHaveLength(3);
    expect(asked).toMatchObject({ get: 1, range: 1 });
  });

  it('goes on where it was when its watch breaks off, without reading anything again', async () => {
    const ends: ('UNAVAILABLE' | 'quietly')[] = ['UNAVAILABLE', 'quietly'];
    const inner = new MemoryStore({ clock });
    const breaking: StoreFaults = { watch: (_, { events }) => (events.length > 0 && ends.length > 0 ? { end: ends.shift() ?? 'quietly' } : undefined) };
    await over(new FaultyStore(inner, clock, breaking));
    const watch = follow(0);
    await clock.settle();
    for (let n = 1; n <= 3; n += 1) {
      await put(inner, '/a', n);
      await clock.advance(1_000);
    }
    expect(watch.events.map(({ value }) => value['n'])).toEqual([1, 2, 3]);
    expect(await store.get('/a')).toMatchObject({ value: { n: 3 } });
    expect(problems).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    expect(asked).toMatchObject({ range: 0, get: 0, watch: 2 });
    watch.stop();
    await watch.ended;
  });

  it.each([
    ['is told that its place is gone', { end: 'EXPIRED' }, 'EXPIRED'],
    ['is not told of a change', { breach: 'drop' }, 'INTERNAL'],
    ['is told of a change twice', { breach: 'repeat' }, 'INTERNAL'],
  ] as const)('lists again when it %s; who watches is told', async (_, fault, problem) => {
    let left = 1;
    const inner = new MemoryStore({ clock });
    await over(new FaultyStore(inner, clock, { watch: (__, { events }) => (events.length > 0 && (left -= 1) === 0 ? fault : undefined) }));
    const watch = follow(0);
    await clock.settle();
    for (let n = 1; n <= 3; n += 1) {
      await put(inner, '/a', n);
      await clock.advance(1);
    }
    await clock.advance(1_000);
    expect(problems).toEqual([problem]);
    expect(await watch.ended).toMatchObject({ code: 'EXPIRED' });
    asked.get = 0;
    expect(await store.get('/a')).toMatchObject({ value: { n: 3 } });
    expect(asked.get).toBe(0);
  });

  it('shows nothing of a history that is gone, and passes the news on', async () => {
    const losing = new LosingStore(() => new MemoryStore({ clock }));
    await over(losing);
    const losses: HistoryLoss[] = [];
    const atLoss: Promise<unknown>[] = [];
    store.onHistoryLost?.((loss) => {
      losses.push(loss);
      atLoss.push(store.get('/a'));
    });
    for (let n = 1; n <= 5; n += 1) await put(store, '/a', n);
    await clock.advance(1);
    const watch = follow(5);
    await clock.settle();
    await losing.lose(2);
    // The new history grows past the old one before anybody reads.
    for (let n = 0; n < 5; n += 1) await put(losing, '/b', n);
    expect(await store.get('/a')).toMatchObject({ value: { n: 2 } });
    expect(losses).toMatchObject([{ lastCommon: 2, seen: 5 }]);
    expect(await atLoss[0]).toMatchObject({ value: { n: 2 } });
    expect(await watch.ended).toMatchObject({ code: 'REVISION_AHEAD' });
    await clock.until(() => store.live);
    asked.range = 0;
    expect((await store.range('/')).entries.map(({ key, value }) => [key, value['n']])).toEqual([['/a', 2], ['/b', 4]]);
    expect(asked.range).toBe(0);
  });

  it('notices by itself that the revision went back', async () => {
    let inner: Store = new MemoryStore({ clock });
    for (let n = 1; n <= 5; n += 1) await put(inner, '/a', n);
    const changing = new Proxy({} as Store, {
      get: (_, name) => {
        const value = Reflect.get(inner, name, inner) as unknown;
        return typeof value === 'function' ? (value as () => unknown).bind(inner) : undefined;
      },
    });
    await over(changing);
    const old = inner;
    inner = new MemoryStore({ clock });
    await put(inner, '/a', 10);
    expect(await store.get('/a')).toMatchObject({ value: { n: 10 } });
    await clock.advance(1_000);
    expect(await store.range('/')).toMatchObject({ revision: 1, entries: [{ value: { n: 10 } }] });
    expect(problems).toEqual(['REVISION_AHEAD']);
    await old.close();
  });

  it('waits for its first list with who watches, and tells them when that fails', async () => {
    let refused = true;
    const inner = new MemoryStore({ clock });
    store = new CachedStore(new FaultyStore(inner, clock, { read: () => (refused ? { refused: true } : undefined) }), { clock });
    expect(await follow(0).ended).toMatchObject({ code: 'UNAVAILABLE' });
    const left = follow(0);
    left.stop();
    expect(await left.ended).toBeUndefined();
    refused = false;
    const watch = follow(0);
    await clock.advance(1_000);
    await put(inner, '/a', 1);
    await clock.advance(1);
    expect(watch.events).toHaveLength(1);
    watch.stop();
  });

  it('ends everything when it is closed, also what is under way', async () => {
    const inner = new MemoryStore({ clock });
    await over(new FaultyStore(inner, clock, { watch: (_, { events }) => (events.length > 0 ? { delayMs: 5_000 } : undefined) }));
    const watch = follow(0);
    await put(inner, '/a', 1);
    const under = store.get('/a').catch((error: unknown) => error);
    await clock.settle();
    await store.close();
    expect(await under).toMatchObject({ code: 'CLOSED' });
    expect(await watch.ended).toMatchObject({ code: 'CLOSED' });
    for (const late of [store.get('/a'), store.range('/'), store.revision()]) await expect(late).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await follow(0).ended).toMatchObject({ code: 'CLOSED' });
    await store.close();
  });
});
