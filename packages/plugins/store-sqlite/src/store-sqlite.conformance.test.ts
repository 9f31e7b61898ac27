import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CachedStore, type Store } from '@orrery/core';
import { check, storeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { loadDriver, type SqliteDriver } from './driver.js';
import { SqliteStore } from './sqlite-store.js';

const BOOKMARK_MS = 100;

const create = (driver: SqliteDriver, over: (store: SqliteStore) => Promise<Store> = async (store) => store) => async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  const open = async () => over(await SqliteStore.open({ path: join(folder, 'state.db'), bookmarkMs: BOOKMARK_MS, driver }));
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
};

storeConformance({ describe, it }, 'sqlite', create('package'));

storeConformance({ describe, it }, 'sqlite, cached', create('package', cached));

/** Reads are answered from a replica. */
async function cached(store: SqliteStore): Promise<Store> {
  const over = new CachedStore(store, { bookmarkMs: BOOKMARK_MS });
  await check.eventually('the replica to follow', async () => (await over.get('/none')) === undefined && over.live);
  return over;
}

const builtIn = await loadDriver('node').catch(() => undefined);
if (builtIn === undefined) it.skip(`the module built into Node (skipped: Node ${process.version} has none)`, () => {});
else storeConformance({ describe, it }, 'sqlite with the built-in module', create('node'));
