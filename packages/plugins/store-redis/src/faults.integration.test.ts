import { mkdirSync, readdirSync, rmdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { OrreryError } from '@orrery/core';
import { type RedisServer, requireParts, startRedis } from '@orrery/engines';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisStore } from './redis-store.js';
import { expectNoGaps, lossesOf, put, watching } from './test/watching.js';
import { startWire } from './test/wire.js';

const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`faults of a real Redis${parts.note}`, () => {
  let redis: RedisServer;
  const stores: RedisStore[] = [];
  const open = async (options: Partial<ConstructorParameters<typeof RedisStore>[0]> = {}): Promise<RedisStore> => {
    const store = await RedisStore.open({ url: redis.url, bookmarkMs: 100, ...options });
    stores.push(store);
    return store;
  };
  const start = async (options: Parameters<typeof startRedis>[0] = {}): Promise<void> => {
    redis = await startRedis(options);
  };
  beforeEach(() => {
    stores.length = 0;
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await redis.stop();
  });

  it('a server that is killed under load and started again: with AOF always nothing acknowledged is lost, nothing is done twice, watchers notice nothing', async () => {
    await start({ appendfsync: 'always' });
    const store = await open({ outcomeTimeoutMs: 20_000 });
    const losses = lossesOf(store);
    const watch = watching(store, 0);
    const acknowledged = new Map<string, number>();
    let stop = false;
    const writer = async (w: number): Promise<void> => {
      for (let n = 0; !stop; n += 1) acknowledged.set(`/${w}/${n}`, await put(store, `/${w}/${n}`));
    };
    const writers = Array.from({ length: 16 }, (_, w) => writer(w));
    for (let life = 1; life <= 3; life += 1) {
      const before = acknowledged.size;
      await expect.poll(() => acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(before + 300);
      await redis.kill('SIGKILL');
      await redis.start();
    }
    stop = true;
    await Promise.all(writers);
    const revision = await store.revision();
    expect(revision).toBe(acknowledged.size);
    await watch.reached(revision);
    expectNoGaps(watch.events);
    expect(new Map(watch.events.map(({ key, modRevision }) => [key, modRevision]))).toEqual(acknowledged);
    expect(losses).toEqual([]);
    watch.stop();
  });

  it('an answer that is lost after the commit was executed: the commit is reported as done, and done once', async () => {
    await start();
    await using wire = await startWire(redis.port);
    const store = await open({ url: wire.url });
    const direct = await open();
    await put(store, '/a', 0);
    for (let n = 1; n <= 10; n += 1) {
      wire.swallow();
      const created = store.commit({ guards: [{ key: `/k${n}`, modRevision: 0 }], writes: [{ key: `/k${n}`, value: { n } }] });
      const refused = store.commit({ guards: [{ key: '/a', modRevision: 99_999 }], writes: [{ key: '/never', value: { n } }] });
      await expect.poll(() => direct.get(`/k${n}`)).toBeDefined();
      wire.cut();
      expect(await created).toEqual({ ok: true, revision: n + 1 });
      expect(await refused).toMatchObject({ ok: false, found: { modRevision: 1 } });
      expect(await direct.revision()).toBe(n + 1);
    }
  });

  it('a commit that arrives after its client has connected anew is refused: it was sent again, and is done once', async () => {
    await start();
    await using wire = await startWire(redis.port);
    const store = await open({ url: wire.url });
    await put(store, '/a', 0);
    for (let n = 1; n <= 5; n += 1) {
      wire.hold();
      const again = put(store, '/a', n);
      await expect.poll(() => wire.held).toBeGreaterThan(0);
      wire.cut();
      expect(await again).toBe(n + 1);
      await wire.deliver();
      expect(await store.revision()).toBe(n + 1);
    }
  });

  it('a commit that arrives after its client was told that it was refused, is refused', async () => {
    await start();
    await using wire = await startWire(redis.port);
    const store = await open({ url: wire.url });
    const direct = await open();
    await put(store, '/a', 0);
    wire.hold();
    const creating = store.commit({ guards: [{ key: '/k', modRevision: 0 }], writes: [{ key: '/k', value: {} }] });
    await expect.poll(() => wire.held).toBeGreaterThan(0);
    await put(direct, '/k');
    wire.cut();
    expect(await creating).toMatchObject({ ok: false });
    await direct.commit({ guards: [], writes: [{ key: '/k', delete: true }] });
    await wire.deliver();
    expect(await direct.get('/k')).toBeUndefined();
    expect(await direct.revision()).toBe(3);
  });

  it('a server that only says "later" to leases does not keep a call beyond its time', async () => {
    await start();
    const store = await open({ outcomeTimeoutMs: 400 });
    const lease = await store.acquireLease('leader', { holder: 'a', ttlMs: 60_000 });
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const signal = new AbortController().signal;
    for (const call of [() => store.acquireLease('leader', { holder: 'a', ttlMs: 60_000 }), () => lease?.renew(signal), () => lease?.release()]) {
      await expect((async () => call())()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('min-replicas-to-write') });
    }
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await lease?.renew(signal);
  });

  it('a commit that never reached the server is sent again, once', async () => {
    await start();
    const store = await open({ outcomeTimeoutMs: 20_000 });
    await put(store, '/a', 0);
    await redis.kill('SIGKILL');
    const waiting = put(store, '/b');
    await redis.start();
    expect(await waiting).toBe(2);
  });

  it('a server that hangs: a commit that was sent has an unknown outcome, reads and later commits are unavailable, all in the time allowed; then all goes on', async () => {
    await start();
    const store = await open({ outcomeTimeoutMs: 600 });
    const watch = watching(store, 0);
    await watch.reached(await put(store, '/a'));
    await redis.kill('SIGSTOP');
    const codes = await Promise.all([put(store, '/b'), store.get('/a'), store.revision()].map((call) => call.then(() => 'done', (error: unknown) => (error as OrreryError).code)));
    expect(codes).toEqual(['OUTCOME_UNKNOWN', 'UNAVAILABLE', 'UNAVAILABLE']);
    await expect(put(store, '/c')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await redis.kill('SIGCONT');
    await expect.poll(() => put(store, '/d').catch((error: unknown) => (error as OrreryError).code), { timeout: 10_000 }).toBeTypeOf('number');
    expect(await store.get('/c')).toBeUndefined();
    await watch.reached(await store.revision());
    expectNoGaps(watch.events);
  });

  it('calls under way when the store is closed end with CLOSED', async () => {
    await start();
    const store = await open();
    await redis.kill('SIGSTOP');
    const calls = [put(store, '/b'), store.get('/a'), store.range('/'), store.acquireLease('l', { holder: 'a', ttlMs: 1_000 })];
    const codes = Promise.all(calls.map((call) => call.then(() => 'done', (error: unknown) => (error as OrreryError).code)));
    await store.close();
    expect(await codes).toEqual(['CLOSED', 'CLOSED', 'CLOSED', 'CLOSED']);
    // While it tries to connect, too: at once, not when the attempt is over.
    const late = new RedisStore({ url: redis.url, outcomeTimeoutMs: 60_000 });
    const call = late.get('/a').catch((error: unknown) => (error as OrreryError).code);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await late.close();
    expect(await call).toBe('CLOSED');
    await redis.kill('SIGCONT');
  });

  it('a log that was cut back while the server was down: the loss is told before anything of the new history, and watches end', async () => {
    await start({ appendfsync: 'always', args: ['--aof-load-truncated', 'yes', '--aof-use-rdb-preamble', 'no'] });
    const store = await open({ outcomeTimeoutMs: 20_000 });
    const losses = lossesOf(store);
    for (let n = 1; n <= 50; n += 1) await put(store, `/k${n}`);
    const watch = watching(store, 0);
    await watch.reached(50);
    await redis.kill('SIGKILL');
    const folder = join(redis.folder, 'appendonlydir');
    const file = join(folder, readdirSync(folder).find((name) => name.endsWith('.incr.aof')) as string);
    truncateSync(file, Math.floor(statSync(file).size * 0.6));
    const told: string[] = [];
    store.onHistoryLost(() => told.push('lost'));
    await redis.start();
    // What waited when the loss was noticed is not written into the new history; it may be asked for again.
    const asked = put(store, '/after').catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'UNAVAILABLE' });
      return put(store, '/after');
    });
    const revision = await asked;
    told.push('acknowledged');
    expect(told).toEqual(['lost', 'acknowledged']);
    expect(revision).toBeLessThan(50);
    expect(losses).toEqual([{ lastCommon: revision - 1, seen: 50, reason: expect.stringContaining(`had only revision ${revision - 1} of 50`) as string }]);
    await expect.poll(() => watch.error).toMatchObject({ code: 'REVISION_AHEAD' });
    const again = watching(store, revision - 1);
    await again.reached(revision);
    again.stop();
  });

  it('a loss that another process put on record first is noticed too', async () => {
    await start({ appendfsync: 'never', args: ['--save', ''] });
    const first = await open({ outcomeTimeoutMs: 20_000 });
    const losses = lossesOf(first);
    await put(first, '/a');
    await put(first, '/b');
    await redis.kill('SIGKILL');
    await redis.start();
    const second = await open();
    for (let n = 1; n <= 5; n += 1) await put(second, '/other');
    expect(await first.revision()).toBe(5);
    expect(losses).toMatchObject([{ lastCommon: 0, seen: 2 }]);
  });

  it('FLUSHALL, and keys deleted by hand: a loss, never a silent beginning at 0', async () => {
    await start();
    const store = await open();
    const losses = lossesOf(store);
    for (let n = 1; n <= 3; n += 1) await put(store, `/k${n}`);
    const watch = watching(store, 0);
    await watch.reached(3);
    await redis.command('DEL', '{orrery}:meta');
    // Asked for in the old history, so it is not written into the new one.
    await expect(put(store, '/k4')).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('not executed') as string });
    expect(await put(store, '/k4')).toBe(4);
    expect(losses).toMatchObject([{ lastCommon: 0, seen: 3 }]);
    await expect.poll(() => watch.error).toMatchObject({ code: expect.stringMatching(/^(REVISION_AHEAD|EXPIRED)$/) as string });
    await redis.command('FLUSHALL');
    const idle = watching(store, 4);
    await expect.poll(() => losses.length, { timeout: 10_000 }).toBe(2);
    await expect.poll(() => idle.error).toMatchObject({ code: 'REVISION_AHEAD' });
    expect(await put(store, '/k5')).toBe(1);
  });

  it('a log that was deleted by hand: who needs it is told that it is gone', async () => {
    await start();
    const store = await open();
    for (let n = 1; n <= 5; n += 1) await put(store, `/k${n}`);
    await redis.command('DEL', '{orrery}:log');
    await put(store, '/k6');
    await expect(store.range('/', { atRevision: 3 })).rejects.toMatchObject({ code: 'EXPIRED' });
    const watch = watching(store, 2);
    await expect.poll(() => watch.error).toMatchObject({ code: 'EXPIRED' });
    expect((await store.range('/')).entries).toHaveLength(6);
  });

  it('SCRIPT FLUSH, and a script of somebody else that takes long, are waited out', async () => {
    await start({ args: ['--busy-reply-threshold', '50'] });
    const store = await open();
    await redis.command('SCRIPT', 'FLUSH');
    expect(await put(store, '/a')).toBe(1);
    const busy = redis.command('EVAL', "local t = redis.call('TIME') repeat local n = redis.call('TIME') until (n[1] - t[1]) * 1000 + (n[2] - t[2]) / 1000 > 800", '0');
    await Promise.all([busy, expect.poll(async () => put(store, '/b')).toBe(2)]);
    await Promise.all([redis.command('SCRIPT', 'FLUSH'), put(store, '/c'), store.get('/a')]);
    expect(await store.revision()).toBe(3);
  });

  it('no memory left: writes are refused with the reason, deletes make room', async () => {
    await start();
    const store = await open();
    const filler = 'x'.repeat(500_000);
    for (let n = 1; n <= 5; n += 1) await store.commit({ guards: [], writes: [{ key: `/${n}`, value: { filler } }] });
    await redis.command('CONFIG', 'SET', 'maxmemory', '2mb');
    await expect(put(store, '/x')).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('maxmemory') as string });
    expect(await store.get('/1')).toBeDefined();
    const together = await Promise.all([put(store, '/x').catch((error: unknown) => (error as OrreryError).code), store.commit({ guards: [], writes: [{ key: '/1', delete: true }] })]);
    expect(together).toEqual(['UNAVAILABLE', { ok: true, revision: 6 }]);
    await redis.command('CONFIG', 'SET', 'maxmemory', '200mb');
    expect(await put(store, '/x')).toBe(7);
  });

  it('a server that would evict objects is refused, and says why', async () => {
    await start({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    await expect(RedisStore.open({ url: redis.url, outcomeTimeoutMs: 300 })).rejects.toThrow(/maxmemory-policy is allkeys-lru.*noeviction/s);
  });

  it('a disk that cannot be written: writes are refused with the reason until it can', async () => {
    await start({ appendfsync: 'never', args: ['--save', '3600 1000000'] });
    const store = await open();
    await put(store, '/a');
    mkdirSync(join(redis.folder, 'dump.rdb'));
    await redis.command('BGSAVE');
    await expect.poll(() => put(store, '/b').catch((error: unknown) => (error as Error).message), { timeout: 10_000 }).toMatch(/cannot write to its disk/);
    rmdirSync(join(redis.folder, 'dump.rdb'));
    await redis.command('BGSAVE');
    await expect.poll(() => put(store, '/b').catch(() => 'refused'), { timeout: 10_000 }).toBeTypeOf('number');
  });
});
