import type { Client, Informer, InformerHandler, InformerHealth, InformerOptions, Lister } from '../contracts/client.js';
import type { WatchEvent } from '../contracts/transport.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock, Random } from '../kernel/clock.js';
import { OrreryError, errorMessage } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { untilSilent } from '../kernel/until-silent.js';
import { within } from '../kernel/within.js';
import { ApiError } from '../model/api-error.js';
import { equalJson } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import { type KubeObject, keyOf } from '../model/object.js';
import { Indexer } from './indexer.js';

/** Bookmarks come every ten seconds. */
const SILENCE_MS = 35_000;
/** A list that is not answered for so long counts as failed. */
const LIST_MS = 60_000;
/** A watch that held for so long was a good one: the back-off begins anew. */
const STEADY_MS = 10_000;
const RELIST_BACKOFF = { baseMs: 100, maxMs: 10_000, jitter: 0.2 } as const;

/** What an informer needs. */
export interface ReflectorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Without an event or a bookmark for so long, in milliseconds, a watch counts as dead; default 35,000. */
  readonly silenceMs?: number | undefined;
}

interface Subscription<T extends KubeObject> {
  readonly handler: InformerHandler<T>;
  live: boolean;
}

/**
 * Follows one kind for ever: lists, then watches; when the watch ends, fails, expires or falls silent it says so in its health and lists again,
 * with back-off. Ends only by its signal.
 */
export class SharedInformer<T extends KubeObject> implements Informer<T> {
  readonly #indexer: Indexer<T>;
  /** Never changed, only exchanged: whoever is being told something is not disturbed by who comes or goes. */
  #subscriptions: readonly Subscription<T>[] = [];
  #revision = 0;
  #synced = false;
  #ended = false;
  #lists = 0;
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
    const subscription = { handler, live: true };
    this.#subscriptions = [...this.#subscriptions, subscription];
    for (const object of this.#indexer.list()) this.#tell([subscription], (h) => h.added?.(object, true));
    return () => {
      subscription.live = false;
      this.#subscriptions = this.#subscriptions.filter((other) => other !== subscription);
    };
  }

  synced(signal?: AbortSignal): Promise<void> {
    return this.#until(0, signal);
  }

  observed(revision: number, signal: AbortSignal): Promise<void> {
    return this.#until(revision, signal);
  }

