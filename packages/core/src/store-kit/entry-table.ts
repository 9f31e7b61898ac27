import type { RangeResult, StoreEntry, StoreEvent } from '../contracts/store.js';
import type { RevisionEvents } from './change-ring.js';
import { SortedKeys } from './sorted-keys.js';

/** Which entries a page shows. */
export interface PageQuery {
  readonly prefix: string;
  /** Start behind this key (exclusive). */
  readonly after?: string;
  /** Default: all. */
  readonly limit?: number;
  /** The revision the page is of. */
  readonly revision: number;
  /** For a page of the past: all changes after `revision`, newest first. */
  readonly since?: Iterable<RevisionEvents>;
}

/** A store's present entries in memory, found by key and listed in order; of the past too, where the changes since are known. Shares all it is given. */
export class EntryTable {
  readonly #entries = new Map<string, StoreEntry>();
  readonly #keys = new SortedKeys();

  /** The entry of a key. */
  get(key: string): StoreEntry | undefined {
    return this.#entries.get(key);
  }

  /** All entries, in no order. */
  all(): Iterable<StoreEntry> {
    return this.#entries.values();
  }

  /** Sets a key's entry. */
  put(entry: StoreEntry): void {
    if (!this.#entries.has(entry.key)) this.#keys.add(entry.key);
    this.#entries.set(entry.key, entry);
  }

  /** Makes a change that a store told of. */
  apply({ type, key, value, createRevision, modRevision }: StoreEvent): void {
    if (type === 'put') this.put({ key, value, createRevision, modRevision });
    else if (this.#entries.delete(key)) this.#keys.delete(key);
  }

  /** One page, in key order. Says how many entries follow. */
  page({ prefix, after, limit = Number.POSITIVE_INFINITY, revision, since }: PageQuery): RangeResult {
    const past = since === undefined ? undefined : overlay(prefix, since);
    const entries: StoreEntry[] = [];
    let remaining = 0;
    for (const key of this.#keysOf(prefix, after, past)) {
      const entry = past?.has(key) === true ? past.get(key) : this.#entries.get(key);
      if (entry === undefined) continue;
      if (entries.length < limit) entries.push(entry);
      else remaining += 1;
    }
    return { entries, revision, more: remaining > 0, remaining };
  }

  *#keysOf(prefix: string, after: string | undefined, past: ReadonlyMap<string, unknown> | undefined): Generator<string> {
    const start = after !== undefined && after >= prefix ? `${after}\0` : prefix;
    const gone = past === undefined ? [] : [...past.keys()].filter((key) => !this.#entries.has(key) && key >= start).sort();
    for (const key of this.#keys.from(start)) {
      if (!key.startsWith(prefix)) break;
      while (gone.length > 0 && (gone[0] as string) < key) yield gone.shift() as string;
      yield key;
    }
    yield* gone;
  }
}

/** How the keys under a prefix differed before some changes (newest first): their entry then, or undefined for "did not exist". */
function overlay(prefix: string, changes: Iterable<RevisionEvents>): Map<string, StoreEntry | undefined> {
  const past = new Map<string, StoreEntry | undefined>();
  for (const { events } of changes) {
    for (const { key, previous, createRevision, previousRevision } of events) {
      if (!key.startsWith(prefix)) continue;
      past.set(key, previous === undefined ? undefined : { key, value: previous, createRevision, modRevision: previousRevision });
    }
  }
  return past;
}
