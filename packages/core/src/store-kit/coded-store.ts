import type {
  CommitResult,
  Guard,
  HistoryLoss,
  RangeOptions,
  RangeResult,
  Store,
  StoredValue,
  StoreEntry,
  StoreEvent,
  StoreLease,
  WatchBatch,
  WatchOptions,
  Write,
} from '../contracts/store.js';
import type { ValueCodec } from '../contracts/value-codec.js';
import { OrreryError } from '../kernel/errors.js';

/** Told that a value was left out of lists and watches, once a version. */
export type Unreadable = (key: string, error: OrreryError) => void;

type Later<T> = T | Promise<T>;

/** Versions that were told of, at most. */
const TOLD = 1_000;

/**
 * A store whose values are kept as a codec encodes them.
 *
 * A value that is `UNREADABLE` counts as absent in lists and watches, so that one that was damaged does not take all others of its kind with it: lists leave it out, and a watch
 * tells its coming as a delete (or nothing) and its end as a creation (or nothing). `get`, and a conflict that would have to show it, throw. Any other error of the codec fails
 * the whole call: a key that is missing from the configuration must never look as if everything had been deleted.
 */
export class CodedStore implements Store {
  readonly shared?: boolean;
  readonly onHistoryLost?: (listener: (loss: HistoryLoss) => void) => () => void;
  /** What was decoded, or was encoded here, by what is stored: with a store that shares memory each version is decoded once at most. */
  readonly #known = new WeakMap<StoredValue, { readonly key: string; readonly value: StoredValue }>();
  /** Versions of unreadable values that were told of. */
  readonly #told = new Map<string, number>();

  constructor(
    private readonly store: Store,
    private readonly codec: ValueCodec,
    private readonly unreadable: Unreadable = () => {},
  ) {
    if (store.shared !== undefined) this.shared = store.shared;
    if (store.onHistoryLost !== undefined) this.onHistoryLost = (listener) => (store.onHistoryLost as NonNullable<Store['onHistoryLost']>)(listener);
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    const entry = await this.store.get(key);
    return entry === undefined ? undefined : this.#entry(entry);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const { limit } = options;
    const entries: StoreEntry[] = [];
    let asked = options;
    for (;;) {
      const page = await this.store.range(prefix, asked);
      for (const decoded of await eachOf(page.entries, (entry) => this.#readable(entry))) if (decoded !== undefined) entries.push(decoded);
      const last = page.entries.at(-1);
      // Who pages goes on behind the last entry it got, so a page must not be short while there are more.
      if (!page.more || limit === undefined || entries.length >= limit || last === undefined) return { ...page, entries };
      asked = { ...options, after: last.key, limit: limit - entries.length, atRevision: page.revision };
    }
  }

  async commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    const encoded = eachOf(change.writes, (write) => this.#encoded(write));
    const writes = encoded instanceof Promise ? await encoded : encoded;
    const result = await this.store.commit({ guards: change.guards, writes });
    return result.ok || result.found === undefined ? result : { ...result, found: await this.#entry(result.found) };
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    for await (const batch of this.store.watch(prefix, options)) {
      const decoded = eachOf(batch.events, (event) => this.#event(event));
      const events = decoded instanceof Promise ? await decoded : decoded;
      if (options.signal.aborted) return;
      yield { revision: batch.revision, events: events.filter((event) => event !== undefined) };
    }
  }

  compact(revision: number): Promise<void> {
    return this.store.compact(revision);
  }

  revision(): Promise<number> {
    return this.store.revision();
  }

  acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    return this.store.acquireLease(name, options);
  }

  close(): Promise<void> {
    return this.store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #encoded(write: Write): Later<Write> {
    if ('delete' in write) return write;
    const { key, value } = write;
    return then(this.codec.encode(key, value), (stored) => {
      if (stored !== value) this.#known.set(stored, { key, value });
      return { key, value: stored };
    });
  }

  #decode(key: string, stored: StoredValue): Later<StoredValue> {
    const known = this.#known.get(stored);
    // For another key it must be refused, so it is decoded again.
    if (known?.key === key) return known.value;
    return then(this.codec.decode(key, stored), (value) => {
      if (value !== stored) this.#known.set(stored, { key, value });
      return value;
    });
  }

  #entry(entry: StoreEntry): Later<StoreEntry> {
    return then(this.#decode(entry.key, entry.value), (value) => (value === entry.value ? entry : { ...entry, value }));
  }

  #readable(entry: StoreEntry): Later<StoreEntry | undefined> {
    return then(this.#valueIfReadable(entry.key, entry.value, entry.modRevision), (value) => {
      if (value === undefined) return undefined;
      return value === entry.value ? entry : { ...entry, value };
    });
  }

  #event(event: StoreEvent): Later<StoreEvent | undefined> {
    const { key, previousRevision, modRevision } = event;
    const before = event.previous === undefined ? [] : [{ stored: event.previous, revision: previousRevision }];
    const now = event.type === 'delete' ? [] : [{ stored: event.value, revision: modRevision }];
    return then(
      eachOf([...before, ...now], ({ stored, revision }) => this.#valueIfReadable(key, stored, revision)),
      (values) => asSeen(event, values[before.length], event.previous === undefined ? undefined : values[0]),
    );
  }

  /** Undefined for a value that alone cannot be read. */
  #valueIfReadable(key: string, stored: StoredValue, revision: number): Later<StoredValue | undefined> {
    const missing = (error: unknown): undefined => {
      if (!OrreryError.is(error, 'UNREADABLE')) throw error;
      this.#tell(key, revision, error);
      return undefined;
    };
    try {
      const value = this.#decode(key, stored);
      return value instanceof Promise ? value.catch(missing) : value;
    } catch (error) {
      return missing(error);
    }
  }

  #tell(key: string, revision: number, error: OrreryError): void {
    if (this.#told.get(key) === revision) return;
    this.#told.delete(key);
    this.#told.set(key, revision);
    if (this.#told.size > TOLD) this.#told.delete(this.#told.keys().next().value as string);
    this.unreadable(key, error);
  }
}

/** The change as it looks to who never sees unreadable values; undefined when there is nothing to be seen. */
function asSeen(event: StoreEvent, value: StoredValue | undefined, previous: StoredValue | undefined): StoreEvent | undefined {
  if (previous === event.previous && (event.type === 'delete' || value === event.value)) return event;
  const { key, createRevision, modRevision, previousRevision } = event;
  const base = { key, createRevision, modRevision };
  if (event.type === 'delete' || value === undefined) {
    return previous === undefined ? undefined : { ...base, type: 'delete', value: previous, previous, previousRevision };
  }
  return previous === undefined ? { ...base, type: 'put', value, previousRevision: 0 } : { ...base, type: 'put', value, previous, previousRevision };
}

/** Goes on at once with what is there at once. */
function then<T, R>(value: Later<T>, next: (value: T) => Later<R>): Later<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Each of them, at once if all are there at once. */
function eachOf<T, R>(items: readonly T[], work: (item: T) => Later<R>): Later<R[]> {
  const results: Later<R>[] = [];
  try {
    for (const item of items) results.push(work(item));
  } catch (error) {
    // One error is told; those still under way may fail as well and have nobody to tell.
    for (const result of results) if (result instanceof Promise) result.catch((also: unknown) => also);
    throw error;
  }
  return results.some((result) => result instanceof Promise) ? Promise.all(results) : (results as R[]);
}
