import type { Client, Informer, InformerHandler, InformerHealth, InformerOptions, Lister } from '../contracts/client.js';
import type { WatchEvent } from '../contracts/transport.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock, Random } from '../kernel/clock.js';
import { OrreryError, errorMessage } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import { type KubeObject, keyOf } from '../model/object.js';
import { Indexer } from './indexer.js';

/** Without an event or a bookmark for so long the watch counts as dead: bookmarks come every ten seconds. */
const SILENCE_MS = 35_000;
const RELIST_BACKOFF = { baseMs: 100, maxMs: 10_000, jitter: 0.2 } as const;

/** What an informer needs. */
export interface ReflectorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Follows one kind for ever: lists, then watches; when the watch ends, fails, expires or falls silent it says so in its health and lists again,
 * with back-off. Ends only by its signal.
 */
export class SharedInformer<T extends KubeObject> implements Informer<T> {
  readonly #indexer: Indexer<T>;
  readonly #handlers = new Set<InformerHandler<T>>();
  #revision = 0;
  #synced = false;
  #relists = -1;
  #problem: string | undefined;
  #lastHeard: number;
  #waiters: { readonly revision: number; resolve(): void }[] = [];

  constructor(
    readonly kind: KindDefinition<T>,
    private readonly selection: InformerOptions<T>,
    private readonly options: ReflectorOptions,
  ) {
    this.#indexer = new Indexer(selection.indexes);
    this.#lastHeard = options.clock.monotonic();
  }

  get lister(): Lister<T> {
    return this.#indexer;
  }

  /** Adds indexes, for a further user of the same informer. */
  addIndexes(indexes: InformerOptions<T>['indexes'] = {}): void {
    for (const [name, of] of Object.entries(indexes)) this.#indexer.addIndex(name, of);
  }

  subscribe(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    if (this.#synced) for (const object of this.#indexer.list()) this.#tell(handler, (h) => h.added?.(object, true));
    return () => this.#handlers.delete(handler);
  }

  synced(signal?: AbortSignal): Promise<void> {
    return this.#until(1, signal, () => this.#synced);
  }

  observed(revision: number, signal: AbortSignal): Promise<void> {
    return this.#until(revision, signal, () => this.#synced && this.#revision >= revision);
  }

  health(): InformerHealth {
    return {
      synced: this.#synced,
      revision: this.#revision,
      silentForMs: this.options.clock.monotonic() - this.#lastHeard,
      relists: Math.max(0, this.#relists),
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }

  /** Runs until the signal aborts. Call once. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#list(signal);
        await this.#watch(signal, () => {
          failures = 0;
        });
        this.#problem = 'the watch ended';
      } catch (error) {
        if (signal.aborted) break;
        failures += 1;
        this.#problem = errorMessage(error);
        this.options.log.warn('informer lost its watch; listing again', { kind: this.kind.kind, error: this.#problem });
        if (ApiError.is(error, 'Expired') && failures === 1) continue;
      }
      await this.options.clock.sleep(backoffDelay(RELIST_BACKOFF, failures, this.options.random), signal).catch(() => signal);
    }
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.selection;
    const list = await this.options.client.kind(this.kind).list({ namespace, ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) });
    if (signal.aborted) return;
    this.#relists += 1;
    const revision = Number(list.metadata.resourceVersion);
    const listed = new Set<string>();
    for (const object of list.items) {
      const key = keyOf(object);
      listed.add(key);
      this.#put(key, object, !this.#synced);
    }
    for (const key of [...this.#indexer.keys()]) if (!listed.has(key)) this.#remove(key);
    this.#problem = undefined;
    this.#synced = true;
    this.#heard(revision);
    this.#revision = revision;
    this.#settle();
  }

  async #watch(signal: AbortSignal, alive: () => void): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.selection;
    const { client, clock } = this.options;
    const silence = new AbortController();
    const watching = AbortSignal.any([signal, silence.signal]);
    let cancel = (): void => {};
    const check = (): void => {
      const left = SILENCE_MS - (clock.monotonic() - this.#lastHeard);
      if (left > 0) cancel = clock.timer(left, check);
      else silence.abort(new OrreryError('TIMEOUT', `No event or bookmark for ${SILENCE_MS} ms.`));
    };
    check();
    try {
      const options = { namespace, resourceVersion: String(this.#revision), allowWatchBookmarks: true, ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
      for await (const chunk of client.kind(this.kind).watchChunks(options, watching)) {
        alive();
        for (const event of chunk) this.#apply(event);
        this.#settle();
      }
      if (silence.signal.aborted) throw silence.signal.reason;
    } finally {
      cancel();
    }
  }

  #apply(event: WatchEvent<T>): void {
    const revision = Number(event.object.metadata.resourceVersion);
    if (revision < this.#revision || (revision === this.#revision && event.type !== 'BOOKMARK' && this.#seen(event.object))) {
      throw new OrreryError('REVISION_AHEAD', `The watch went back from revision ${this.#revision} to ${revision}.`, { from: this.#revision, to: revision });
    }
    if (event.type === 'DELETED') this.#remove(keyOf(event.object), event.object);
    else if (event.type !== 'BOOKMARK') this.#put(keyOf(event.object), event.object, false);
    this.#heard(revision);
  }

  #seen(object: T): boolean {
    return this.#indexer.get(keyOf(object))?.metadata.resourceVersion === object.metadata.resourceVersion;
  }

  #put(key: string, object: T, initial: boolean): void {
    const known = this.#indexer.get(key);
    if (known !== undefined && known.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.#indexer.set(key, object);
    if (known === undefined) for (const handler of this.#handlers) this.#tell(handler, (h) => h.added?.(object, initial));
    else if (known.metadata.uid !== object.metadata.uid) {
      // Deleted and made anew while nobody looked: two objects, not one that changed.
      for (const handler of this.#handlers) {
        this.#tell(handler, (h) => h.deleted?.(known));
        this.#tell(handler, (h) => h.added?.(object, initial));
      }
    } else for (const handler of this.#handlers) this.#tell(handler, (h) => h.updated?.(object, known));
  }

  #remove(key: string, last?: T): void {
    const known = this.#indexer.delete(key);
    const object = last ?? known;
    if (known === undefined || object === undefined) return;
    for (const handler of this.#handlers) this.#tell(handler, (h) => h.deleted?.(object));
  }

  /** A handler that throws breaks its contract; the others must not suffer. */
  #tell(handler: InformerHandler<T>, call: (handler: InformerHandler<T>) => void): void {
    try {
      call(handler);
    } catch (error) {
      this.options.log.error('an informer handler threw', { kind: this.kind.kind, error: errorMessage(error) });
    }
  }

  #heard(revision: number): void {
    this.#lastHeard = this.options.clock.monotonic();
    this.#revision = Math.max(this.#revision, revision);
  }

  #settle(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => waiter.revision <= this.#revision);
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > this.#revision);
    for (const waiter of ready) waiter.resolve();
  }

  #until(revision: number, signal: AbortSignal | undefined, done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((entry) => entry !== waiter);
        reject(new OrreryError('ABORTED', 'Waiting for a cache was aborted.', { kind: this.kind.kind }, signal?.reason));
      };
      const waiter = {
        revision,
        resolve: (): void => {
          signal?.removeEventListener('abort', abort);
          if (done()) resolve();
          else reject(new OrreryError('CLOSED', 'The informer ended.', { kind: this.kind.kind }));
        },
      };
      if (signal?.aborted === true) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
    });
  }
}
