import { deepFreeze, type OrreryError, type StoredValue, type StoreEntry, type StoreEvent } from '@orrery/core';
import type { SqliteDatabase, SqliteRow, SqliteStatement } from './driver.js';
import { damaged } from './errors.js';
import { SLOTS } from './schema.js';
import { ValueCache } from './value-cache.js';

/** Where a key's current value lies. */
export interface Pointer {
  readonly id: number;
  readonly created: number;
}

/** Behind every key with a prefix: keys are ASCII below this. */
const BEYOND = '\x7f';

const EVENT = `SELECT c.id, c.key, c.value, c.created, c.previous, p.value AS before FROM changes c LEFT JOIN changes p ON p.id = c.previous`;

/** The first key under a prefix that may come behind `after`: no key has a character below a space. */
const start = (prefix: string, after: string): string => (after >= prefix ? `${after}\x01` : prefix);

/** The revision of a row. */
export const revisionOf = (id: number): number => Math.floor(id / SLOTS);

/** Reads and writes the tables; knows nothing of transactions. Every method does its work at once. */
export class ChangeLog {
  /** Values that are committed, by row. */
  readonly cache: ValueCache;
  readonly #last: SqliteStatement;
  readonly #pointer: SqliteStatement;
  readonly #value: SqliteStatement;
  readonly #insert: SqliteStatement;
  readonly #point: SqliteStatement;
  readonly #unpoint: SqliteStatement;
  readonly #page: SqliteStatement;
  readonly #pageAt: SqliteStatement;
  readonly #count: SqliteStatement;
  readonly #events: SqliteStatement;
  readonly #meta: SqliteStatement;
  readonly #setMeta: SqliteStatement;

