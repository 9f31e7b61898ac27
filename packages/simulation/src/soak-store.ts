import { statSync } from 'node:fs';
import { join } from 'node:path';
import { OrreryError, type Store, type StoreEntry, yieldToPlatform } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { SqliteStore } from '@orrery/store-sqlite';

/** Stores that can live in virtual time. */
export const SOAK_STORES = ['memory', 'journal', 'sqlite'] as const;

/** A store under soak, with its clock and what it keeps in files. */
export interface SoakStore {
  readonly store: Store;
  readonly clock: VirtualClock;
  /** Bytes by file; none where nothing is kept. */
  files(): Readonly<Record<string, number>>;
}

/** Growth after which the journal of a soak is written anew, bytes: small, so that it happens often within an hour. */
export const JOURNAL_GROWTH_BYTES = 1_048_576;

/** Turns of the event loop that a settled clock waits for calls of the store; a call that itself waits for time to pass needs time to move. */
const PATIENCE = 64;

/** Opens a store of a kind, with its files in `folder`. */
export async function openSoakStore(kind: (typeof SOAK_STORES)[number], folder: string): Promise<SoakStore> {
  if (kind === 'sqlite') return openSqlite(join(folder, 'state.db'));
  const clock = new VirtualClock();
  if (kind === 'memory') return { clock, store: new MemoryStore({ clock }), files: () => ({}) };
  const journal = join(folder, 'journal');
  return { clock, store: new MemoryStore({ clock, journal, journalGrowthBytes: JOURNAL_GROWTH_BYTES }), files: () => ({ journal: sizeOf(journal) }) };
}

/** A group of commits takes some turns of the event loop, in which time must not move: else each commit would take as long as the cluster sleeps. */
async function openSqlite(path: string): Promise<SoakStore> {
  let open = 0;
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < PATIENCE; turn += 1) {
      await yieldToPlatform();
      if (open === 0) return yieldToPlatform();
    }
  };
  const clock = new VirtualClock(undefined, settled);
  // What the machine loses when its power fails does not matter here; a sync for each commit would.
  const inner = await SqliteStore.open({ path, clock, durability: 'normal' });
  const counted = async <T>(call: Promise<T>): Promise<T> => {
    open += 1;
    try {
      return await call;
    } finally {
      open -= 1;
    }
  };
  const store: Store = {
    get: (key) => counted(inner.get(key)),
    range: (prefix, options) => counted(inner.range(prefix, options)),
    commit: (change) => counted(inner.commit(change)),
    watch: (prefix, options) => inner.watch(prefix, options),
    compact: (revision) => counted(inner.compact(revision)),
    revision: () => counted(inner.revision()),
    acquireLease: (name, options) => counted(inner.acquireLease(name, options)),
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  };
  return { clock, store, files: () => ({ database: sizeOf(path), 'write-ahead log': sizeOf(`${path}-wal`) }) };
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** What a store holds now. */
export interface StoreSize {
  readonly revision: number;
  readonly keys: number;
  /** Keys and values, the values as JSON. */
  readonly encodedBytes: number;
  /** Revisions that can still be asked for, beside the present one. */
  readonly historyHeld: number;
}

/** Measures any store through its contract. */
export async function measureStore(store: Store): Promise<StoreSize> {
  let [keys, encodedBytes] = [0, 0];
  const { entries, revision } = await store.range('/');
  for (const { key, value } of entries as readonly StoreEntry[]) {
    keys += 1;
    encodedBytes += key.length + JSON.stringify(value).length;
  }
  return { revision, keys, encodedBytes, historyHeld: revision - (await oldestReadable(store, revision)) };
}

/** The oldest revision at which a list is answered. */
async function oldestReadable(store: Store, newest: number): Promise<number> {
  let [low, high] = [0, newest];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await isReadable(store, middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

async function isReadable(store: Store, revision: number): Promise<boolean> {
  try {
    await store.range('/nothing/', { atRevision: revision, limit: 1 });
    return true;
  } catch (error) {
    if (OrreryError.is(error, 'EXPIRED')) return false;
    throw error;
  }
}
