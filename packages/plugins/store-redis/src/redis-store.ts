import {
  checkChange,
  checkKey,
  checkPrefix,
  type Clock,
  type CommitResult,
  type Guard,
  type HistoryLoss,
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
  unlessAborted,
  type WatchBatch,
  type WatchOptions,
  WatchWindow,
  type Write,
} from '@orrery/core';
import { decodeEntry } from './codec.js';
import { CommitQueue } from './commit-queue.js';
import { connect } from './connect.js';
import { Feed } from './feed.js';
import { type Greeting, History } from './history.js';
import { acquireLease } from './leases.js';
import { Link } from './link.js';
import { type Script, scripts } from './lua/index.js';
import { type ParsedRedisOptions, redisOptions, type RedisOptions, targetOf } from './options.js';
import { readLog, readRange } from './range.js';
import { Tidier } from './tidier.js';

/** What a {@link RedisStore} takes from the process around it. */
export interface RedisStoreParts {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Told why Redis cannot be reached, and of lost history, in words for an operator. Default: nobody is. */
  readonly problem?: (message: string) => void;
}

/** A server that is silent for so long is given up: two attempts fit into a call's time. */
const STALL_SHARE = 0.4;
const RETRY_MS = 50;

/**
 * The store contract on Redis or Valkey. Connects when it is first used, or at once with {@link RedisStore.open}; connects again whenever it must.
 * What it promises in which mode of Redis is on the package's page.
 */
export class RedisStore implements Store {
  /** Other processes may have the same data open. */
  readonly shared = true;
  readonly #options: ParsedRedisOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #problem: (message: string) => void;
  readonly #history: History;
  readonly #window: WatchWindow;
  readonly #link: Link<Greeting>;
  readonly #feedLink: Link<Greeting>;
  readonly #queue: CommitQueue;
  readonly #feed: Feed;
  readonly #tidier: Tidier;
  readonly #listeners = new Set<(loss: HistoryLoss) => void>();
  #following: Promise<void> = Promise.resolve();
  #closed = false;