  constructor(
    database: SqliteDatabase,
    private readonly path: string,
    cached = 10_000,
  ) {
    this.cache = new ValueCache(cached);
    this.#last = database.prepare('SELECT max(id) AS id FROM changes');
    this.#pointer = database.prepare('SELECT id, created FROM entries WHERE key = ?');
    this.#value = database.prepare('SELECT value FROM changes WHERE id = ?');
    this.#insert = database.prepare('INSERT INTO changes (id, key, value, created, previous, at) VALUES (?, ?, ?, ?, ?, ?)');
    this.#point = database.prepare('INSERT OR REPLACE INTO entries (key, id, created) VALUES (?, ?, ?)');
    this.#unpoint = database.prepare('DELETE FROM entries WHERE key = ?');
    this.#page = database.prepare('SELECT e.key, e.id, e.created, c.value FROM entries e JOIN changes c ON c.id = e.id WHERE e.key >= ? AND e.key < ? ORDER BY e.key LIMIT ?');
    this.#count = database.prepare('SELECT count(*) AS n FROM entries WHERE key >= ? AND key < ?');
    // The newest version of each key as of a revision, key by key along the index, so that a page costs what it shows. Those of deletes are among them, without a value.
    this.#pageAt = database.prepare(`
      SELECT c.key, c.id, c.created, c.value FROM
        (SELECT key, max(id) AS id FROM changes INDEXED BY changes_by_key WHERE key >= ? AND key < ? AND id < ? GROUP BY key ORDER BY key LIMIT ?) newest
      CROSS JOIN changes c ON c.id = newest.id ORDER BY newest.key`);
    this.#events = database.prepare(`${EVENT} WHERE c.id >= ? AND c.id < ? AND +c.key >= ? AND +c.key < ? ORDER BY c.id`);
    this.#meta = database.prepare('SELECT value FROM meta WHERE name = ?');
    this.#setMeta = database.prepare('UPDATE meta SET value = ? WHERE name = ?');
  }

  /** The revision of the newest change. */
  last(): number {
    return revisionOf(this.newest());
  }

  /** The number of the newest row, 0 if there is none. */
  newest(): number {
    return (this.#last.get()?.['id'] as number | null | undefined) ?? 0;
  }

  /** Everything up to this revision is forgotten. */
  get compacted(): number {
    return this.#number(this.#meta.get('compacted'), 'value');
  }

  set compacted(revision: number) {
    this.#setMeta.run(revision, 'compacted');
  }

  /** What was superseded by a row before this one, and is compacted, has been deleted. */
  get cleaned(): number {
    return this.#number(this.#meta.get('cleaned'), 'value');
  }

  set cleaned(row: number) {
    this.#setMeta.run(row, 'cleaned');
  }

  /** Where a key's value lies, if the key exists. */
  pointer(key: string): Pointer | undefined {
    return this.#pointer.get(key) as Pointer | undefined;
  }

  /** The value of a row. */
  value(key: string, id: number): StoredValue {
    const cached = this.cache.get(key, id);
    if (cached !== undefined) return cached;
    const row = this.#value.get(id);
    if (row === undefined) throw this.#lost(`the value of ${key} is missing`);
    return this.#decode(key, row['value']);
  }

  /** One key's state. */
  entry(key: string): StoreEntry | undefined {
    const pointer = this.pointer(key);
    if (pointer === undefined) return undefined;
    const value = this.value(key, pointer.id);
    this.cache.set(key, pointer.id, value);
    return { key, value, createRevision: pointer.created, modRevision: revisionOf(pointer.id) };
  }

  /** Entries under a prefix behind a key, now. */
  page(prefix: string, after: string, limit: number): StoreEntry[] {
    return this.#page.all(start(prefix, after), prefix + BEYOND, limit).map((row) => this.#entry(row));
  }

  /** How many entries under a prefix lie behind a key, now. */
  countAfter(prefix: string, after: string): number {
    return this.#number(this.#count.get(start(prefix, after), prefix + BEYOND), 'n');
  }

  /** Entries under a prefix behind a key, as of a revision that is not compacted. */
  pageAt(prefix: string, after: string, limit: number, revision: number): StoreEntry[] {
    const entries: StoreEntry[] = [];
    for (let from = after; entries.length < limit; ) {
      const wanted = limit - entries.length;
      const rows = this.#pageAt.all(start(prefix, from), prefix + BEYOND, (revision + 1) * SLOTS, wanted);
      for (const row of rows) if (row['value'] !== null) entries.push(this.#entry(row));
      if (rows.length < wanted) break;
      from = rows.at(-1)?.['key'] as string;
    }
    return entries;
  }

  /** Changes under a prefix of the revisions after `since` and up to `through`, in order. None of them may be compacted. */
  events(prefix: string, since: number, through: number): StoreEvent[] {
    const rows = this.#events.all((since + 1) * SLOTS, (through + 1) * SLOTS, prefix, prefix + BEYOND);
    return rows.map((row) => this.#event(row));
  }

  /** Writes a new value of a key, in place of `before`. */
  put(id: number, key: string, text: string, before: Pointer | undefined, at: number): Pointer {
    const created = before?.created ?? revisionOf(id);
    this.#insert.run(id, key, text, created, before?.id ?? 0, at);
    this.#point.run(key, id, created);
    return { id, created };
  }

  /** Writes that a key is gone. */
  remove(id: number, key: string, before: Pointer, at: number): void {
    this.#insert.run(id, key, null, before.created, before.id, at);
    this.#unpoint.run(key);
  }

  #entry(row: SqliteRow): StoreEntry {
    const key = row['key'] as string;
    const id = row['id'] as number;
    const value = this.cache.get(key, id) ?? this.#decode(key, row['value']);
    return { key, value, createRevision: row['created'] as number, modRevision: revisionOf(id) };
  }

  #event(row: SqliteRow): StoreEvent {
    const key = row['key'] as string;
    const id = row['id'] as number;
    const before = row['previous'] as number;
    const base = { key, createRevision: row['created'] as number, modRevision: revisionOf(id), previousRevision: revisionOf(before) };
    const previous = before === 0 ? undefined : (this.cache.get(key, before) ?? this.#decode(key, row['before']));
    if (row['value'] !== null) return { type: 'put', value: this.cache.get(key, id) ?? this.#decode(key, row['value']), ...base, ...(previous !== undefined && { previous }) };
    if (previous === undefined) throw this.#lost(`the last value of ${key} is missing`);
    return { type: 'delete', value: previous, previous, ...base };
  }

  #decode(key: string, text: unknown): StoredValue {
    try {
      const value: unknown = JSON.parse(text as string);
      if (typeof value === 'object' && value !== null) return deepFreeze(value) as StoredValue;
    } catch (error) {
      throw this.#lost(`the value of ${key} is not JSON`, error);
    }
    throw this.#lost(`the value of ${key} is not an object`);
  }

  #number(row: SqliteRow | undefined, column: string): number {
    const value = row?.[column];
    if (typeof value !== 'number') throw this.#lost('a number that must be there is missing');
    return value;
  }

  #lost(what: string, cause?: unknown): OrreryError {
    return damaged(this.path, what, cause);
  }
}
