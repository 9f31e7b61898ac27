import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrreryError, systemClock, WatchWindow } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChangeLog } from './change-log.js';
import { loadDriver, type SqliteDatabase } from './driver.js';
import { Follower } from './follower.js';
import { OutsideWrites } from './outside-writes.js';
import { SqliteStore } from './sqlite-store.js';

let folder: string;
let path: string;
let database: SqliteDatabase;
let other: SqliteStore;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  path = join(folder, 'state.db');
  other = await SqliteStore.open({ path, durability: 'normal' });
  database = (await loadDriver('auto'))(path);
});
afterEach(async () => {
  database.close();
  await other.close();
  rmSync(folder, { recursive: true, force: true });
});

const write = (count: number) => Promise.all(Array.from({ length: count }, (_, n) => other.commit({ guards: [], writes: [{ key: `/${n % 5}`, value: { n } }, { key: '/x', value: { n } }] })));

function follow() {
  const log = new ChangeLog(database, path);
  const window = new WatchWindow({ clock: systemClock, start: log.last(), older: () => Promise.reject(new OrreryError('INTERNAL', 'not asked for here')) });
  const problems: unknown[] = [];
  const follower = new Follower({ path, log, window, snapshot: async (read) => read(), problem: (error) => problems.push(error) });
  return { log, window, follower, problems };
}

describe('writes of another process', () => {
  it('are taken over piece by piece, each revision once, whole and in order', async () => {
    const { window, follower } = follow();
    await write(1_300);
    const abort = new AbortController();
    const told: [number, number][] = [];
    const watching = (async () => {
      for await (const { events } of window.watch('/x', { since: 0, signal: abort.signal })) told.push(...events.map((event): [number, number] => [event.modRevision, event.value['n'] as number]));
    })();
    const pieces = [follower.catchUp(), window.last, follower.catchUp(), window.last, follower.catchUp(), window.last];
    expect(pieces).toEqual([false, 512, false, 1_024, true, 1_300]);
    await expect.poll(() => told.length).toBe(1_300);
    expect(told).toEqual(Array.from({ length: 1_300 }, (_, n) => [n + 1, n]));
    abort.abort();
    await watching;
  });

  it('that were compacted before they were seen end the watches that would miss them, with EXPIRED', async () => {
    const { window, follower } = follow();
    const watch = window.watch('/', { since: 0, signal: new AbortController().signal })[Symbol.asyncIterator]();
    expect(await watch.next()).toMatchObject({ value: { revision: 0, events: [] } });
    const next = expect(watch.next()).rejects.toThrow(/EXPIRED/);
    await write(100);
    await other.compact(60);
    expect(follower.catchUp()).toBe(true);
    await next;
    expect([window.last, window.compacted]).toEqual([100, 60]);
  });

  it('that are gone again stop everything: the file was put back', async () => {
    await write(10);
    const { follower, problems, log } = follow();
    database.exec('DELETE FROM changes WHERE id >= 6 * 256; DELETE FROM entries');
    expect(log.last()).toBe(5);
    await follower.look();
    expect(problems.map(String)).toEqual([expect.stringMatching(/went back from revision 10 to 5.*UNAVAILABLE/)]);
  });
});

describe('looking without hints', () => {
  it('is done regularly when the system watches nothing, which is told once', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const outside = new OutsideWrites({ path: join(folder, 'none'), clock, recheckMs: 100, look: () => seen.push('look'), recheck: () => seen.push('recheck'), deaf: () => seen.push('deaf') });
    await clock.advance(250);
    expect(seen).toEqual(['deaf', 'look', 'recheck', 'look', 'recheck']);
    outside.close();
    await clock.advance(1_000);
    expect(seen).toHaveLength(5);
  });
});
