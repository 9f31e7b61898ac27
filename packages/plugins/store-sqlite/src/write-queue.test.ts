import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadDriver, type SqliteDatabase } from './driver.js';
import { SqliteStore } from './sqlite-store.js';

let folder: string;
let path: string;
const opened: { close(): unknown }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  path = join(folder, 'state.db');
});
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

const value = (n: number) => ({ n });
const put = (store: SqliteStore, key: string, n: number) => store.commit({ guards: [], writes: [{ key, value: value(n) }] });

/** A driver whose statements run as they are until `fail` names SQL that does not: with SQLite's code for it. */
async function faultyDriver() {
  const open = await loadDriver('auto');
  const faults = { fail: undefined as ((sql: string) => number | undefined) | undefined, ran: [] as string[] };
  const tried = (sql: string): void => {
    faults.ran.push(sql);
    const errcode = faults.fail?.(sql);
    if (errcode !== undefined) throw Object.assign(new Error('injected'), { errcode });
  };
  const driver = (file: string): SqliteDatabase => {
    const real = open(file);
    return {
      exec: (sql) => {
        tried(sql);
        real.exec(sql);
      },
      prepare: (sql) => {
        const statement = real.prepare(sql);
        return {
          run: (...args) => {
            tried(sql);
            return statement.run(...args);
          },
          get: (...args) => {
            tried(sql);
            return statement.get(...args);
          },
          all: (...args) => {
            tried(sql);
            return statement.all(...args);
          },
        };
      },
      close: () => real.close(),
    };
  };
  return { driver, faults };
}

const open = async (options: Partial<Parameters<typeof SqliteStore.open>[0]> = {}): Promise<SqliteStore> => {
  const store = await SqliteStore.open({ path, ...options });
  opened.push(store);
  return store;
};