  health(): InformerHealth {
    return {
      synced: this.#synced,
      revision: this.#revision,
      silentForMs: this.options.clock.monotonic() - this.#lastHeard,
      relists: Math.max(0, this.#lists - 1),
      ...(this.#problem !== undefined && { problem: this.#problem }),
    };
  }

  /** Runs until the signal aborts. Call once. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.options;
    let failures = 0;
    while (!signal.aborted) {
      const since = clock.monotonic();
      const error = await this.#follow(signal);
      if (signal.aborted) break;
      // A watch that ends at once, time and again, is as bad as one that fails: without back-off it would list without end.
      failures = clock.monotonic() - since >= STEADY_MS ? 1 : failures + 1;
      this.#problem = errorMessage(error);
      log.warn('informer lost its watch; listing again', { kind: this.kind.kind, error: this.#problem });
      if (ApiError.is(error, 'Expired') && failures === 1) continue;
      await clock.sleep(backoffDelay(RELIST_BACKOFF, failures, random), signal).catch(() => signal);
    }
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /** One list and its watch; answers why it is over. */
  async #follow(signal: AbortSignal): Promise<unknown> {
    try {
      await this.#list(signal);
      await this.#watch(signal);
      return new OrreryError('UNAVAILABLE', 'The watch ended.');
    } catch (error) {
      return error;
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, client } = this.options;
    const late = (): OrreryError => new OrreryError('TIMEOUT', `The list was not answered within ${LIST_MS} ms.`);
    const list = await within(client.kind(this.kind).list(this.#selected()), clock, LIST_MS, late, signal);
    const revision = revisionOf(list.metadata.resourceVersion);
    // History was cut back: the same version may now stand for another state.
    const rewound = revision < this.#revision;
    this.#lists += 1;
    const listed = new Set<string>();
    for (const object of list.items) {
      const key = keyOf(object);
      listed.add(key);
      this.#put(key, object, !this.#synced, rewound);
    }
    for (const key of [...this.#indexer.keys()]) if (!listed.has(key)) this.#remove(key);
    this.#problem = undefined;
    this.#synced = true;
    this.#heard(revision);
    this.#settle();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, clock, silenceMs = SILENCE_MS } = this.options;
    const options = { ...this.#selected(), resourceVersion: String(this.#revision), allowWatchBookmarks: true };
    const chunks = untilSilent((ended) => client.kind(this.kind).watchChunks(options, ended), { clock, limitMs: silenceMs, signal });
    for await (const chunk of chunks) {
      for (const event of chunk) this.#apply(event);
      this.#settle();
    }
  }

  #selected(): { namespace?: string | undefined; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.selection;
    return { namespace, ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
  }

  #apply(event: WatchEvent<T>): void {
    const revision = revisionOf(event.object.metadata.resourceVersion);
    if (revision < this.#revision || (revision === this.#revision && event.type !== 'BOOKMARK' && this.#seen(event.object))) {
      throw new OrreryError('REVISION_AHEAD', `The watch went back from revision ${this.#revision} to ${revision}.`, { from: this.#revision, to: revision });
    }
    if (event.type === 'DELETED') this.#remove(keyOf(event.object), event.object);
    else if (event.type !== 'BOOKMARK') this.#put(keyOf(event.object), event.object, false, false);
    this.#heard(revision);
  }

  #seen(object: T): boolean {
    return this.#indexer.get(keyOf(object))?.metadata.resourceVersion === object.metadata.resourceVersion;
  }

  #put(key: string, object: T, initial: boolean, rewound: boolean): void {
    const known = this.#indexer.get(key);
    if (known?.metadata.resourceVersion === object.metadata.resourceVersion && (!rewound || equalJson(known, object))) return;
    this.#indexer.set(key, object);
    const told = this.#subscriptions;
    if (known === undefined) this.#tell(told, (h) => h.added?.(object, initial));
    else if (known.metadata.uid !== object.metadata.uid) {
      // Deleted and made anew while nobody looked: two objects, not one that changed.
      this.#tell(told, (h) => h.deleted?.(known));
      this.#tell(told, (h) => h.added?.(object, initial));
    } else this.#tell(told, (h) => h.updated?.(object, known));
  }

  /** What it follows is no more: all objects are gone. */
  empty(): void {
    for (const key of [...this.#indexer.keys()]) this.#remove(key);
  }

  #remove(key: string, last?: T): void {
    const known = this.#indexer.delete(key);
    if (known !== undefined) this.#tell(this.#subscriptions, (h) => h.deleted?.(last ?? known));
  }

  /** A handler that throws breaks its contract; the others must not suffer. */
  #tell(subscriptions: readonly Subscription<T>[], call: (handler: InformerHandler<T>) => void): void {
    for (const { handler, live } of subscriptions) {
      if (!live) continue;
      try {
        call(handler);
      } catch (error) {
        this.options.log.error('an informer handler threw', { kind: this.kind.kind, error: errorMessage(error) });
      }
    }
  }

  #heard(revision: number): void {
    this.#lastHeard = this.options.clock.monotonic();
    this.#revision = revision;
  }

  #settle(): void {
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((waiter) => waiter.revision <= this.#revision);
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > this.#revision);
    for (const waiter of ready) waiter.resolve();
  }

  /** Resolves once the cache is synced and at the revision; rejects with `ABORTED` by the signal and with `CLOSED` when the informer ends first. */
  #until(revision: number, signal: AbortSignal | undefined): Promise<void> {
    const done = (): boolean => this.#synced && this.#revision >= revision;
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
      if (this.#ended) return waiter.resolve();
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
    });
  }
}

/** A version as a number. Throws `INVALID`: with a version that is none, nothing could be compared any more. */
function revisionOf(version: string | undefined): number {
  const revision = Number(version === '' ? undefined : version);
  if (!Number.isSafeInteger(revision) || revision < 0) throw new OrreryError('INVALID', `The resourceVersion ${JSON.stringify(version)} is not a whole number.`);
  return revision;
}
