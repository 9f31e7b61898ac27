import { type Clock, errorMessage, OrreryError, type Random, storeClosed, yieldToPlatform } from '@orrery/core';
import type { SqliteDatabase } from './driver.js';
import { isBusy, isFull, noTransaction, surelyNotCommitted } from './errors.js';

/** How a {@link WriteQueue} works, and what it tells its owner. */
export interface WriteQueueOptions {
  readonly database: SqliteDatabase;
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a job may wait for a lock that another process holds, milliseconds. */
  readonly busyTimeoutMs: number;
  /** A transaction has begun. False when its jobs cannot run yet: it is given up and {@link ready} awaited. */
  begun(): boolean;
  /** Brings about that the next transaction can begin. */
  ready(): Promise<void>;
  /** The jobs of the transaction have happened. */
  committed(): void;
  /** None of them has. */
  undone(): void;
  /** An error of the driver in the store's words; the store learns by it of errors that nothing can follow. */
  translate(error: unknown): OrreryError;
}

/** Thrown by a job that has written nothing and does not want to: the others of its group are not concerned. */
export class Refusal extends Error {
  constructor(readonly reason: OrreryError) {
    super(reason.message);
  }
}

interface Job {
  readonly since: number;
  readonly bytes: number;
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Bounds of one transaction. The process does nothing else meanwhile, so it must stay short: at some 20 µs a commit these are a few milliseconds, and far beyond where one
 * sync for the whole group stops mattering.
 */
const GROUP = { jobs: 256, bytes: 4 * 1024 * 1024, ms: 8 } as const;
/** After so long without a break, milliseconds, other processes get a turn of a millisecond: nobody is told that they wait for the lock. */
const TURN_MS = 25;
/** Longest pause between two attempts to get a lock, milliseconds. */
const LONGEST_PAUSE_MS = 5;

/**
 * Group commit: jobs that are asked for at the same time run in one transaction, in order, with one sync for all. Each job is on its own: one that throws a {@link Refusal}
 * fails alone. When anything else goes wrong, none of the group has happened and all of it fails with `UNAVAILABLE`, or with `OUTCOME_UNKNOWN` should not even that be
 * certain. Between two groups everything else in the process has its turn.
 */
export class WriteQueue {
  #jobs: Job[] = [];
  #pumping = false;
  #closed: OrreryError | undefined;
  readonly #stop = new AbortController();
  /** When others last had a turn, and when the last group ended. */
  #breakAt = 0;
  #endedAt = Number.NEGATIVE_INFINITY;
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;

  constructor(private readonly options: WriteQueueOptions) {
    this.#database = options.database;
    this.#clock = options.clock;
  }

