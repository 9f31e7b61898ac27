import { type Clock, type CommitResult, type Guard, OrreryError, storeClosed, type Write } from '@orrery/core';
import { decodeEntry } from './codec.js';
import { encodeCommit, type EncodedCommit } from './encode-commit.js';
import type { Failure } from './failures.js';
import type { Greeting, History } from './history.js';
import type { Link } from './link.js';
import { scripts } from './lua/index.js';

/** Batches under way at once, so that the server has work while their answers are read. */
const DEPTH = 4;
/** The script remembers what so many batches made. */
const REMEMBERED = 16;
/** A script call is bounded by these: it keeps everybody else waiting. */
const BATCH_COMMITS = 128;
const SMALLEST_SHARE = 8;
const BATCH_KEYS = 1_024;
const BATCH_BYTES = 2 * 1_048_576;
/** More are refused rather than kept. */
const LONGEST_QUEUE = 50_000;
/** A server that is loading or busy is asked again after so many milliseconds. */
const LATER_MS = 50;

interface Pending extends EncodedCommit {
  readonly guards: readonly Guard[];
  /** By the clock. */
  readonly deadline: number;
  /** Set until it is settled. */
  resolve: ((result: CommitResult) => void) | undefined;
  readonly reject: (error: OrreryError) => void;
}

interface Batch {
  readonly sequence: number;
  readonly generation: number;
  readonly losses: number;
  readonly commits: readonly Pending[];
}

/**
 * Sends commits, many in one script call: what comes while a batch is under way goes into the next. Each commit still makes its own revision, or is refused.
 *
 * When the answer of a batch is lost, the next connection begins a new generation of the session. From then on the server refuses what may still be
 * under way of the old one, and says what the last batches made: so each commit is known to have happened or not, and the latter are sent again.
 */
export class CommitQueue {
  #queue: Pending[] = [];
  readonly #flying = new Set<Batch>();
  /** Their answer was lost. */
  #doubtful: Batch[] = [];
  #sequence = 0;
  #scheduled = false;
  #closed = false;
  #cancelSweep: (() => void) | undefined;
  #cancelLater: (() => void) | undefined;

  constructor(
    private readonly link: Link<Greeting>,
    private readonly history: History,
    private readonly clock: Clock,
    private readonly options: { readonly timeoutMs: number; readonly keep: number; readonly maxValueBytes: number },
  ) {}

