import {
  checkChange,
  checkKey,
  checkPrefix,
  type Clock,
  type CommitResult,
  type Guard,
  OrreryError,
  type Random,
  type RangeOptions,
  type RangeResult,
  revisionAhead,
  type Store,
  storeClosed,
  type StoreEntry,
  type StoreLease,
  systemClock,
  systemRandom,
  type WatchBatch,
  type WatchOptions,
  WatchWindow,
  type Write,
  yieldToPlatform,
} from '@orrery/core';
import { ChangeLog } from './change-log.js';
import { Group, prepareChange } from './commits.js';
import { Compactor } from './compactor.js';
import { loadDriver, type SqliteDatabase } from './driver.js';
import { isBusy, isDamaged, noTransaction, sqliteError } from './errors.js';
import { type FileIdentity, movedAway, prepareFile } from './files.js';
import { Follower } from './follower.js';
import { Leases } from './leases.js';
import { OutsideWrites } from './outside-writes.js';
import type { SqliteStoreOptions } from './options.js';
import { readOlder, readPage } from './reads.js';
import { prepareDatabase } from './schema.js';
import { whileBusy } from './while-busy.js';
import { Refusal, WriteQueue } from './write-queue.js';

/**
 * The store contract in one SQLite file: durable, for one machine, for one process or several.
 * A commit that was acknowledged is in the write-ahead log and, unless `durability` says otherwise, forced to the disk.
 */
export class SqliteStore implements Store {
  /** Other processes may open the file. */
  readonly shared = true;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: ChangeLog;
  readonly #window: WatchWindow;
  readonly #follower: Follower;
  readonly #queue: WriteQueue;
  readonly #leases: Leases;
  readonly #compactor: Compactor;
  readonly #outside: OutsideWrites;
  readonly #stop = new AbortController();
  readonly #maxValueBytes: number;
  readonly #busyTimeoutMs: number;
  #group: Group | undefined;
  /** Set when nothing works any more: closed, or damaged. */
  #end: OrreryError | undefined;
  #cleaning: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #cancelCompaction = (): void => {};