  /** Runs a job in the next transaction; `bytes` is roughly what it writes. */
  submit<T>(work: () => T, bytes = 0): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      this.#jobs.push({ since: this.#clock.monotonic(), bytes, work, resolve: resolve as (value: unknown) => void, reject });
      if (!this.#pumping) void this.#pump();
    });
  }

  /** Refuses what waits, which has surely not happened, and all that comes. */
  close(error: OrreryError = storeClosed('SQLite')): void {
    this.#closed ??= error;
    this.#stop.abort();
    this.#fail(this.#jobs.splice(0), this.#closed);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    if (this.#clock.monotonic() - this.#endedAt > 2) this.#breakAt = this.#clock.monotonic();
    let pauseMs = 1;
    while (this.#jobs.length > 0) {
      // What arrives meanwhile joins the group; and timers and sockets are not kept waiting by a stream of commits.
      await yieldToPlatform();
      if (this.#jobs.length === 0) break;
      try {
        if (await this.#group()) pauseMs = 1;
        else {
          await this.#pause(pauseMs * (0.5 + this.options.random.float()));
          pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS);
        }
      } catch (error) {
        this.#fail(this.#jobs.splice(0), this.options.translate(error));
      }
      this.#endedAt = this.#clock.monotonic();
      if (this.#jobs.length > 0 && this.#endedAt - this.#breakAt > TURN_MS) await this.#pause(1);
    }
    this.#pumping = false;
  }

  /** One transaction; false when another process has the lock. */
  async #group(): Promise<boolean> {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
    } catch (error) {
      if (!isBusy(error)) throw error;
      this.#giveUpOld(error);
      return false;
    }
    let done: (readonly [Job, unknown])[];
    try {
      if (!this.options.begun()) {
        this.#rollback();
        await this.options.ready();
        return true;
      }
      done = this.#run();
    } catch (error) {
      this.#rollback();
      throw error;
    }
    for (const [job, value] of done) job.resolve(value);
    return true;
  }

  /** Runs and commits as many jobs as the bounds allow; gives back those to be resolved, and has dealt with the others. */
  #run(): (readonly [Job, unknown])[] {
    const until = this.#clock.monotonic() + GROUP.ms;
    const taken: Job[] = [];
    const done: (readonly [Job, unknown])[] = [];
    const refused: (readonly [Job, unknown])[] = [];
    try {
      for (let bytes = 0; taken.length < GROUP.jobs && bytes < GROUP.bytes && (taken.length === 0 || this.#clock.monotonic() < until); ) {
        const job = this.#jobs[taken.length];
        if (job === undefined) break;
        taken.push(job);
        bytes += job.bytes;
        try {
          done.push([job, job.work()]);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          refused.push([job, error.reason]);
        }
      }
    } catch (error) {
      this.#undo(taken, error, true);
      return [];
    }
    try {
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#undo(taken, error, surelyNotCommitted(error));
      return [];
    }
    this.#jobs.splice(0, taken.length);
    this.options.committed();
    for (const [job, error] of refused) job.reject(error);
    return done;
  }

  /** Everything in the group fails, those that were refused too: what refused them may have been written by another of the group. */
  #undo(taken: readonly Job[], cause: unknown, certain: boolean): void {
    this.#jobs.splice(0, taken.length);
    this.#rollback();
    this.options.undone();
    const error = this.options.translate(cause);
    if (isFull(cause)) this.#makeRoom();
    if (certain || this.#overwrite()) {
      this.#fail(taken, error);
      return;
    }
    const words = `Writing to ${this.options.path} failed at the very end (${errorMessage(cause)}); should the machine crash now, it may turn out to have happened.`;
    this.#fail(taken, new OrreryError('OUTCOME_UNKNOWN', words, { path: this.options.path }, cause));
  }

  #rollback(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch (error) {
      // After some errors SQLite has rolled back on its own.
      if (!noTransaction(error)) this.options.translate(error);
    }
  }

  /** A failed commit may have left its last frame in the log, where recovery after a crash would find it. The next commit takes its place: then it is certain. */
  #overwrite(): boolean {
    try {
      this.#database.exec("BEGIN IMMEDIATE; UPDATE meta SET value = value + 1 WHERE name = 'attempts'; COMMIT");
      return true;
    } catch {
      this.#rollback();
      return false;
    }
  }

  /** A checkpoint lets the log be used again from its start, which needs no more room on the disk. */
  #makeRoom(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(RESTART)');
    } catch (error) {
      if (!isFull(error) && !isBusy(error)) this.options.translate(error);
    }
  }

  /** Those who have waited long enough for a lock. */
  #giveUpOld(cause: unknown): void {
    const now = this.#clock.monotonic();
    const young = this.#jobs.findIndex(({ since }) => now - since < this.options.busyTimeoutMs);
    const old = this.#jobs.splice(0, young === -1 ? this.#jobs.length : young);
    if (old.length > 0) this.#fail(old, this.options.translate(cause));
  }

  async #pause(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#stop.signal).catch((error: unknown) => error);
    this.#breakAt = this.#clock.monotonic();
  }

  #fail(jobs: readonly Job[], error: OrreryError): void {
    for (const job of jobs) job.reject(error);
  }
}
