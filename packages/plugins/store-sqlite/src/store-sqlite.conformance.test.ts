import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { SqliteStore } from './sqlite-store.js';

const BOOKMARK_MS = 100;

storeConformance({ describe, it }, 'sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  const open = () => SqliteStore.open({ path: join(folder, 'state.db'), bookmarkMs: BOOKMARK_MS });
  const store = await open();
  return {
    store,
    reopen: open,
    restart: async () => {
      await store.close();
      return open();
    },
    bookmarkMs: BOOKMARK_MS,
    cleanup: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
