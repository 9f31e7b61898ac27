import { type Clock, OrreryError } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import { machineTime, type TracedStore } from './traced-store.js';

/** What a client works with. */
export interface ClientOptions {
  readonly random: SeededRandom;
  readonly clock: Clock;
  /** Mean pause between two calls, milliseconds. */
  readonly paceMs: number;
  readonly signal: AbortSignal;
}

/** All clients move on to new keys so often: a key's history stays short enough to be searched. */
const SLOT_MS = 1_000;
const KEYS = 6;
const FILLER = 'x'.repeat(400);
const LEASE = 'leader';
const TTL_MS = 2_000;

const slot = (): number => Math.floor(machineTime() / SLOT_MS);

/** Reads, puts, compare-and-sets, deletes, transactions over several keys and ranges, as they come by chance, until the signal aborts. */
export async function runClient(store: TracedStore, { random, clock, paceMs, signal }: ClientOptions): Promise<void> {
  let known = new Map<string, number>();
  let at = 0;
  for (let n = 1; !signal.aborted; n += 1) {
    if (at !== slot()) known = new Map();
    at = slot();
    const group = `/g/${at}/`;
    const keyOf = (k: number): string => `${group}k${k % KEYS}`;
    const first = random.int(KEYS);
    const key = keyOf(first);
    const filler = FILLER.slice(0, random.int(FILLER.length));
    const expected = { key, modRevision: known.get(key) ?? 0 };
    const learn = (keys: readonly string[], result: Awaited<ReturnType<TracedStore['commit']>>): void => {
      if (typeof result === 'number') for (const one of keys) known.set(one, result);
      else if (result !== undefined) known.set(key, result.conflict.modRevision);
    };
    const chance = random.int(100);
    if (chance < 25) known.set(key, (await store.get(key))?.modRevision ?? 0);
    else if (chance < 43) learn([key], await store.commit([{ key, delete: false }], [], { filler }));
    else if (chance < 65) learn([key], await store.commit([{ key, delete: false }], [expected], { filler }));
    else if (chance < 72) {
      await store.commit([{ key, delete: true }], expected.modRevision > 0 ? [expected] : []);
      known.delete(key);
    } else if (chance < 90) {
      const keys = [key, keyOf(first + 1), keyOf(first + 3)].slice(0, 2 + random.int(2));
      const changes = [...keys, `/log/${store.client}/${n}`].map((one) => ({ key: one, delete: false }));
      learn(keys, await store.commit(changes, random.chance(0.5) ? [expected] : [], { filler }));
    } else await store.range({ prefix: group, ...(random.chance(0.3) && { limit: 1 + random.int(KEYS) }) });
    await pause(clock, random.int(2 * paceMs + 1), signal);
  }
}

/** Takes a lease when it can, commits under it, sometimes sleeps through its end and tries again all the same. */
export async function runContender(store: TracedStore, { random, clock, paceMs, signal }: ClientOptions): Promise<void> {
  while (!signal.aborted) {
    const held = await store.acquire(LEASE, TTL_MS);
    if (held === undefined) {
      await pause(clock, 50 + random.int(200), signal);
      continue;
    }
    let refused = 0;
    for (let left = 5 + random.int(60); left > 0 && refused < 3 && !signal.aborted; left -= 1) {
      const key = `/fenced/${slot()}`;
      const result = await store.commit([{ key, delete: false }], [], { lease: LEASE, epoch: held.epoch });
      if (typeof result !== 'number') refused += 1;
      if (random.chance(0.1) && !(await store.renew(held, signal))) refused += 1;
      await pause(clock, random.chance(0.02) ? TTL_MS + random.int(TTL_MS) : random.int(4 * paceMs + 1), signal);
    }
    if (random.chance(0.5)) await store.release(held);
    await pause(clock, random.int(400), signal);
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!OrreryError.is(error, 'ABORTED')) throw error;
  }
}
