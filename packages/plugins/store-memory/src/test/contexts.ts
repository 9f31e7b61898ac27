import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
