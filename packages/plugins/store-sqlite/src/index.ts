/**
 * The store seat in one SQLite file.
 * @packageDocumentation
 */
import { definePlugin, errorMessage, Store } from '@orrery/core';
import { z } from 'zod';
import type { OpenDatabase } from './driver.js';
import { SqliteStore } from './sqlite-store.js';

export type { OpenDatabase, SqliteDatabase, SqliteDriver, SqliteRow, SqliteStatement, SqliteValue } from './driver.js';
export type { Durability } from './schema.js';
export type { SqliteStoreOptions } from './options.js';
export { SqliteStore } from './sqlite-store.js';

/** Takes the store seat with a {@link SqliteStore}: everything in one file, durable, for one machine. Times are milliseconds. */
export const sqliteStore = definePlugin({
  name: 'store-sqlite',
  core: '^0.1.0',
  options: z.strictObject({
    /** The database file; made when missing, for its owner only. */
    path: z.string().min(1),
    /** `full`: an acknowledged commit survives the loss of power. `normal`: the end of the process only. */
    durability: z.enum(['full', 'normal']).optional(),
    /** `package` is `@photostructure/sqlite`, `node` the module built into newer Nodes; `auto` takes the first that loads. Or a function that opens a database. */
    driver: z.union([z.enum(['auto', 'package', 'node']), z.custom<OpenDatabase>((value) => typeof value === 'function')]).optional(),
    /** Revisions kept for watchers and reads of the past. */
    historyLimit: z.int().min(100).max(100_000_000).optional(),
    /** How long a revision is kept at most. */
    historyMs: z.int().min(1_000).optional(),
    /** Longest encoding of one value, bytes. */
    maxValueBytes: z.int().min(1_024).max(256 * 1024 * 1024).optional(),
    /** How long a call waits for the lock of another process. */
    busyTimeoutMs: z.int().min(0).max(600_000).optional(),
    /** How often it looks for writes of other processes beside the system's hints. */
    recheckMs: z.int().min(10).max(60_000).optional(),
    /** Whether the whole file is checked at the start. */
    check: z.boolean().optional(),
  }),
  async setup({ provide, scope, clock, random, log, options }) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as typeof options & object;
    const problem = (what: string, error: unknown): void => log.warn(what, { path: options.path, error: errorMessage(error) });
    const store = scope.own(await SqliteStore.open({ ...(given as { path: string }), clock, random, problem }));
    provide(Store, () => store);
  },
});
