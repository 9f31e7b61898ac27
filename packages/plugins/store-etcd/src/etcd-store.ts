import {
  checkChange,
  checkKey,
  checkPrefix,
  type CommitResult,
  errorMessage,
  type Guard,
  type HistoryLoss,
  OrreryError,
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
} from '@orrery/core';
import { Committer } from './committer.js';
import { EtcdConnection } from './connection.js';
import { asOrreryError, EtcdClient } from './etcd-client.js';
import { EtcdFailure } from './failure.js';
import { Feed } from './feed.js';
import { Fences } from './fence.js';
import { catchUp } from './history.js';
import { HistoryGuard } from './history-guard.js';
import { Layout, toEntry } from './layout.js';
import { LeaseCalls } from './lease-calls.js';
import { Leases } from './leases.js';
import type { EtcdStoreOptions } from './options.js';
import { readRange } from './ranges.js';

const PREFIX = /^[\x21-\x7e]{0,199}\/$/;

/**
 * The store contract on an etcd cluster (v3 API, 3.4 to 3.6). Connects with the first call. Revisions are etcd's own: they grow, but leave out numbers, for etcd counts
 * what others write to it too, and what this store writes beside its keys.
 */
export class EtcdStore implements Store {
  /** Other processes may have the same data open. */
  readonly shared = true;
  readonly #client: EtcdClient;
  readonly #layout: Layout;
  readonly #guard = new HistoryGuard();
  readonly #window: WatchWindow;
  readonly #feed: Feed;
  readonly #committer: Committer;
  readonly #leases: Leases;
  #closing: Promise<void> | undefined;

  /** Connects to nothing yet. Throws `INVALID` for malformed endpoints or prefix. */
  constructor(options: EtcdStoreOptions) {
    const { clock = systemClock, random = systemRandom, prefix = '/orrery/', outcomeTimeoutMs = 5_000, maxValueBytes = 1_500_000 } = options;
    if (!PREFIX.test(prefix)) throw new OrreryError('INVALID', 'The prefix of an etcd store must be printable ASCII without spaces, at most 200 characters, and end in "/".', { prefix });
    const warn = (message: string, error: unknown): void => options.warn?.(message, { error: errorMessage(error) });
    const layout = new Layout(prefix);
    const client = new EtcdClient(new EtcdConnection(options, clock), this.#guard, clock, outcomeTimeoutMs);
    const calls = new LeaseCalls(client, random);
    this.#client = client;
    this.#layout = layout;
    this.#window = new WatchWindow({
      clock,
      ...(options.windowRevisions !== undefined && { limit: options.windowRevisions }),
      ...(options.bookmarkMs !== undefined && { bookmarkMs: options.bookmarkMs }),
      older: (under, since, through, signal) => catchUp(client, layout, under, since, through, signal),
      current: () => this.revision(),
      live: () => this.#feed.live,
    });
    this.#feed = new Feed(client, layout, this.#window, warn);
    this.#committer = new Committer(client, layout, new Fences(client, layout, calls, random), maxValueBytes);
    this.#leases = new Leases(client, calls, layout, warn);
    this.#guard.listen((loss) => {
      warn('acknowledged history of etcd is gone', new Error(loss.reason));
      this.#feed.lost(this.#guard.highest);
    });
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#check();
    checkKey(key);
    const { kvs } = await told(this.#client.range({ key: this.#layout.key(key) }));
    return kvs[0] === undefined ? undefined : toEntry(this.#layout, kvs[0]);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#check();
    checkPrefix(prefix);
    return readRange(this.#client, this.#layout, prefix, options);
  }

  async commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    this.#check();
    checkChange(change);
    return told(this.#committer.commit(change));
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    this.#check();
    checkPrefix(prefix);
    await this.#feed.ready(options.signal);
    this.#check();
    yield* this.#window.watch(prefix, options);
  }

  async compact(revision: number): Promise<void> {
    this.#check();
    if (revision <= 0) return;
    try {
      if (revision <= this.#guard.highest) await this.#feed.pass(revision);
      await this.#client.persist(() => this.#client.connection.call('KV/Compact', { revision }));
    } catch (error) {
      if (error instanceof EtcdFailure && error.future) throw revisionAhead(revision, this.#guard.highest);
      if (!(error instanceof EtcdFailure && error.compacted)) throw asOrreryError(error);
    }
    this.#window.compact(revision);
  }

  async revision(): Promise<number> {
    this.#check();
    return (await told(this.#client.range({ key: this.#layout.mark, keysOnly: true }))).header.revision;
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    this.#check();
    return this.#leases.acquire(name, options);
  }

  onHistoryLost(listener: (loss: HistoryLoss) => void): () => void {
    return this.#guard.listen(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#window.end(storeClosed('etcd'));
    this.#feed.stop();
    this.#leases.close();
    this.#client.connection.close();
  }

  #check(): void {
    if (this.#closing !== undefined) throw storeClosed('etcd');
  }
}

async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw asOrreryError(error);
  }
}
