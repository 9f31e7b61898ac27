import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { loadDriver, type SqliteDriver } from './driver.js';
import { SqliteStore } from './sqlite-store.js';

const BOOKMARK_MS = 100;

const create = (driver: SqliteDriver) => async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-sqlite-'));
  const open = () => SqliteStore.open({ path: join(folder, 'state.db'), bookmarkMs: BOOKMARK_MS, driver });
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

const builtIn = await loadDriver('node').catch(() => undefined);
if (builtIn === undefined) it.skip(`the module built into Node (skipped: Node ${process.version} has none)`, () => {});
else storeConformance({ describe, it }, 'sqlite with the built-in module', create('node'));
