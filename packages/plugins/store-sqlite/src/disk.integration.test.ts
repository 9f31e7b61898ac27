import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireParts } from '@orrery/engines';
import { OrreryError } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from './sqlite-store.js';

const parts = requireParts('root');
let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  disk = join(folder, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', disk]);
});
afterEach(() => {
  // Lazily: the driver keeps files open until its statements are collected.
  execFileSync('umount', ['-l', disk]);
  rmSync(folder, { recursive: true, force: true });
});

const put = (store: SqliteStore, key: string, n: number, length: number) => store.commit({ guards: [], writes: [{ key, value: { n, filler: 'x'.repeat(length) } }] });

describe.skipIf(parts.missing)(`a disk${parts.note}`, () => {
  it('that is full fails what does not fit, keeps what was acknowledged, and works again when there is room', async () => {
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024));
    const path = join(disk, 'state.db');
    const store = await SqliteStore.open({ path });
    const acknowledged = new Map<string, { n: number; revision: number }>();
    let failures = 0;
    for (let n = 0; n < 400; n += 1) {
      const results = await Promise.allSettled(Array.from({ length: 4 }, (_, w) => put(store, `/k${w}-${n % 20}`, n, 4_000)));
      results.forEach((result, w) => {
        if (result.status === 'fulfilled' && result.value.ok) acknowledged.set(`/k${w}-${n % 20}`, { n, revision: result.value.revision });
        else {
          failures += 1;
          expect(OrreryError.is(result.status === 'rejected' ? result.reason : undefined, 'UNAVAILABLE')).toBe(true);
        }
      });
    }
    expect(failures).toBeGreaterThan(0);
    expect(acknowledged.size).toBeGreaterThan(0);
    const verify = async (one: SqliteStore): Promise<void> => {
      const { entries, revision } = await one.range('/');
      expect(new Map(entries.map(({ key, value, modRevision }) => [key, { n: value['n'], revision: modRevision }]))).toEqual(acknowledged);
      expect(revision).toBe(Math.max(...[...acknowledged.values()].map((one) => one.revision)));
    };
    await verify(store);
    rmSync(ballast);
    const result = await put(store, '/after', 1, 4_000);
    expect(result).toEqual({ ok: true, revision: (await store.revision()) });
    acknowledged.set('/after', { n: 1, revision: await store.revision() });
    await store.close();
    const again = await SqliteStore.open({ path });
    await verify(again);
    await again.close();
  });

  it('that can only be read is refused at the start, in words', async () => {
    const path = join(disk, 'state.db');
    const store = await SqliteStore.open({ path });
    await put(store, '/a', 1, 10);
    await store.close();
    execFileSync('mount', ['-o', 'bind', disk, disk]);
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', disk]);
      await expect(SqliteStore.open({ path })).rejects.toThrow(/state\.db cannot be opened for writing \(EROFS.*UNAVAILABLE/);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});