describe('group commit', () => {
  it('takes what comes at the same time in one transaction, each at its own revision, in order', async () => {
    const { driver, faults } = await faultyDriver();
    const store = await open({ driver });
    faults.ran = [];
    const results = await Promise.all(Array.from({ length: 100 }, (_, n) => put(store, `/k${n % 10}`, n)));
    expect(results.map((result) => result.ok && result.revision)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
    expect(faults.ran.filter((sql) => sql === 'COMMIT').length).toBeLessThanOrEqual(4);
  });

  it('refuses one without failing the others, and guards see what the same group wrote before', async () => {
    const store = await open();
    const results = await Promise.all([
      store.commit({ guards: [{ key: '/a', modRevision: 0 }], writes: [{ key: '/a', value: value(1) }] }),
      store.commit({ guards: [{ key: '/a', modRevision: 0 }], writes: [{ key: '/a', value: value(2) }] }),
      store.commit({ guards: [{ key: '/a', modRevision: 1 }], writes: [{ key: '/a', value: value(3) }] }),
      store.commit({ guards: [], writes: [{ key: '/a', delete: true }] }),
      store.commit({ guards: [{ key: '/a', modRevision: 0 }], writes: [{ key: '/a', value: value(4) }] }),
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true, true, true]);
    expect(results[1]).toMatchObject({ found: { value: value(1), modRevision: 1 } });
    expect(await store.get('/a')).toEqual({ key: '/a', value: value(4), createRevision: 4, modRevision: 4 });
  });

  it('leaves timers their turn under an endless stream of commits', async () => {
    const store = await open();
    let stop = false;
    const writers = Array.from({ length: 64 }, async (_, w) => {
      for (let n = 0; !stop; n += 1) await put(store, `/k${w}`, n);
    });
    for (let n = 0; n < 5; n += 1) await systemClock.sleep(1, new AbortController().signal);
    stop = true;
    await Promise.all(writers);
  });
});

describe('durability', () => {
  it.each([['full', 2], ['normal', 1]] as const)('%s is what SQLite is told, and the log is written ahead', async (durability, synchronous) => {
    const real = await loadDriver('auto');
    let database: SqliteDatabase | undefined;
    await open({ ...(durability === 'normal' && { durability }), driver: (file) => (database = real(file)) });
    expect(database?.prepare('PRAGMA synchronous').get()?.['synchronous']).toBe(synchronous);
    expect(database?.prepare('PRAGMA journal_mode').get()?.['journal_mode']).toBe('wal');
  });
});

describe('when SQLite fails', () => {
  const full = (sql: string) => (sql.startsWith('INSERT INTO changes') ? 13 : undefined);

  it('fails exactly the group, tells watchers nothing of it, and goes on without a gap', async () => {
    const { driver, faults } = await faultyDriver();
    const store = await open({ driver });
    await put(store, '/a', 1);
    const abort = new AbortController();
    const told: number[] = [];
    const watching = (async () => {
      for await (const { events } of store.watch('/', { since: 0, signal: abort.signal })) told.push(...events.map(({ modRevision }) => modRevision));
    })();
    for (const fail of [full, (sql: string) => (sql === 'COMMIT' ? 13 : undefined), (sql: string) => (sql === 'BEGIN IMMEDIATE' ? 10 : undefined)]) {
      faults.fail = fail;
      const failed = await Promise.allSettled([put(store, '/a', 2), put(store, '/b', 2)]);
      expect(failed.map((one) => one.status === 'rejected' && (one.reason as { code: string }).code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
      faults.fail = undefined;
      expect(await store.revision()).toBe(1);
      expect((await store.range('/')).entries).toMatchObject([{ key: '/a', value: value(1) }]);
    }
    expect(await put(store, '/b', 3)).toEqual({ ok: true, revision: 2 });
    await expect.poll(() => told).toEqual([1, 2]);
    abort.abort();
    await watching;
  });

  it('makes sure of a commit whose sync failed: it has not happened, and cannot come back', async () => {
    const { driver, faults } = await faultyDriver();
    const store = await open({ driver });
    let failures = 1;
    faults.fail = (sql) => (sql === 'COMMIT' && failures-- > 0 ? 10 : undefined);
    faults.ran = [];
    await expect(put(store, '/a', 1)).rejects.toThrow(/UNAVAILABLE/);
    // The next transaction took the place of its frames in the log.
    expect(faults.ran.some((sql) => sql.includes("'attempts'"))).toBe(true);
    expect(await put(store, '/a', 2)).toEqual({ ok: true, revision: 1 });
  });

  it('says that the outcome is unknown when it cannot even make sure', async () => {
    const { driver, faults } = await faultyDriver();
    const store = await open({ driver });
    faults.fail = (sql) => (sql === 'COMMIT' || sql.includes('attempts') ? 10 : undefined);
    await expect(put(store, '/a', 1)).rejects.toThrow(/OUTCOME_UNKNOWN/);
    faults.fail = undefined;
    expect(await put(store, '/a', 2)).toEqual({ ok: true, revision: 1 });
  });

  it('stops at the first sign of damage, telling the path and what to do, and closing still works', async () => {
    const { driver, faults } = await faultyDriver();
    const store = await open({ driver });
    await put(store, '/a', 1);
    const watching = store.watch('/', { since: 1, signal: new AbortController().signal })[Symbol.asyncIterator]();
    await watching.next();
    const next = watching.next();
    faults.fail = (sql) => (sql.startsWith('INSERT INTO changes') ? 11 : undefined);
    await expect(put(store, '/b', 1)).rejects.toThrow(new RegExp(`${path} is damaged.*restore a backup.*UNAVAILABLE`));
    faults.fail = undefined;
    await expect(next).rejects.toThrow(/is damaged/);
    await expect(store.get('/a')).rejects.toThrow(/is damaged/);
    await expect(put(store, '/b', 1)).rejects.toThrow(/is damaged/);
    await store.close();
    await expect(store.get('/a')).rejects.toThrow(/CLOSED/);
  });
});

describe('a lock that another process holds', () => {
  const holder = async (): Promise<SqliteDatabase> => {
    const other = (await loadDriver('auto'))(path);
    opened.push(other);
    other.exec('BEGIN IMMEDIATE');
    return other;
  };

  it('is waited for without blocking the process', async () => {
    const store = await open();
    const other = await holder();
    const waiting = put(store, '/a', 1);
    let turns = 0;
    for (; turns < 20; turns += 1) await systemClock.sleep(2, new AbortController().signal);
    // Reads are not kept waiting at all.
    expect(await store.revision()).toBe(0);
    other.exec('ROLLBACK');
    expect(await waiting).toEqual({ ok: true, revision: 1 });
  });

  it('fails a commit with UNAVAILABLE after the time limit, and the next one works', async () => {
    const store = await open({ busyTimeoutMs: 50 });
    const other = await holder();
    await expect(put(store, '/a', 1)).rejects.toThrow(/is locked by another process.*UNAVAILABLE/);
    other.exec('ROLLBACK');
    expect(await put(store, '/a', 1)).toEqual({ ok: true, revision: 1 });
  });

  it('does not keep the store from closing: what waits has not happened', async () => {
    const store = await open();
    await holder();
    const waiting = put(store, '/a', 1);
    const refused = expect(waiting).rejects.toThrow(/CLOSED/);
    await systemClock.sleep(5, new AbortController().signal);
    await store.close();
    await refused;
  });
});