  /** Opens the file and makes it when missing. Throws what {@link SqliteStoreOptions} leads to: `INVALID`, `UNSUPPORTED`, or `UNAVAILABLE` for a file that is damaged, locked or cannot be written. */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    const clock = options.clock ?? systemClock;
    const random = options.random ?? systemRandom;
    const open = await loadDriver(options.driver ?? 'auto');
    const file = prepareFile(options.path);
    const patience = { clock, random, limitMs: options.busyTimeoutMs ?? 5_000, signal: new AbortController().signal };
    let database: SqliteDatabase | undefined;
    try {
      const opened = open(file.path);
      database = opened;
      await whileBusy(() => prepareDatabase(opened, file.path, { durability: options.durability ?? 'full', check: options.check ?? true }), patience);
      return await whileBusy(() => new SqliteStore(opened, file, options), patience);
    } catch (error) {
      database?.close();
      throw sqliteError(file.path, error);
    }
  }

  private constructor(
    private readonly database: SqliteDatabase,
    private readonly file: FileIdentity,
    private readonly options: SqliteStoreOptions,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#maxValueBytes = options.maxValueBytes ?? 3 * 1024 * 1024;
    this.#busyTimeoutMs = options.busyTimeoutMs ?? 5_000;
    this.#log = new ChangeLog(database, file.path);
    this.#window = new WatchWindow({
      clock: this.#clock,
      start: this.#log.last(),
      limit: Math.min(options.historyLimit ?? 10_000, 10_000),
      ...(options.bookmarkMs !== undefined && { bookmarkMs: options.bookmarkMs }),
      older: (prefix, since, through, signal) => this.#older(prefix, since, through, signal),
      current: () => this.revision(),
    });
    this.#window.compact(this.#log.compacted);
    this.#follower = new Follower({
      path: file.path,
      log: this.#log,
      window: this.#window,
      snapshot: (read) => this.#snapshot(read),
      problem: (error) => {
        const translated = this.#translate(error);
        if (this.#end === undefined) this.#problem('writes of other processes could not be read; it looks again soon', translated);
      },
    });
    this.#queue = new WriteQueue({
      database,
      path: file.path,
      clock: this.#clock,
      random: this.#random,
      busyTimeoutMs: this.#busyTimeoutMs,
      begun: () => this.#begun(),
      ready: () => this.#follower.catchUpAll(),
      committed: () => this.#committed(),
      undone: () => (this.#group = undefined),
      translate: (error) => this.#translate(error),
    });
    const submit = <T>(work: () => T): Promise<T> => this.#queue.submit(work);
    this.#leases = new Leases(database, this.#clock, submit);
    this.#compactor = new Compactor(database, this.#log, submit);
    this.#outside = new OutsideWrites({
      path: file.path,
      clock: this.#clock,
      recheckMs: options.recheckMs ?? 1_000,
      look: () => void this.#follower.look(),
      recheck: () => this.#checkFile(),
      deaf: (error) => this.#problem('writes of other processes are noticed late, for the system does not watch the file', error),
    });
    this.#armCompaction();
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    checkKey(key);
    return this.#read(() => this.#log.entry(key));
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    checkPrefix(prefix);
    return this.#snapshot(() => readPage(this.#log, prefix, options));
  }

  async commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    this.#check();
    checkChange(change);
    const prepared = prepareChange(change, this.#maxValueBytes);
    return this.#queue.submit(() => (this.#group as Group).apply(prepared), prepared.bytes);
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    checkPrefix(prefix);
    if (options.signal.aborted) return;
    // What another process compacted is expired here too, even if it still is in memory.
    await this.#read(() => this.#window.compact(this.#log.compacted));
    yield* this.#window.watch(prefix, options);
  }

  async compact(revision: number): Promise<void> {
    this.#check();
    await this.#queue.submit(() => {
      const last = this.#log.last();
      if (revision > last) throw new Refusal(revisionAhead(revision, last));
      if (revision > this.#log.compacted) this.#log.compacted = revision;
    });
    this.#window.compact(revision);
    await this.#clean();
  }

  async revision(): Promise<number> {
    return this.#read(() => this.#log.last());
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    this.#check();
    return this.#leases.acquire(name, options.holder, options.ttlMs);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const sound = this.#end === undefined;
    this.#finish(storeClosed('SQLite'));
    this.#end = storeClosed('SQLite');
    try {
      // So that the file alone holds everything. Others on the same file may keep it from happening, and then the log stays.
      if (sound) this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      if (!isBusy(error)) this.#problem('the write-ahead log could not be moved into the database at the end; it stays and is used at the next start', error);
    }
    this.database.close();
  }

  /** Ends everything with an error. */
  #finish(error: OrreryError): void {
    this.#end ??= error;
    this.#stop.abort();
    this.#cancelCompaction();
    this.#outside.close();
    this.#queue.close(error);
    this.#window.end(error);
  }

  #check(): void {
    if (this.#end !== undefined) throw this.#end;
  }

  /** What SQLite says in the store's words. With a damaged file nothing goes on: it would be made worse. */
  #translate(error: unknown): OrreryError {
    const translated = sqliteError(this.file.path, error);
    if (isDamaged(error) || translated.details['damaged'] === true) this.#finish(translated);
    return translated;
  }

  async #read<T>(read: () => T): Promise<T> {
    const attempt = (): T => {
      this.#check();
      return read();
    };
    try {
      return await whileBusy(attempt, { clock: this.#clock, random: this.#random, limitMs: this.#busyTimeoutMs, signal: this.#stop.signal });
    } catch (error) {
      throw this.#translate(error);
    }
  }

  /** Several reads of one state, whatever other processes write meanwhile. */
  #snapshot<T>(read: () => T): Promise<T> {
    return this.#read(() => {
      this.database.exec('BEGIN');
      try {
        return read();
      } finally {
        endRead(this.database);
      }
    });
  }

  async #older(prefix: string, since: number, through: number, signal: AbortSignal): Promise<WatchBatch> {
    // Who reads a long history lets others have their turn.
    await yieldToPlatform();
    signal.throwIfAborted();
    return this.#snapshot(() => readOlder(this.#log, prefix, since, through));
  }

  /** In a transaction that has just begun. */
  #begun(): boolean {
    if (!this.#follower.catchUp()) return false;
    this.#group = new Group(this.#log, this.#window.last, Math.floor(this.#clock.now()), (lease, epoch) => this.#leases.holds(lease, epoch));
    return true;
  }

  #committed(): void {
    const group = this.#group;
    this.#group = undefined;
    group?.remember();
    for (const { revision, events } of group?.revisions ?? []) this.#window.push(revision, events);
  }

  /** A file that was removed or replaced takes commits that nobody will ever find. */
  #checkFile(): void {
    const moved = movedAway(this.file);
    if (moved === undefined) return;
    const { path } = this.file;
    this.#finish(new OrreryError('UNAVAILABLE', `${path} ${moved} while it was in use. Put it back together with its -wal file, or restore a backup, and start again.`, { path }));
  }

  #armCompaction(): void {
    const { compactEveryMs = 10_000, historyLimit = 100_000, historyMs } = this.options;
    this.#cancelCompaction = this.#clock.timer(compactEveryMs, () => {
      this.#armCompaction();
      this.#forget(historyLimit, historyMs).catch((error: unknown) => {
        if (this.#end === undefined) this.#problem('history could not be forgotten', error);
      });
    });
  }

  async #forget(revisions: number, historyMs: number | undefined): Promise<void> {
    const after = historyMs === undefined ? undefined : Math.floor(this.#clock.now()) - historyMs;
    const due = await this.#snapshot(() => this.#compactor.due({ revisions, after }));
    // What an earlier life left undone, too.
    await (due === undefined ? this.#clean() : this.compact(due));
  }

  /** One at a time: who comes while one is under way waits for another round. */
  async #clean(): Promise<void> {
    while (this.#cleaning !== undefined) await this.#cleaning.catch((error: unknown) => error);
    this.#cleaning = this.#compactor.clean(() => this.#end !== undefined).finally(() => (this.#cleaning = undefined));
    await this.#cleaning;
  }

  #problem(what: string, error: unknown): void {
    this.options.problem?.(what, error);
  }
}

/** Ends a transaction that only read; after some errors SQLite has ended it. */
function endRead(database: SqliteDatabase): void {
  try {
    database.exec('COMMIT');
  } catch (error) {
    if (!noTransaction(error)) throw error;
  }
}
