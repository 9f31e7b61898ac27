import { type RedisServer, requireParts, startRedis } from '@orrery/engines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisStore } from './redis-store.js';
import { put } from './test/watching.js';

const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`lists on a real Redis${parts.note}`, () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendfsync: 'never' });
  });
  afterAll(() => redis?.stop());

  it('10,000 objects are listed at one revision while others write, create and delete, and no script keeps the server long', async () => {
    await using store = await RedisStore.open({ url: redis.url, prefix: 'big' });
    const key = (n: number): string => `/k${String(n).padStart(5, '0')}`;
    const pad = 'x'.repeat(300);
    for (let n = 0; n < 10_000; n += 100) {
      await store.commit({ guards: [], writes: Array.from({ length: 100 }, (_, i) => ({ key: key(2 * (n + i)), value: { n: 1, pad } })) });
    }
    await redis.command('CONFIG', 'SET', 'slowlog-log-slower-than', '100000');
    await redis.command('SLOWLOG', 'RESET');
    let stop = false;
    // Each commit moves what a key has to another, and empties or deletes the first: the sum over all keys is the same at every revision.
    const mover = async (seed: number): Promise<void> => {
      for (let n = seed; !stop; n += 7) {
        const from = key(2 * ((n * 7_919) % 10_000));
        const to = key(2 * ((n * 104_729) % 10_000) + 1);
        const entry = await store.get(from);
        const other = await store.get(to);
        if (entry === undefined || from === to) continue;
        const sum = (entry.value['n'] as number) + ((other?.value['n'] as number | undefined) ?? 0);
        await store.commit({
          guards: [{ key: from, modRevision: entry.modRevision }, { key: to, modRevision: other?.modRevision ?? 0 }],
          writes: [n % 2 === 0 ? { key: from, delete: true } : { key: from, value: { n: 0, pad } }, { key: to, value: { n: sum, pad } }],
        });
      }
    };
    const movers = Array.from({ length: 8 }, (_, i) => mover(i));
    try {
      for (let round = 0; round < 8; round += 1) {
        const before = await store.revision();
        const whole = await store.range('/');
        expect(whole.revision).toBeGreaterThanOrEqual(before);
        expect(whole.entries.reduce((sum, { value }) => sum + (value['n'] as number), 0)).toBe(10_000);
        expect(whole.entries.every(({ modRevision }) => modRevision <= whole.revision)).toBe(true);
        const keys = whole.entries.map((entry) => entry.key);
        expect(keys).toEqual([...new Set(keys)].sort());
        // The same list again in pages, at the same revision, a little later.
        const paged: string[] = [];
        for (let after: string | undefined, more = true; more; ) {
          const page = await store.range('/', { limit: 1_777, atRevision: whole.revision, ...(after !== undefined && { after }) });
          if (page.more) expect(page.entries).toHaveLength(1_777);
          paged.push(...page.entries.map((entry) => `${entry.key} ${entry.createRevision} ${entry.modRevision} ${String(entry.value['n'])}`));
          after = page.entries.at(-1)?.key;
          more = page.more;
        }
        expect(paged).toEqual(whole.entries.map((entry) => `${entry.key} ${entry.createRevision} ${entry.modRevision} ${String(entry.value['n'])}`));
      }
    } finally {
      stop = true;
      await Promise.all(movers);
    }
    expect(await redis.command('SLOWLOG', 'GET')).not.toMatch(/evalsha/i);
  });

  it('history is forgotten by count: older reads and watches are told, and the log is shortened', async () => {
    await using store = await RedisStore.open({ url: redis.url, prefix: 'short', history: { maxRevisions: 100 } });
    for (let n = 1; n <= 3_000; n += 1) await put(store, '/a', n);
    await expect(store.range('/', { atRevision: 1_000 })).rejects.toMatchObject({ code: 'EXPIRED' });
    expect((await store.range('/', { atRevision: 2_950 })).entries[0]?.value).toEqual({ n: 2_950 });
    await expect(store.watch('/', { since: 1_000, signal: new AbortController().signal }).next()).rejects.toMatchObject({ code: 'EXPIRED' });
    expect(Number(await redis.command('XLEN', '{short}:log'))).toBeLessThan(1_500);
  });

  it('what a value is, is nobody\'s business: large numbers, empty arrays, odd texts come back as they were', async () => {
    await using store = await RedisStore.open({ url: redis.url, prefix: 'values' });
    const value = { big: Number.MAX_SAFE_INTEGER, tiny: 5e-324, empty: [], none: {}, deep: [[[]]], nothing: null, text: 'ä\u0000\u2028"\\ 😀', spaced: ' 1 2 3' };
    await store.commit({ guards: [], writes: [{ key: '/odd "key" \\', value }] });
    expect((await store.get('/odd "key" \\'))?.value).toEqual(value);
    expect((await store.range('/')).entries[0]?.value).toEqual(value);
    const watch = store.watch('/', { since: 0, signal: new AbortController().signal });
    expect((await watch.next()).value).toMatchObject({ events: [{ value }] });
    await watch.return(undefined as never);
    await expect(store.commit({ guards: [], writes: [{ key: '/big', value: { text: 'x'.repeat(3 * 1_048_576) } }] })).rejects.toMatchObject({ code: 'INVALID', details: { key: '/big' } });
  });
});
