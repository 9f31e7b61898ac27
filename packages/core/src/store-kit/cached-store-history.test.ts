import { MemoryStore } from '@orrery/store-memory';
import { describe, expect, it } from 'vitest';
import type { Store, StoreEntry, WatchBatch, WatchOptions } from '../contracts/store.js';
import { checkLinearizable, type KeyOperation, keyModel, type KeyState } from '../testing/history/index.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { FaultyStore, type StoreFaults } from '../testing/simulation/faulty-store.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { CachedStore } from './cached-store.js';

const NOWHERE = new AbortController().signal;
const KEYS = ['/k0', '/k1', '/k2'];

const asState = (entry: StoreEntry | undefined): KeyState => ({ value: entry?.value['write'] as string | undefined, modRevision: entry?.modRevision ?? 0 });

/** A broken store: its revision is the last that a watch told of, so who waits for that waits for nothing. */
class Stale extends FaultyStore {
  #told = 0;
  override async revision(): Promise<number> {
    return this.#told;
  }
  override async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    for await (const batch of super.watch(prefix, options)) {
      this.#told = batch.revision;
      yield batch;
    }
  }
}

/** Clients that read through the cache, by key and by list, and write through it and beside it; the store is slow, and its watch late and broken at times. */
async function record(seed: number, make: (inner: Store, clock: VirtualClock, faults: StoreFaults) => Store): Promise<{ readonly history: KeyOperation[]; readonly fromReplica: number }> {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const inner = new MemoryStore({ clock });
  const history: KeyOperation[] = [];
  let reads = 0;
  let passed = 0;
  const faulty = make(inner, clock, {
    read: () => ({ beforeMs: random.int(4), afterMs: random.int(4) }),
    commit: () => ({ beforeMs: random.int(4), afterMs: random.int(4) }),
    watch: () => {
      const chance = random.int(40);
      if (chance < 2) return { end: chance === 0 ? 'EXPIRED' : 'UNAVAILABLE' };
      return { delayMs: random.int(12) };
    },
  });
  const get = faulty.get.bind(faulty);
  faulty.get = (key) => {
    passed += 1;
    return get(key);
  };
  const store = new CachedStore(faulty, { clock, random, catchUpMs: 10 });
  const look = async (key: string): Promise<KeyState> => {
    if (random.int(3) === 0) return asState((await store.range('/')).entries.find((entry) => entry.key === key));
    reads += 1;
    return asState(await store.get(key));
  };
  const client = async (name: number): Promise<void> => {
    const known = new Map<string, number>();
    for (let n = 0; n < 30; n += 1) {
      await clock.sleep(random.int(6), NOWHERE);
      const key = KEYS[random.int(KEYS.length)] as string;
      const calledAt = clock.monotonic();
      if (random.int(3) > 0) {
        const found = await look(key);
        known.set(key, found.modRevision);
        history.push({ client: name, input: { key, read: true }, calledAt, answer: { at: clock.monotonic(), output: { found } } });
        continue;
      }
      const expected = random.int(3) === 0 ? undefined : (known.get(key) ?? 0);
      const write = random.int(6) === 0 ? undefined : `${name}-${n}`;
      const guards = expected === undefined ? [] : [{ key, modRevision: expected }];
      const change = { guards, writes: [write === undefined ? { key, delete: true as const } : { key, value: { write } }] };
      const result = await (random.int(2) === 0 ? store : inner).commit(change);
      if (result.ok) known.set(key, write === undefined ? 0 : result.revision);
      const output = result.ok ? { revision: result.revision } : { conflict: asState(result.found) };
      history.push({ client: name, input: { key, write, ...(expected !== undefined && { expected }) }, calledAt, answer: { at: clock.monotonic(), output } });
    }
  };
  let left = 5;
  await Promise.all([clock.until(() => left === 0, 60_000), ...[0, 1, 2, 3, 4].map((name) => client(name).finally(() => (left -= 1)))]);
  await store.close();
  return { history, fromReplica: reads - passed };
}

describe('histories of a cached store', () => {
  it('are linearizable, although its watch is late and breaks off', async () => {
    let fromReplica = 0;
    for (let seed = 1; seed <= 50; seed += 1) {
      const run = await record(seed, (inner, clock, faults) => new FaultyStore(inner, clock, faults));
      expect(checkLinearizable(run.history, keyModel), `seed ${seed}`).toEqual({ verdict: 'linearizable' });
      fromReplica += run.fromReplica;
    }
    expect(fromReplica).toBeGreaterThan(500);
  });

  it('are not, and that is found out, when reads do not wait for the replica', async () => {
    let violated = 0;
    for (let seed = 1; seed <= 10; seed += 1) {
      const { history } = await record(seed, (inner, clock, faults) => new Stale(inner, clock, faults));
      if (checkLinearizable(history, keyModel).verdict === 'violated') violated += 1;
    }
    expect(violated).toBeGreaterThan(5);
  });
});
