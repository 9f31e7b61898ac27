import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@orrery/core';
import { requireParts, startEtcd, startRedis } from '@orrery/engines';
import { EtcdStore } from '@orrery/store-etcd';
import { MemoryStore } from '@orrery/store-memory';
import { RedisStore } from '@orrery/store-redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planVerdict, soak, type SoakSample } from './soak.js';
import { measureStore, openSoakStore, type SoakStore } from './soak-store.js';
import { replay } from './test/replay.js';

const WARM_UP = 65;
const SIZE = { seed: 1, nodes: 3, changes: 3, warmUpMinutes: WARM_UP, minutes: 60 } as const;
/** Minutes at which a store on which the hours are written again is looked at. */
const LOOKS = [70, 95, 120];

let folder: string;
/** All that the cluster on the memory store with a journal wrote, a line a commit. */
let record: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-soak-'));
  record = join(folder, 'record');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an hour of leases, events, rollouts, scaling and pods, after one in which what is kept for an hour has come together, leaves nothing growing', () => {
  it('in memory with a journal', async () => {
    const { problems, samples } = await soak({
      ...SIZE, store: await openSoakStore('journal', folder), committed: ({ writes }, atMs) => appendFileSync(record, `${JSON.stringify({ atMs, writes })}\n`),
    });
    expect(problems, JSON.stringify(samples)).toEqual([]);
  });

  it('in SQLite', async () => {
    const { problems, samples } = await soak({ ...SIZE, store: await openSoakStore('sqlite', folder) });
    expect(problems, JSON.stringify(samples)).toEqual([]);
  });

  it('in memory, written again', async () => {
    await using store = new MemoryStore();
    const samples = await replay(record, store, LOOKS, async () => ({}));
    expect(samples).toHaveLength(LOOKS.length);
    expect(planVerdict(samples, WARM_UP), JSON.stringify(samples)).toEqual([]);
  });

  const redisParts = requireParts('redis-server', 'redis-cli');
  it.skipIf(redisParts.missing)(`in Redis, written again${redisParts.note}`, async () => {
    await using redis = await startRedis({ appendfsync: 'everysec' });
    // What is compacted is deleted from the log twice in a sixteenth of the time that history is kept for: within a second here, where hours pass in seconds.
    await using store = await RedisStore.open({ url: redis.url, prefix: 'soak', history: { maxAgeMs: 8_000 } });
    const sizes = async () => {
      const logLength = async () => Number(await redis.command('xlen', '{soak}:log'));
      const { historyHeld } = await measureStore(store);
      await expect.poll(logLength, { timeout: 10_000 }).toBeLessThan(historyHeld + 500);
      const used_memory = Number(/^used_memory:(\d+)/m.exec(await redis.command('info', 'memory'))?.[1]);
      return { used_memory, 'entries of the log': await logLength() };
    };
    const samples = await replay(record, store, LOOKS, sizes);
    expect(samples).toHaveLength(LOOKS.length);
    expect(planVerdict(samples, WARM_UP), JSON.stringify(samples)).toEqual([]);
  });

  const etcdParts = requireParts('etcd', 'etcdctl');
  it.skipIf(etcdParts.missing)(`in etcd, written again${etcdParts.note}`, async () => {
    await using etcd = await startEtcd();
    await using store = new EtcdStore({ endpoints: etcd.endpoints });
    // The file itself keeps the size that it once had; what is free in it is used again.
    const sizes = async () => {
      const [member] = JSON.parse(await etcd.ctl('endpoint', 'status', '--write-out=json')) as readonly { readonly Status: { readonly dbSizeInUse: number } }[];
      return { dbSizeInUse: member?.Status.dbSizeInUse ?? Number.NaN };
    };
    const samples = await replay(record, store, LOOKS, sizes);
    expect(samples).toHaveLength(LOOKS.length);
    expect(planVerdict(samples, WARM_UP), JSON.stringify(samples)).toEqual([]);
  });
});

describe('a soak notices', () => {
  it('history that nobody compacts', async () => {
    const opened = await openSoakStore('memory', folder);
    const store = new Proxy<Store>(opened.store, { get: (target, key) => (key === 'compact' ? async () => {} : bound(target, key)) });
    const lazy: SoakStore = { ...opened, store };
    const { problems } = await soak({ seed: 1, nodes: 2, store: lazy, warmUpMinutes: 10, minutes: 20 });
    expect(problems.join()).toMatch(/revisions of history are held/);
  });

  it('keys, bytes, memory and files that grow, and nothing else', () => {
    const sample = (minute: number, grown: number): SoakSample => ({
      minute, events: 0, revision: minute * 100, keys: 1_000 + grown, encodedBytes: 1_000_000 + grown * 1_000, historyHeld: 500, heapBytes: 50_000_000 + grown * 50_000, files: { journal: 1_000_000 + grown * 1_000 },
    });
    const minutes = [5, 10, 15, 20, 25, 30, 35, 40];
    expect(planVerdict(minutes.map((minute) => sample(minute, 0)), 10)).toEqual([]);
    expect(planVerdict(minutes.map((minute) => sample(minute, minute * 60)), 10).map((problem) => problem.replace(/ grew.*/, ''))).toEqual(['the number of keys', 'the size of keys and values', 'the heap', 'the file journal']);
    expect(planVerdict([sample(5, 0)], 10)).toEqual(['nothing was measured after the warm-up']);
  });
});

const bound = (target: Store, key: string | symbol): unknown => {
  const member: unknown = target[key as never];
  return typeof member === 'function' ? (member.bind(target) as unknown) : member;
};
