import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../kernel/logger.js';
import { FaultyStore } from '../testing/simulation/faulty-store.js';
import { LosingStore } from '../testing/simulation/losing-store.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { compactHistory } from './compaction.js';

const MINUTE = 60_000;
let clock: VirtualClock;
let stop: AbortController;
let warned: string[];
let log: Logger;
beforeEach(() => {
  clock = new VirtualClock();
  stop = new AbortController();
  warned = [];
  log = { ...silentLogger, warn: (message) => void warned.push(message) };
});
afterEach(() => expect(clock.pending).toBe(0));

async function write(store: Pick<LosingStore, 'commit'>, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await store.commit({ guards: [], writes: [{ key: '/a', value: { n } }] });
}

it('keeps what is younger than five minutes', async () => {
  const store = new MemoryStore({ clock });
  const running = compactHistory(store, clock, log, stop.signal);
  await write(store, 10);
  await clock.advance(5 * MINUTE);
  await write(store, 10);
  await clock.advance(5 * MINUTE);
  await expect(store.range('/', { atRevision: 9 })).rejects.toMatchObject({ code: 'EXPIRED' });
  expect(await store.range('/', { atRevision: 10 })).toMatchObject({ revision: 10 });
  stop.abort();
  await running;
});

it('forgets nothing young after history was lost, although its numbers are those of old history', async () => {
  const store = new LosingStore(() => new MemoryStore({ clock }));
  await write(store, 100);
  const running = compactHistory(store, clock, log, stop.signal);
  await clock.advance(4 * MINUTE);
  await store.lose(50);
  await write(store, 60);
  await clock.advance(5 * MINUTE);
  expect(await store.range('/', { atRevision: 60 })).toMatchObject({ revision: 60 });
  expect(warned).toEqual([]);
  stop.abort();
  await running;
  await store.close();
});

it('goes on at the next time when the store was away', async () => {
  let away = false;
  const memory = new MemoryStore({ clock });
  const store = new FaultyStore(memory, clock, { read: () => (away ? { refused: true } : undefined) });
  await write(memory, 10);
  const running = compactHistory(store, clock, log, stop.signal);
  await clock.advance(MINUTE);
  away = true;
  await clock.advance(5 * MINUTE);
  expect(warned).toHaveLength(1);
  away = false;
  await clock.advance(5 * MINUTE);
  await expect(memory.range('/', { atRevision: 9 })).rejects.toMatchObject({ code: 'EXPIRED' });
  stop.abort();
  await running;
});
