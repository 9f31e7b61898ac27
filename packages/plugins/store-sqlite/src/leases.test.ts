import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, type StoreLease, systemClock } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteStore } from './sqlite-store.js';

let folder: string;
let offset = 0;
let one: SqliteStore;
let other: SqliteStore;
const signal = new AbortController().signal;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  offset = 0;
  // Both processes see the machine's wall clock.
  const clock: Clock = { ...systemClock, now: () => 1_000_000_000 + offset };
  const path = join(folder, 'state.db');
  one = await SqliteStore.open({ path, clock });
  other = await SqliteStore.open({ path, clock });
});
afterEach(async () => {
  await one.close();
  await other.close();
  rmSync(folder, { recursive: true, force: true });
});

const take = (store: SqliteStore, holder: string) => store.acquireLease('leader', { holder, ttlMs: 10_000 });

describe('leases of two processes on one file', () => {
  it('are over by the wall clock that both share, and renewing counts', async () => {
    const lease = (await take(one, 'a')) as StoreLease;
    offset += 9_999;
    expect(await take(other, 'b')).toBeUndefined();
    await lease.renew(signal);
    offset += 9_999;
    expect(await take(other, 'b')).toBeUndefined();
    offset += 1;
    expect((await take(other, 'b'))?.epoch).toBe(2);
    await expect(lease.renew(signal)).rejects.toThrow(/LEASE_LOST/);
  });

  it('are not held for hours when the clock is set back: from when somebody asks, for their time', async () => {
    const lease = (await take(one, 'a')) as StoreLease;
    offset -= 3_600_000;
    expect(await take(other, 'b')).toBeUndefined();
    offset += 10_000;
    const next = (await take(other, 'b')) as StoreLease;
    expect(next.epoch).toBe(2);
    expect(await one.commit({ guards: [{ lease: 'leader', epoch: lease.epoch }], writes: [] })).toMatchObject({ ok: false });
    expect(await one.commit({ guards: [{ lease: 'leader', epoch: next.epoch }], writes: [] })).toMatchObject({ ok: true });
  });

  it('keep their epochs over restarts and releases', async () => {
    await ((await take(one, 'a')) as StoreLease).release();
    const lease = (await take(other, 'b')) as StoreLease;
    expect(lease.epoch).toBe(2);
    expect((await take(other, 'b'))?.epoch).toBe(3);
    await expect(lease.renew(signal)).rejects.toThrow(/LEASE_LOST/);
    await expect(lease.renew(AbortSignal.abort(new Error('enough')))).rejects.toThrow(/ABORTED/);
  });
});