  /** Evaluates a change. See `Store.commit`; the change was checked. */
  commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw storeClosed('redis');
      if (this.#queue.length >= LONGEST_QUEUE) throw new OrreryError('UNAVAILABLE', `More than ${LONGEST_QUEUE} commits wait for Redis: ${this.link.reason}.`);
      const { json, values, keys, bytes, frees } = encodeCommit(change, this.options.maxValueBytes);
      this.#queue.push({ guards: change.guards, json, values, keys, bytes, deadline: this.clock.monotonic() + this.options.timeoutMs, frees, resolve, reject });
      this.#sweepLater(this.options.timeoutMs);
      this.#pumpSoon();
    });
  }

  /** A connection is there: finds out what became of batches whose answer was lost, and goes on. */
  resume(greeting: Greeting): void {
    const doubtful = this.#doubtful;
    this.#doubtful = [];
    const again: Pending[] = [];
    for (const batch of doubtful) {
      const made = madeBy(greeting, batch.sequence);
      // Sessions reach a replica in the order of everything else. One that is older than the batch, or gone, says nothing of it.
      const known = Number(greeting.session.get('generation') ?? 0) >= batch.generation;
      batch.commits.forEach((commit, place) => {
        const revision = made?.[place] ?? 0;
        if (revision > 0) this.#succeed(commit, revision);
        else if (known && batch.losses === this.history.losses) again.push(commit);
        else this.#fail(commit, unknown('the server that answers now does not know of it'));
      });
    }
    this.#queue = [...again, ...this.#queue];
    this.#pump();
  }

  /** History was lost: what was asked for before it must not be written after it. */
  abandon(reason: string): void {
    for (const commit of this.#queue.splice(0)) this.#fail(commit, new OrreryError('UNAVAILABLE', `The commit was not executed: ${reason}.`));
  }

  /** Refuses everything from now on. What is under way may happen, and nobody will be told. */
  close(): void {
    this.#closed = true;
    for (const batch of [...this.#flying, ...this.#doubtful]) for (const commit of batch.commits) this.#fail(commit, unknown('the store was closed'));
    for (const commit of this.#queue) this.#fail(commit, storeClosed('redis'));
    this.#queue = [];
    this.#doubtful = [];
    this.#cancelSweep?.();
    this.#cancelLater?.();
  }

  #pumpSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // What is asked for in the same turn goes together.
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pumpLater(): void {
    this.#cancelLater?.();
    this.#cancelLater = this.clock.timer(LATER_MS, () => this.#pump());
  }

  #pump(): void {
    this.link.start();
    while (!this.#closed && this.#queue.length > 0 && this.#flying.size < DEPTH) {
      const greeting = this.link.session;
      // A doubtful batch comes before what was asked for later: then its outcome is known.
      if (greeting === undefined || this.#doubtful.length > 0) return;
      this.#send(greeting, this.#take());
    }
  }

  /** Of what waits the share of one batch. */
  #take(): Pending[] {
    let flying = 0;
    for (const { commits } of this.#flying) flying += commits.length;
    const share = Math.min(BATCH_COMMITS, Math.max(SMALLEST_SHARE, Math.ceil((flying + this.#queue.length) / DEPTH)));
    let keys = 0;
    let bytes = 0;
    let count = 0;
    for (const commit of this.#queue) {
      keys += commit.keys;
      bytes += commit.bytes;
      if (count > 0 && (count >= share || keys > BATCH_KEYS || bytes > BATCH_BYTES)) break;
      count += 1;
    }
    return this.#queue.splice(0, count).filter(({ resolve }) => resolve !== undefined);
  }

  #send(greeting: Greeting, commits: readonly Pending[]): void {
    if (commits.length === 0) return;
    this.#sequence += 1;
    const batch: Batch = { sequence: this.#sequence, generation: greeting.generation, losses: this.history.losses, commits };
    this.#flying.add(batch);
    let before = 0;
    const at = commits.map(({ values }) => (before += values.length) - values.length);
    const { keep } = this.options;
    const head = JSON.stringify({ era: greeting.era, generation: batch.generation, sequence: batch.sequence, keep, at });
    const args = `${head.slice(0, -1)},"commits":[${commits.map(({ json }) => json).join(',')}]}`;
    greeting.connection.run(scripts.commit, args, commits.flatMap(({ values }) => values)).then(
      (reply) => {
        this.#flying.delete(batch);
        if (reply[0] === 'ok' && greeting.era === this.history.era) this.#answered(batch, reply[1] as readonly unknown[]);
        else if (reply[0] === 'ok') this.#doubt(batch);
        else {
          this.#again(batch);
          greeting.connection.drop(reply[0] === 'ERA' ? 'the server started anew, or is another one' : 'the session is over');
        }
        this.#pump();
      },
      (error: unknown) => {
        this.#flying.delete(batch);
        this.#failed(batch, greeting.connection.judge(error));
      },
    );
  }

  #answered(batch: Batch, results: readonly unknown[]): void {
    batch.commits.forEach((commit, place) => {
      const result = results[place];
      if (typeof result === 'number') this.#succeed(commit, result);
      else {
        const [, guardPlace, record] = result as readonly [string, number, string | null];
        const guard = commit.guards[guardPlace - 1] as Guard;
        this.#settle(commit, 'key' in guard && record !== null ? { ok: false, guard, found: decodeEntry(guard.key, record) } : { ok: false, guard });
      }
    });
  }

  #failed(batch: Batch, failure: Failure): void {
    this.link.note(failure.reason);
    if (failure.kind === 'unknown') this.#doubt(batch);
    else if (failure.kind !== 'refused') {
      this.#again(batch);
      if (failure.kind === 'later') this.#pumpLater();
    } else if (batch.commits.length > 1 && batch.commits.some(({ frees }) => frees)) this.#oneByOne(batch);
    else for (const commit of batch.commits) this.#fail(commit, new OrreryError('UNAVAILABLE', `Redis refused the commit: ${failure.reason}.`));
    if (failure.kind === 'refused') this.#pump();
  }

  /** The batch was refused as a whole, but those of its commits that only delete may get through on their own. */
  #oneByOne(batch: Batch): void {
    const greeting = this.link.session;
    if (greeting === undefined) this.#again(batch);
    else for (const commit of batch.commits) this.#send(greeting, commit.resolve === undefined ? [] : [commit]);
  }

  #again(batch: Batch): void {
    this.#queue = [...batch.commits.filter(({ resolve }) => resolve !== undefined), ...this.#queue];
    if (this.history.losses !== batch.losses) this.abandon('acknowledged history was lost meanwhile');
  }

  #doubt(batch: Batch): void {
    this.#doubtful.push(batch);
    // The answer may have been lost after another connection was there already.
    if (this.#flying.size > 0) return;
    const greeting = this.link.session;
    if (greeting !== undefined) greeting.connection.drop('the outcome of a commit must be learnt');
  }

  #succeed(commit: Pending, revision: number): void {
    this.history.saw(revision);
    this.#settle(commit, { ok: true, revision });
  }

  #fail(commit: Pending, error: OrreryError): void {
    if (commit.resolve !== undefined) commit.reject(error);
    commit.resolve = undefined;
  }

  #settle(commit: Pending, result: CommitResult): void {
    commit.resolve?.(result);
    commit.resolve = undefined;
  }

  *#all(): Generator<Pending> {
    for (const batch of [...this.#flying, ...this.#doubtful]) yield* batch.commits;
    yield* this.#queue;
  }

  /** One timer for all: they all wait equally long, so the first to come is the first to be over. */
  #sweepLater(ms: number): void {
    this.#cancelSweep ??= this.clock.timer(ms, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
    });
  }

  #sweep(): void {
    const now = this.clock.monotonic();
    const { reason } = this.link;
    for (const batch of [...this.#flying, ...this.#doubtful]) for (const commit of batch.commits) if (commit.deadline <= now) this.#fail(commit, unknown(reason));
    for (const commit of this.#queue) if (commit.deadline <= now) this.#fail(commit, new OrreryError('UNAVAILABLE', `Redis is not available, the commit was not executed: ${reason}.`));
    this.#queue = this.#queue.filter(({ resolve }) => resolve !== undefined);
    let next = Number.POSITIVE_INFINITY;
    for (const { resolve, deadline } of this.#all()) if (resolve !== undefined) next = Math.min(next, deadline);
    if (next < Number.POSITIVE_INFINITY) this.#sweepLater(next - now);
  }
}

/** What the server remembers of a batch: for each commit its revision, or 0. */
function madeBy({ session }: Greeting, sequence: number): readonly number[] | undefined {
  const [of, revisions = ''] = (session.get(`made${sequence % REMEMBERED}`) ?? '').split(' ');
  return of === String(sequence) ? revisions.split(',').map(Number) : undefined;
}

const unknown = (reason: string): OrreryError => new OrreryError('OUTCOME_UNKNOWN', `Whether the commit happened could not be learnt: ${reason}.`);
