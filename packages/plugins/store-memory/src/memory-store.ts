import {
  checkChange,
  checkKey,
  checkPrefix,
  type CommitResult,
  type Clock,
  expired,
  type Guard,
  type RangeOptions,
  revisionAhead,
  type RangeResult,
  type Store,
  storeClosed,
  type StoreEntry,
  type StoreEvent,
  type StoreLease,
  systemClock,
  type WatchBatch,
  type WatchOptions,
  WatchWindow,
  type Write,
} from '@orrery/core';
import { Journal } from './journal.js';
import { Leases } from './leases.js';
import { SortedKeys } from './sorted-keys.js';

/** Options of {@link MemoryStore}. */
export interface MemoryStoreOptions {
  readonly clock?: Clock;
  /** Revisions kept for watchers and reads of the past; default 10,000. */
  readonly historyLimit?: number;
  /** Silence after which a watcher gets a bookmark, milliseconds; default 10,000. */
  readonly bookmarkMs?: number;
  /** A file that keeps everything beyond the end of the process. Default: none. */
  readonly journal?: string;
  /** Told when the journal could not be shortened; it goes on growing. */
  readonly journalProblem?: (error: unknown) => void;
  /** Growth after which the journal is shortened, bytes; default 16 MiB. */
  readonly journalGrowthBytes?: number;
}

/**
 * The store contract in plain memory: every method does its work synchronously, so racing callers are serialised by the event loop.
 * Values are shared, never copied. Nothing survives the process, but with a journal an acknowledged commit does (the end of the machine it need not survive).
 */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, StoreEntry>();
  readonly #keys = new SortedKeys();
  readonly #window: WatchWindow;
  readonly #leases: Leases;
  readonly #journal: Journal | undefined;
  readonly #journalProblem: (error: unknown) => void;
  #closed = false;

  constructor(options: MemoryStoreOptions = {}) {
    const clock = options.clock ?? systemClock;
    const journal = options.journal === undefined ? undefined : new Journal(options.journal, options.journalGrowthBytes);
    this.#journal = journal;
    this.#journalProblem = options.journalProblem ?? (() => {});
    this.#window = new WatchWindow({
      clock,
      start: journal?.content.revision ?? 0,
      ...(options.historyLimit !== undefined && { limit: options.historyLimit }),
      ...(options.bookmarkMs !== undefined && { bookmarkMs: options.bookmarkMs }),
    });
    this.#leases = new Leases(clock, journal?.content.epochs, (name, epoch) => journal?.lease(name, epoch));
    for (const entry of journal?.takeEntries() ?? []) {
      this.#entries.set(entry.key, entry);
      this.#keys.add(entry.key);
    }
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#check();
    checkKey(key);
    return this.#entries.get(key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#check();
    checkPrefix(prefix);
    const { after, limit = Number.POSITIVE_INFINITY, atRevision } = options;
    const past = atRevision === undefined || atRevision === this.#window.last ? undefined : this.#overlay(prefix, atRevision);
    const revision = atRevision ?? this.#window.last;
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

  async commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    this.#check();
    checkChange(change);
    for (const guard of change.guards) {
      if ('lease' in guard) {
        if (!this.#leases.holds(guard.lease, guard.epoch)) return { ok: false, guard };
        continue;
      }
      const found = this.#entries.get(guard.key);
      if ((found?.modRevision ?? 0) !== guard.modRevision) return found === undefined ? { ok: false, guard } : { ok: false, guard, found };
    }
    const revision = this.#window.last + 1;
    const events = this.#events(change.writes, revision);
    if (events.length === 0) return { ok: true, revision: revision - 1 };
    this.#journal?.commit(revision, events);
    for (const event of events) this.#applyEvent(event);
    this.#window.push(revision, events);
    if (this.#journal?.long === true) this.#shorten(this.#journal, revision);
    return { ok: true, revision };
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch> {
    checkPrefix(prefix);
    return this.#window.watch(prefix, options);
  }

  async compact(revision: number): Promise<void> {
    this.#check();
    if (revision > this.#window.last) throw revisionAhead(revision, this.#window.last);
    this.#window.compact(revision);
  }

  async revision(): Promise<number> {
    this.#check();
    return this.#window.last;
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    this.#check();
    return this.#leases.acquire(name, options.holder, options.ttlMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#leases.close();
    this.#journal?.close();
    this.#window.end(storeClosed('memory'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The commit that made it due has been written and stands, whatever becomes of this. */
  #shorten(journal: Journal, revision: number): void {
    try {
      journal.snapshot({ revision, entries: [...this.#entries.values()], epochs: this.#leases.epochs });
    } catch (error) {
      this.#journalProblem(error);
    }
  }

  #check(): void {
    if (this.#closed) throw storeClosed('memory');
  }

  #events(writes: readonly Write[], revision: number): StoreEvent[] {
    const events: StoreEvent[] = [];
    for (const write of writes) {
      const old = this.#entries.get(write.key);
      const previous = old === undefined ? { previousRevision: 0 } : { previous: old.value, previousRevision: old.modRevision };
      if ('delete' in write) {
        if (old !== undefined) events.push({ type: 'delete', key: write.key, value: old.value, ...previous, createRevision: old.createRevision, modRevision: revision });
      } else {
        events.push({ type: 'put', key: write.key, value: write.value, ...previous, createRevision: old?.createRevision ?? revision, modRevision: revision });
      }
    }
    return events;
  }

  #applyEvent(event: StoreEvent): void {
    const { key, value, createRevision, modRevision } = event;
    if (event.type === 'delete') {
      this.#entries.delete(key);
      this.#keys.delete(key);
      return;
    }
    if (event.previous === undefined) this.#keys.add(key);
    this.#entries.set(key, { key, value, createRevision, modRevision });
  }

  /** How the keys under a prefix differed at a past revision: their entry then, or undefined for "did not exist". */
  #overlay(prefix: string, revision: number): Map<string, StoreEntry | undefined> {
    if (revision > this.#window.last) throw revisionAhead(revision, this.#window.last);
    if (revision < this.#window.compacted) throw expired(revision, this.#window.compacted);
    const overlay = new Map<string, StoreEntry | undefined>();
    for (const { events } of this.#window.backTo(revision)) {
      for (const event of events) {
        if (!event.key.startsWith(prefix)) continue;
        if (event.previous === undefined) overlay.set(event.key, undefined);
        else overlay.set(event.key, { key: event.key, value: event.previous, createRevision: event.createRevision, modRevision: event.previousRevision });
      }
    }
    return overlay;
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