  /** Throws `INVALID` for options that do not parse. */
  constructor(options: RedisOptions, { clock = systemClock, random = systemRandom, problem = () => {} }: RedisStoreParts = {}) {
    const parsed = redisOptions.safeParse(options);
    if (!parsed.success) throw new OrreryError('INVALID', `The options of the Redis store do not parse: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}.`);
    this.#options = parsed.data;
    this.#clock = clock;
    this.#random = random;
    this.#problem = problem;
    const target = targetOf(parsed.data);
    const instance = Buffer.from(random.bytes(9)).toString('hex');
    const stallMs = Math.ceil(parsed.data.outcomeTimeoutMs * STALL_SHARE);
    this.#history = new History(clock, random, {
      moved: (connection) => {
        for (const link of [this.#link, this.#feedLink]) if (link.session?.connection !== connection) link.drop('the store is served by another server now');
      },
      lost: (loss, { revision }) => this.#lost(loss, revision),
    });
    this.#window = new WatchWindow({
      clock,
      bookmarkMs: parsed.data.bookmarkMs,
      older: (prefix, since, through) => readLog(this.#ask, prefix, since, through),
      current: async () => (await this.#ask(scripts.state, {}))[1] as number,
      live: () => this.#feed.live,
    });
    const link = (commits: boolean, ready: (greeting: Greeting) => void): Link<Greeting> =>
      new Link({
        clock,
        random,
        connect: (signal) => connect({ target, prefix: parsed.data.prefix, instance, clock, stallMs, signal }),
        greet: (connection) => this.#history.greet(connection, commits),
        ready,
        trouble: (reason) => this.#problem(`Redis is not available for ${commits ? 'calls' : 'watching'}: ${reason}`),
      });
    this.#link = link(true, (greeting) => this.#queue.resume(greeting));
    this.#feedLink = link(false, (greeting) => {
      this.#following = this.#feed.follow(greeting);
    });
    const { outcomeTimeoutMs, maxValueBytes, history } = parsed.data;
    this.#queue = new CommitQueue(this.#link, this.#history, clock, { timeoutMs: outcomeTimeoutMs, keep: history.maxRevisions, maxValueBytes });
    this.#feed = new Feed(this.#feedLink, this.#history, this.#window, clock);
    this.#tidier = new Tidier(this.#ask, clock, history.maxAgeMs, (problem) => this.#problem(problem));
  }

  /** A store that has reached Redis. Throws `UNAVAILABLE` with the reason when that takes longer than `outcomeTimeoutMs`. */
  static async open(options: RedisOptions, parts: RedisStoreParts = {}): Promise<RedisStore> {
    const store = new RedisStore(options, parts);
    try {
      await store.#connected(store.#link);
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#check();
    checkKey(key);
    const [, , record] = await this.#ask(scripts.get, { key });
    return typeof record === 'string' ? decodeEntry(key, record) : undefined;
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#check();
    checkPrefix(prefix);
    for (;;) {
      const { losses } = this.#history;
      const result = await readRange(this.#ask, prefix, options);
      // Pages of two histories do not make a list.
      if (losses === this.#history.losses) return result;
    }
  }

  commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    try {
      this.#check();
      checkChange(change);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    this.#start();
    return this.#queue.commit(change);
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    this.#check();
    checkPrefix(prefix);
    const { signal, since } = options;
    if (signal.aborted) return;
    try {
      await unlessAborted(this.#ready(since), signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    yield* this.#window.watch(prefix, options);
  }

  async compact(revision: number): Promise<void> {
    this.#check();
    const [word, at] = await this.#ask(scripts.compact, { to: revision });
    if (word === 'AHEAD') throw revisionAhead(revision, at as number);
    this.#window.compact(at as number);
  }

  async revision(): Promise<number> {
    this.#check();
    return (await this.#ask(scripts.state, {}))[1] as number;
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    this.#check();
    return acquireLease(this.#ask, name, options);
  }

  onHistoryLost(listener: (loss: HistoryLoss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#window.end(storeClosed('redis'));
    this.#queue.close();
    await Promise.all([this.#tidier.stop(), this.#link.close(), this.#feedLink.close()]);
    await this.#following;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #check(): void {
    if (this.#closed) throw storeClosed('redis');
  }

  #start(): void {
    this.#link.start();
    this.#tidier.start();
  }

  async #connected(link: Link<Greeting>): Promise<void> {
    this.#start();
    link.start();
    try {
      await link.wait(this.#clock.monotonic() + this.#options.outcomeTimeoutMs);
    } catch (error) {
      this.#check();
      throw error;
    }
  }

  /** For a watch: the log is followed, from the first watch on, and what others have compacted is known. */
  async #ready(since: number): Promise<void> {
    await this.#connected(this.#feedLink);
    if (since < this.#window.last) this.#window.compact((await this.#ask(scripts.state, {}))[2] as number);
  }

  #lost(loss: HistoryLoss, revision: number): void {
    this.#problem(`acknowledged history was lost after revision ${loss.lastCommon}: ${loss.reason}`);
    for (const listener of this.#listeners) listener(loss);
    this.#window.reset(revision, revisionAhead(loss.seen, revision));
    this.#queue.abandon(`acknowledged history was lost (${loss.reason})`);
  }

  /** Runs a script that may be sent again when its answer is lost. Throws `UNAVAILABLE` when no answer came in time, and `CLOSED`. */
  readonly #ask = async (script: Script, args: object): Promise<readonly [string, ...unknown[]]> => {
    this.#start();
    const deadline = this.#clock.monotonic() + this.#options.outcomeTimeoutMs;
    for (;;) {
      this.#check();
      const asked = this.#history.seen;
      const answer = await this.#attempt(script, args, asked, deadline);
      this.#check();
      if (answer !== undefined) return answer;
      // A server that is there and says "later" to everything must not keep a call for ever.
      if (this.#clock.monotonic() >= deadline) throw new OrreryError('UNAVAILABLE', `Redis is not available: ${this.#link.reason}.`);
    }
  };

  /** One attempt; undefined when there may be another. */
  async #attempt(script: Script, args: object, asked: number, deadline: number): Promise<readonly [string, ...unknown[]] | undefined> {
    let greeting: Greeting;
    try {
      greeting = await this.#link.wait(deadline);
    } catch (error) {
      this.#check();
      throw error;
    }
    const { connection, era } = greeting;
    try {
      const reply = await connection.run(script, { era, ...args });
      if (reply[0] === 'ERA') connection.drop('the server started anew, or is another one');
      else if (SAYS_REVISION.has(script) && (reply[1] as number) < asked) connection.drop('the history went another way');
      else if (era === this.#history.era) {
        if (SAYS_REVISION.has(script)) this.#history.saw(reply[1] as number);
        return reply;
      }
    } catch (error) {
      const { kind, reason } = connection.judge(error);
      this.#link.note(reason);
      if (kind === 'refused') throw new OrreryError('UNAVAILABLE', `Redis refused: ${reason}.`);
      if (kind === 'later') await this.#pause();
    }
    return undefined;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#clock.timer(RETRY_MS, resolve));
  }
}

/** Scripts whose answer begins with the current revision. */
const SAYS_REVISION: ReadonlySet<Script> = new Set<Script>([scripts.state, scripts.get, scripts.page]);
