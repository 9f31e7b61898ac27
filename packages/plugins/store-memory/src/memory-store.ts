import {
  checkChange,
  checkKey,
  checkPrefix,
  type CommitResult,
  type Clock,
  EntryTable,
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
  readonly #entries = new EntryTable();
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
    for (const entry of journal?.takeEntries() ?? []) this.#entries.put(entry);
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#check();
    checkKey(key);
    return this.#entries.get(key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#check();
    checkPrefix(prefix);
    const { atRevision, ...where } = options;
    const { last, compacted } = this.#window;
    if (atRevision === undefined || atRevision === last) return this.#entries.page({ prefix, ...where, revision: last });
    if (atRevision > last) throw revisionAhead(atRevision, last);
    if (atRevision < compacted) throw expired(atRevision, compacted);
    return this.#entries.page({ prefix, ...where, revision: atRevision, since: this.#window.backTo(atRevision) });
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
    for (const event of events) this.#entries.apply(event);
    this.#window.push(revision, events);
    if (this.#journal?.long === true) this.#shorten(this.#journal, revision);
    return { ok: true, revision };
  }

  watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
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
      journal.snapshot({ revision, entries: [...this.#entries.all()], epochs: this.#leases.epochs });
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
}
