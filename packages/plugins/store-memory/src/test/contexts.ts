import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CachedStore } from '@orrery/core';
import { check } from '@orrery/core/testing';
import { MemoryStore } from '../memory-store.js';

const BOOKMARK_MS = 100;

/** A store for one case of the suite. */
export const memoryContext = async () => {
  const store = new MemoryStore({ bookmarkMs: BOOKMARK_MS });
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
};

/** A store with a journal for one case, which can be opened again. */
export const journalContext = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-journal-'));
  // Shortened all the time, so that snapshots are part of what is tested.
  const open = (): MemoryStore => new MemoryStore({ bookmarkMs: BOOKMARK_MS, journal: join(folder, 'journal'), journalGrowthBytes: 256 });
  let store = open();
  return {
    store,
    bookmarkMs: BOOKMARK_MS,
    restart: async () => {
      await store.close();
      store = open();
      return store;
    },
    cleanup: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** A store that answers reads from a replica of one in memory, for one case; as many revisions are kept as told. */
export const cachedContext = (historyLimit?: number) => async () => {
  const store = new CachedStore(new MemoryStore({ bookmarkMs: BOOKMARK_MS }), { bookmarkMs: BOOKMARK_MS, ...(historyLimit !== undefined && { historyLimit }) });
  await check.eventually('the replica to follow', async () => (await store.revision()) === 0 && (await store.get('/none')) === undefined && store.live);
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
};
