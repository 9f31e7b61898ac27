import { OrreryError, type StoreEvent } from '@orrery/core';
import { type RedisServer, requireParts, startRedis } from '@orrery/engines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisStore } from './redis-store.js';
import { expectNoGaps, lossesOf, watching } from './test/watching.js';
import { startWire } from './test/wire.js';

const parts = requireParts('redis-server', 'redis-cli');
const ROUNDS = 24;

describe.skipIf(parts.missing)(`all faults together${parts.note}`, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendfsync: 'always' });
  });
  afterAll(() => redis?.stop());

  it('what was said of each commit is true: done once at that revision, not done, or not known', async () => {
    await using wire = await startWire(redis.port);
    const options = { url: wire.url, outcomeTimeoutMs: 3_000, bookmarkMs: 100 };
    const stores = [await RedisStore.open(options), await RedisStore.open(options)];
    const losses = stores.flatMap(lossesOf);
    const watches = stores.map((store) => watching(store, 0));
    const said = new Map<string, number | 'not done' | 'unknown'>();
    let stop = false;
    let done = 0;
    const writer = async (store: RedisStore, w: number): Promise<void> => {
      let revision = 0;
      for (let n = 0; !stop; n += 1) {
        const id = `${w}/${n}`;
        try {
          // A chain: each write depends on the one before, so one that happens twice, or out of turn, breaks it.
          const result = await store.commit({ guards: [{ key: `/${w}`, modRevision: revision }], writes: [{ key: `/${w}`, value: { id } }, { key: `/${w}/done`, value: { id } }] });
          said.set(id, result.ok ? result.revision : 'not done');
          if (result.ok) done += 1;
          revision = result.ok ? result.revision : (result as { found?: { modRevision: number } }).found?.modRevision ?? 0;
        } catch (error) {
          if (!OrreryError.is(error)) throw error;
          said.set(id, error.code === 'UNAVAILABLE' ? 'not done' : error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : (undefined as never));
        }
      }
    };
    const writers = Array.from({ length: 12 }, (_, w) => writer(stores[w % 2] as RedisStore, w));
    const faults: readonly (() => Promise<void> | void)[] = [
      () => wire.cut(),
      async () => {
        wire.swallow();
        await expect.poll(() => wire.swallowed, { timeout: 10_000 }).toBeGreaterThan(0);
        wire.cut();
      },
      async () => {
        await redis.kill('SIGKILL');
        await redis.start();
      },
      async () => {
        await redis.kill('SIGSTOP');
        wire.cut();
        await redis.kill('SIGCONT');
      },
      async () => {
        wire.swallow();
        await expect.poll(() => wire.swallowed, { timeout: 10_000 }).toBeGreaterThan(0);
        await redis.kill('SIGKILL');
        wire.cut();
        await redis.start();
      },
      () => redis.command('SCRIPT', 'FLUSH').then(() => undefined),
    ];
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = done;
      await expect.poll(() => done, { timeout: 20_000 }).toBeGreaterThan(before + 50);
      await (faults[round % faults.length] as () => Promise<void> | void)();
    }
    stop = true;
    await Promise.all(writers);
    const revision = await (stores[0] as RedisStore).revision();
    const happened = new Map<string, number>();
    for (const watch of watches) {
      await watch.reached(revision);
      expectNoGaps(watch.events);
      watch.stop();
    }
    for (const event of (watches[0]?.events ?? []).filter(({ key }: StoreEvent) => !key.endsWith('/done'))) {
      const id = event.value['id'] as string;
      expect(happened.has(id), `${id} happened twice`).toBe(false);
      happened.set(id, event.modRevision);
    }
    for (const [id, what] of said) {
      if (typeof what === 'number') expect(happened.get(id), id).toBe(what);
      else if (what === 'not done') expect(happened.has(id), `${id} was said not to have happened`).toBe(false);
      else expect(what).toBe('unknown');
    }
    expect([...happened.keys()].filter((id) => !said.has(id))).toEqual([]);
    expect(losses).toEqual([]);
    for (const store of stores) await store.close();
  });
});
