import {
  type CommitResult,
  type Clock,
  type Guard,
  OrreryError,
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoreEntry,
  type StoreEvent,
  type StoreLease,
  systemClock,
  type WatchBatch,
  type WatchOptions,
  type Write,
} from '@orrery/core';
import { expired, History } from './history.js';
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

/** Events handed over at once at most, and revisions looked through for them. */
const BATCH_EVENTS = 1_000;
const BATCH_REVISIONS = 10_000;
const KEY = /^[\x20-\x7e]{1,1024}$/;

/**
 * The store contract in plain memory: every method does its work synchronously, so racing callers are serialised by the event loop.
 * Values are shared, never copied. Nothing survives the process, but with a journal an acknowledged commit does (the end of the machine it need not survive).
 */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, StoreEntry>();
  readonly #keys = new SortedKeys();
  readonly #history: History;
  readonly #leases: Leases;
  readonly #clock: Clock;
  readonly #bookmarkMs: number;
  readonly #journal: Journal | undefined;
  readonly #journalProblem: (error: unknown) => void;
  /** Wakes of watchers that have caught up, with the prefix they wait for. */
  readonly #waiting = new Set<{ readonly prefix: string; wake(quietUntil: number): void }>();
  #closed = false;

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    const journal = options.journal === undefined ? undefined : new Journal(options.journal, options.journalGrowthBytes);
    this.#journal = journal;
    this.#journalProblem = options.journalProblem ?? (() => {});
    this.#history = new History(options.historyLimit ?? 10_000, journal?.content.revision);
    this.#leases = new Leases(this.#clock, journal?.content.epochs, (name, epoch) => journal?.lease(name, epoch));
    for (const entry of journal?.takeEntries() ?? []) {
      this.#entries.set(entry.key, entry);
      this.#keys.add(entry.key);
    }
    this.#bookmarkMs = options.bookmarkMs ?? 10_000;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#check();
    return this.#entries.get(key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#check();
    const { after, limit = Number.POSITIVE_INFINITY, atRevision } = options;
    const past = atRevision === undefined || atRevision === this.#history.last ? undefined : this.#overlay(prefix, atRevision);
    const revision = atRevision ?? this.#history.last;
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
    for (const guard of change.guards) {
      if ('lease' in guard) {
        if (!this.#leases.holds(guard.lease, guard.epoch)) return { ok: false, guard };
        continue;
      }
      const found = this.#entries.get(guard.key);
      if ((found?.modRevision ?? 0) !== guard.modRevision) return found === undefined ? { ok: false, guard } : { ok: false, guard, found };
    }
    const revision = this.#history.last + 1;
    const events = this.#events(change.writes, revision);
    if (events.length === 0) return { ok: true, revision: revision - 1 };
    this.#journal?.commit(revision, events);
    for (const event of events) this.#applyEvent(event);
    this.#history.push(events);
    if (this.#journal?.long === true) this.#shorten(this.#journal, revision);
    for (const watcher of this.#waiting) if (events.some((event) => event.key.startsWith(watcher.prefix))) watcher.wake(revision - 1);
    return { ok: true, revision };
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    this.#check();
    const { signal } = options;
    let seen = options.since;
    if (seen > this.#history.last) {
      throw new OrreryError('REVISION_AHEAD', `Watch from revision ${seen}, but the store is at ${this.#history.last}.`, { asked: seen, current: this.#history.last });
    }
    let told = -1;
    while (!signal.aborted) {
      this.#check();
      if (seen < this.#history.compacted) throw expired(seen + 1, this.#history.compacted);
      if (seen < this.#history.last) {
        const batch = this.#collect(prefix, seen);
        seen = batch.revision;
        if (batch.events.length === 0) continue;
        told = seen;
        yield batch;
      } else if (told < seen) {
        // Caught up: say so once, and again after each stretch of silence.
        told = seen;
        yield { revision: seen, events: [] };
      } else {
        // Nothing that matches happened while it waited, so compaction meanwhile took nothing from it.
        const { quietUntil, silent } = await this.#wait(prefix, signal);
        seen = Math.max(seen, quietUntil);
        if (silent) told = -1;
      }
    }
  }

  async compact(revision: number): Promise<void> {
    this.#check();
    if (revision > this.#history.last) {
      throw new OrreryError('REVISION_AHEAD', `Cannot compact to ${revision}: the store is at ${this.#history.last}.`, { asked: revision, current: this.#history.last });
    }
    this.#history.compact(revision);
  }

  async revision(): Promise<number> {
    this.#check();
    return this.#history.last;
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    this.#check();
    return this.#leases.acquire(name, options.holder, options.ttlMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#journal?.close();
    for (const watcher of [...this.#waiting]) watcher.wake(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What matches of the revisions after `seen`, as many as there are, within bounds. */
  #collect(prefix: string, seen: number): WatchBatch {
    const events: StoreEvent[] = [];
    let revision = seen;
    while (revision < this.#history.last && events.length < BATCH_EVENTS && revision - seen < BATCH_REVISIONS) {
      revision += 1;
      for (const event of this.#history.at(revision).events) if (event.key.startsWith(prefix)) events.push(event);
    }
    return { revision, events };
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
    if (this.#closed) throw new OrreryError('CLOSED', 'The memory store is closed.');
  }

  #events(writes: readonly Write[], revision: number): StoreEvent[] {
    const events: StoreEvent[] = [];
    const touched = new Set<string>();
    for (const write of writes) {
      if (!KEY.test(write.key)) throw new OrreryError('INVALID', 'A key must be 1 to 1024 printable ASCII characters.', { key: write.key.slice(0, 100) });
      if (touched.has(write.key)) throw new OrreryError('INVALID', `Key ${write.key} is written twice in one commit.`, { key: write.key });
      touched.add(write.key);
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
    if (revision > this.#history.last) {
      throw new OrreryError('REVISION_AHEAD', `Revision ${revision} is not reached: the store is at ${this.#history.last}.`, { asked: revision, current: this.#history.last });
    }
    if (revision < this.#history.compacted) throw expired(revision, this.#history.compacted);
    const overlay = new Map<string, StoreEntry | undefined>();
    for (let at = this.#history.last; at > revision; at -= 1) {
      for (const event of this.#history.at(at).events) {
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

  /** Waits for a commit under the prefix, for the time for a bookmark, or for the end; resolves with the revision up to which nothing matched. */
  #wait(prefix: string, signal: AbortSignal): Promise<{ readonly quietUntil: number; readonly silent: boolean }> {
    return new Promise((resolve) => {
      const wake = (quietUntil = 0, silent = false): void => {
        cancel();
        signal.removeEventListener('abort', end);
        this.#waiting.delete(watcher);
        resolve({ quietUntil, silent });
      };
      const end = (): void => wake();
      const watcher = { prefix, wake: (until: number): void => wake(until) };
      // In silence the watcher moves on to the current revision, which it then is told as a bookmark.
      const cancel = this.#clock.timer(this.#bookmarkMs, () => wake(this.#history.last, true));
      this.#waiting.add(watcher);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
