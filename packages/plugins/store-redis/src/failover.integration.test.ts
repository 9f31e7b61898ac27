import { type RedisCluster, type RedisSentinels, requireParts, startRedisCluster, startRedisSentinels } from '@orrery/engines';
import { storeConformance } from '@orrery/core/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RedisStore } from './redis-store.js';
import { expectNoGaps, lossesOf, put, watching } from './test/watching.js';

const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`Redis behind Sentinels${parts.note}`, () => {
  let redis: RedisSentinels;
  let store: RedisStore;
  beforeEach(async () => {
    redis = await startRedisSentinels();
    store = await RedisStore.open({ sentinels: [...redis.sentinels], name: redis.name, outcomeTimeoutMs: 30_000, bookmarkMs: 100 });
  });
  afterEach(async () => {
    await store.close();
    await redis.stop();
  });

  it('the master dies, the replica had everything: writing goes on, watchers notice nothing, leases keep their epochs apart', async () => {
    const losses = lossesOf(store);
    const watch = watching(store, 0);
    const lease = await store.acquireLease('leader', { holder: 'a', ttlMs: 60_000 });
    for (let n = 1; n <= 100; n += 1) await put(store, `/k${n}`, n);
    expect(await redis.master.command('WAIT', '1', '5000')).toBe('1');
    await redis.master.kill('SIGKILL');
    expect(await put(store, '/after')).toBe(101);
    expect((await store.range('/')).entries).toHaveLength(101);
    await watch.reached(101);
    expectNoGaps(watch.events);
    expect(losses).toEqual([]);
    expect(await store.acquireLease('leader', { holder: 'b', ttlMs: 60_000 })).toBeUndefined();
    const next = await store.acquireLease('leader', { holder: 'a', ttlMs: 60_000 });
    expect(next?.epoch).toBeGreaterThan(lease?.epoch ?? Number.POSITIVE_INFINITY);
    // The old master comes back as a replica of the new one: nothing of it is believed.
    await redis.master.start();
    expect(await put(store, '/later')).toBe(102);
    await expect.poll(() => redis.master.command('INFO', 'replication'), { timeout: 30_000 }).toContain('role:slave');
    expect(await put(store, '/latest')).toBe(103);
    expect(losses).toEqual([]);
    watch.stop();
  });

  it('the master hangs, is replaced, and wakes up: nothing of it is believed, and what was sent to it is done once', async () => {
    const losses = lossesOf(store);
    const watch = watching(store, 0);
    for (let n = 1; n <= 20; n += 1) await put(store, `/k${n}`, n);
    expect(await redis.master.command('WAIT', '1', '5000')).toBe('1');
    await redis.master.kill('SIGSTOP');
    const hanging = Array.from({ length: 10 }, (_, n) => put(store, `/hanging${n}`));
    const revisions = await Promise.all(hanging);
    expect([...revisions].sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => 21 + n));
    await redis.master.kill('SIGCONT');
    let last = 30;
    await expect
      .poll(
        async () => {
          last = await put(store, '/on');
          return redis.master.command('INFO', 'replication');
        },
        { timeout: 30_000 },
      )
      .toContain('role:slave');
    expect(await store.revision()).toBe(last);
    await watch.reached(last);
    expectNoGaps(watch.events);
    expect(watch.events.filter(({ key }) => key.startsWith('/hanging'))).toHaveLength(10);
    expect(losses).toEqual([]);
    watch.stop();
  });

  it('the master dies, the replica lagged: what was acknowledged and is gone is told, before anything new is', async () => {
    const told: string[] = [];
    const losses = lossesOf(store);
    store.onHistoryLost(() => told.push('lost'));
    for (let n = 1; n <= 20; n += 1) await put(store, `/k${n}`, n);
    expect(await redis.master.command('WAIT', '1', '5000')).toBe('1');
    const watch = watching(store, 0);
    await redis.replica.kill('SIGSTOP');
    for (let n = 21; n <= 30; n += 1) await put(store, `/k${n}`, n);
    await watch.reached(30);
    await redis.master.kill('SIGKILL');
    // What lies in the replica's socket from before is still read: cut that too, as a broken network does.
    await redis.replica.kill('SIGKILL');
    await redis.replica.start();
    const revision = await store.commit({ guards: [], writes: [{ key: '/after', value: {} }] }).then((result) => {
      told.push('acknowledged');
      return result.ok ? result.revision : 0;
    }, () => 0);
    const at = revision === 0 ? await put(store, '/after') : revision;
    expect(told[0]).toBe('lost');
    expect(losses).toMatchObject([{ seen: 30 }]);
    expect(losses[0]?.lastCommon).toBe(at - 1);
    expect(at).toBeLessThan(31);
    await expect.poll(() => watch.error).toMatchObject({ code: 'REVISION_AHEAD' });
    const keys = (await store.range('/')).entries.map(({ key }) => key);
    expect(keys).toContain('/after');
    expect(keys).not.toContain('/k30');
  });
});

describe.skipIf(parts.missing)(`a Redis Cluster${parts.note}`, () => {
  let redis: RedisCluster;
  let stores = 0;
  beforeAll(async () => {
    redis = await startRedisCluster();
  }, 120_000);
  afterAll(() => redis?.stop());

  storeConformance({ describe, it }, 'redis cluster', async () => {
    const options = { cluster: [...redis.nodes], prefix: `case-${(stores += 1)}`, bookmarkMs: 100 };
    const store = await RedisStore.open(options);
    const restart = async (): Promise<RedisStore> => {
      await store.close();
      return RedisStore.open(options);
    };
    return { store, reopen: () => RedisStore.open(options), restart, bookmarkMs: 100, cleanup: () => store.close() };
  });

  it('the master of the slot dies: its replica takes over, writing goes on, watchers notice nothing', async () => {
    await using store = await RedisStore.open({ cluster: [...redis.nodes], prefix: 'failover', outcomeTimeoutMs: 60_000, bookmarkMs: 100 });
    const losses = lossesOf(store);
    const watch = watching(store, 0);
    for (let n = 1; n <= 50; n += 1) await put(store, `/k${n}`, n);
    const master = await redis.masterOf('{failover}');
    expect(await master.command('WAIT', '1', '5000')).toBe('1');
    await master.kill('SIGKILL');
    expect(await put(store, '/after')).toBe(51);
    await watch.reached(51);
    expectNoGaps(watch.events);
    expect(losses).toEqual([]);
    watch.stop();
  });
});
