import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore } from '@orrery/store-memory';
import { type Clock, type StoreEvent, type Store, systemClock } from '@orrery/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDriver } from './driver.js';
import { SqliteStore } from './sqlite-store.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  path = join(folder, 'state.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (store: Store, key: string, n: number, filler = 0) => store.commit({ guards: [], writes: [{ key, value: { n, filler: 'x'.repeat(filler) } }] });

async function eventsAfter(store: Store, prefix: string, since: number): Promise<StoreEvent[]> {
  const abort = new AbortController();
  const events: StoreEvent[] = [];
  const last = await store.revision();
  for await (const batch of store.watch(prefix, { since, signal: abort.signal })) {
    events.push(...batch.events);
    if (batch.revision >= last) abort.abort();
  }
  return events;
}

describe('history', () => {
  it('is the same as the memory store\'s after any commits, compactions and restarts', async () => {
    const key = fc.constantFrom('/a', '/a/b', '/a/c', '/b');
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ writes: fc.uniqueArray(fc.record({ key, n: fc.option(fc.nat(9)) }), { selector: (write) => write.key, minLength: 1, maxLength: 3 }) }) },
      { weight: 1, arbitrary: fc.record({ compactTo: fc.double({ min: 0, max: 1, noNaN: true }) }) },
      { weight: 1, arbitrary: fc.constant({ restart: true } as const) },
    );
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        runs += 1;
        const path = join(folder, `${runs}.db`);
        const model = new MemoryStore();
        let store = await SqliteStore.open({ path, check: false, durability: 'normal' });
        let compacted = 0;
        for (const one of steps) {
          if ('writes' in one) {
            const writes = one.writes.map(({ key, n }) => (n === null ? { key, delete: true as const } : { key, value: { n } }));
            expect(await store.commit({ guards: [], writes })).toEqual(await model.commit({ guards: [], writes }));
          } else if ('compactTo' in one) {
            compacted = Math.max(compacted, Math.floor(one.compactTo * (await model.revision())));
            await store.compact(compacted);
            await model.compact(compacted);
          } else {
            await store.close();
            store = await SqliteStore.open({ path, check: false, durability: 'normal' });
          }
        }
        const last = await model.revision();
        for (let revision = compacted; revision <= last; revision += 1) {
          for (const prefix of ['/', '/a', '/a/']) {
            const { remaining: _, ...wanted } = await model.range(prefix, { atRevision: revision });
            expect(await store.range(prefix, { atRevision: revision })).toMatchObject(wanted);
            expect(await eventsAfter(store, prefix, revision)).toEqual(await eventsAfter(model, prefix, revision));
          }
        }
        if (compacted > 0) await expect(store.range('/', { atRevision: compacted - 1 })).rejects.toThrow(/EXPIRED/);
        await store.close();
      }),
      { numRuns: 40 },
    );
  });

  it('is read from the file where it is longer than what is in memory', async () => {
    const first = await SqliteStore.open({ path, durability: 'normal' });
    await Promise.all(Array.from({ length: 3_000 }, (_, n) => put(first, `/k${n % 2}`, n)));
    await first.close();
    const store = await SqliteStore.open({ path });
    expect((await eventsAfter(store, '/k1', 10)).map(({ value }) => value['n'])).toEqual(Array.from({ length: 1_495 }, (_, n) => 11 + 2 * n));
    await store.close();
  });

  it('is forgotten by count, and a commit never waits long for it', async () => {
    const store = await SqliteStore.open({ path, durability: 'normal', historyLimit: 1_000, compactEveryMs: 20 });
    await Promise.all(Array.from({ length: 20_000 }, (_, n) => put(store, `/k${n % 100}`, n, 200)));
    await expect.poll(() => store.range('/', { atRevision: 18_999 }).then(() => 'there', (error: { code: string }) => error.code)).toBe('EXPIRED');
    expect((await store.range('/', { atRevision: 19_000 })).entries).toHaveLength(100);
    expect((await store.range('/')).entries).toHaveLength(100);
    await store.close();
  });

  it('ends with a delete as well as with anything else: the revision stays, and the trace of the delete goes with the next compaction', async () => {
    const rows = async (): Promise<number> => {
      const database = (await loadDriver('auto'))(path);
      try {
        return database.prepare('SELECT count(*) AS n FROM changes').get()?.['n'] as number;
      } finally {
        database.close();
      }
    };
    const first = await SqliteStore.open({ path });
    for (const key of ['/a', '/b']) await put(first, key, 1);
    for (const key of ['/a', '/b']) await first.commit({ guards: [], writes: [{ key, delete: true }] });
    await first.compact(4);
    await first.close();
    expect(await rows()).toBe(1);
    const second = await SqliteStore.open({ path });
    expect(await second.revision()).toBe(4);
    expect((await second.range('/')).entries).toEqual([]);
    expect(await put(second, '/a', 2)).toEqual({ ok: true, revision: 5 });
    expect(await eventsAfter(second, '/', 4)).toMatchObject([{ key: '/a', previousRevision: 0, createRevision: 5 }]);
    await second.compact(5);
    await second.close();
    expect(await rows()).toBe(1);
  });

  it('is forgotten by age', async () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
    const store = await SqliteStore.open({ path, clock, historyMs: 60_000, compactEveryMs: 10 });
    for (let n = 1; n <= 10; n += 1) await put(store, '/a', n);
    offset += 50_000;
    for (let n = 11; n <= 20; n += 1) await put(store, '/a', n);
    offset += 15_000;
    await expect.poll(() => store.range('/', { atRevision: 9 }).then(() => 'there', (error: { code: string }) => error.code)).toBe('EXPIRED');
    expect((await store.range('/', { atRevision: 11 })).entries[0]?.value['n']).toBe(11);
    await store.close();
  });

  it('leaves the file short: churn reuses pages, and what a burst took is given back', async () => {
    const store = await SqliteStore.open({ path, durability: 'normal' });
    const pages = async (): Promise<number> => {
      await store.compact(await store.revision());
      return statSync(path).size + statSync(`${path}-wal`).size;
    };
    const churn = async (n: number): Promise<void> => {
      await Promise.all(Array.from({ length: 5_000 }, (_, i) => put(store, `/k${i % 50}`, n, 1_000)));
    };
    await churn(0);
    const once = await pages();
    for (let n = 1; n <= 5; n += 1) {
      await churn(n);
      expect(await pages()).toBeLessThan(once * 1.5);
      expect(statSync(`${path}-wal`).size).toBeLessThan(17 * 1024 * 1024);
    }
    await store.close();
    // 50 values of a kilobyte are left.
    expect(statSync(path).size).toBeLessThan(2 * 1024 * 1024);
  });
});
