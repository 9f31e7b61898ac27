import { OrreryError } from '@orrery/core';
import type { SqliteDatabase } from './driver.js';
import { damaged } from './errors.js';

/** How hard an acknowledged commit is held: `full` survives the loss of power, `normal` only the end of the process. */
export type Durability = 'full' | 'normal';

/** "Orry": says in the file's header whose it is. */
const APPLICATION_ID = 0x4f727279;
const VERSION = 1;

/** Writes in one commit have numbers below this; `id / SLOTS` is the revision. */
export const SLOTS = 256;

/**
 * `changes` holds each version of a value once, and `entries` points at the current ones, so that a write puts its value on the disk once. An id is the revision and the
 * place within it; the newest row is never deleted, so the greatest id is the revision of the store. A row of a delete has no value: it is that of `previous`.
 */
const TABLES = `
  CREATE TABLE changes (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, value TEXT, created INTEGER NOT NULL, previous INTEGER NOT NULL, at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX changes_by_key ON changes (key, id);
  CREATE TABLE entries (key TEXT PRIMARY KEY, id INTEGER NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, expires INTEGER NOT NULL, ttl INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO meta VALUES ('compacted', 0), ('cleaned', 0), ('attempts', 0);
`;

/**
 * Makes a connection ready: write-ahead log, checks, tables. Safe to repeat, and with others doing the same; a lock makes it throw SQLite's "busy".
 * Throws `UNAVAILABLE` for a damaged file, `INVALID` for a database of another program, `UNSUPPORTED` for one of a newer version.
 */
export function prepareDatabase(database: SqliteDatabase, path: string, options: { readonly durability: Durability; readonly check: boolean }): void {
  // Waiting for a lock is done outside of SQLite, which would block the process meanwhile.
  database.exec('PRAGMA busy_timeout = 0');
  checkOwner(database, path);
  // Works on a new file only, before anything is written.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode !== 'wal') {
    throw new OrreryError('UNAVAILABLE', `${path} lies where SQLite cannot keep a write-ahead log (journal mode ${String(mode)}), as on a network file system. Use a local disk.`, { path });
  }
  database.exec(`PRAGMA synchronous = ${options.durability === 'full' ? 'FULL' : 'NORMAL'}`);
  // On macOS a plain fsync leaves the data in the drive's cache. Nothing elsewhere.
  if (options.durability === 'full') database.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  database.exec(`
    PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16384; PRAGMA mmap_size = 0;
    PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;
  `);
  if (options.check) {
    const found = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (found !== 'ok') throw damaged(path, String(found).replaceAll(/\s+/g, ' '));
  }
  createTables(database, path);
}

const pragma = (database: SqliteDatabase, name: string): number => Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);

function checkOwner(database: SqliteDatabase, path: string): void {
  const owner = pragma(database, 'application_id');
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']);
  if (owner !== APPLICATION_ID && (owner !== 0 || tables !== 0)) {
    throw new OrreryError('INVALID', `${path} is a database of another program. Name another file.`, { path });
  }
  const version = pragma(database, 'user_version');
  if (owner === APPLICATION_ID && version > VERSION) {
    const message = `${path} was written by a newer @orrery/store-sqlite (format ${version}; this one knows ${VERSION}). Install the newer one.`;
    throw new OrreryError('UNSUPPORTED', message, { path, version, known: VERSION });
  }
}

/** In one transaction, so that a crash leaves all of it or nothing. */
function createTables(database: SqliteDatabase, path: string): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been first.
    checkOwner(database, path);
    if (pragma(database, 'user_version') === 0) {
      database.exec(TABLES);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}`);
    }
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
