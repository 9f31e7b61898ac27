import { seat } from '../kernel/tokens.js';

/** An immutable JSON object. Stores that share memory hand out the very object they were given, so it must never be changed. */
export type StoredValue = Readonly<Record<string, unknown>>;

/** One key's current state. */
export interface StoreEntry {
  readonly key: string;
  readonly value: StoredValue;
  /** The revision at which the key was last created. */
  readonly createRevision: number;
  /** The revision of the last write of this key. */
  readonly modRevision: number;
}

/** What a commit depends on. A key guard with `modRevision: 0` means "must not exist". */
export type Guard =
  | { readonly key: string; readonly modRevision: number }
  /** The lease must be held now under exactly this epoch: an old leader's writes are refused by the store itself. */
  | { readonly lease: string; readonly epoch: number };

/** One change. Keys within one commit must differ. */
export type Write = { readonly key: string; readonly value: StoredValue } | { readonly key: string; readonly delete: true };

/** The outcome of a commit. On a conflict nothing was written. */
export type CommitResult =
  /** `revision` is the new revision, the same for all writes. A commit without writes (guards only) makes no revision and returns the current one. */
  | { readonly ok: true; readonly revision: number }
  /** The first guard that did not hold, and what is there instead (absent: the key does not exist, or the lease is held under another epoch). */
  | { readonly ok: false; readonly guard: Guard; readonly found?: StoreEntry };

/** One change as watchers see it. */
export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** After a put: the new value. After a delete: the last value. */
  readonly value: StoredValue;
  /** The value before this change; absent when the key was created. */
  readonly previous?: StoredValue;
  /** The modRevision of `previous`; 0 when the key was created. */
  readonly previousRevision: number;
  readonly createRevision: number;
  /** The revision of this change, for deletes too. */
  readonly modRevision: number;
}

/**
 * All changes that match the watch of one or more consecutive revisions, the last being `revision`, in order; or none (a bookmark: everything up to
 * `revision` has been delivered). A revision is never split between batches. A store hands over together what is there together, so that a watcher
 * keeps up with writers; it bounds a batch to some thousand events.
 */
export interface WatchBatch {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** A page of entries, all as of one revision. */
export interface RangeResult {
  readonly entries: readonly StoreEntry[];
  readonly revision: number;
  /** More keys follow the last entry. */
  readonly more: boolean;
  /** How many entries follow, if the store can tell cheaply. */
  readonly remaining?: number;
}

/** How a range is read. */
export interface RangeOptions {
  /** Start behind this key (exclusive). */
  readonly after?: string;
  readonly limit?: number;
  /** The state as of this revision. Throws `EXPIRED` when compacted, `REVISION_AHEAD` when not reached yet. */
  readonly atRevision?: number;
}

/** How a watch starts and ends. */
export interface WatchOptions {
  /** Deliver every change with a revision greater than this. */
  readonly since: number;
  readonly signal: AbortSignal;
}

/** A lease that is held. Kept outside the revision history: renewing it makes no revision. */
export interface StoreLease {
  readonly name: string;
  /** Grows with every change of holder, across restarts: a fencing token for {@link Guard}. */
  readonly epoch: number;
  /** Prolongs by the lease's time. Throws `LEASE_LOST` when it is over, even if nobody else holds it. */
  renew(signal: AbortSignal): Promise<void>;
  /** Gives it up so that another can take it at once. Safe to call when lost. */
  release(): Promise<void>;
}

/** Acknowledged history is gone: the engine fell back to an older state (a failover to a replica that lagged, a log cut back). */
export interface HistoryLoss {
  /** The last revision that the old history and the new one have in common. What was acknowledged after it may be lost. */
  readonly lastCommon: number;
  /** The newest revision that this process knew of. */
  readonly seen: number;
  /** How it was noticed, in words for an operator. */
  readonly reason: string;
}

/**
 * The store seat: a linearizable, revisioned key-value store; etcd's model, small enough to implement in a day.
 *
 * Revisions are whole numbers that grow with each successful commit with writes, in the same atomic step as its writes; without gaps and from 1, unless the
 * store's page says otherwise (etcd counts its own). Keys are non-empty strings of printable ASCII up to 1 KiB, ordered by code unit. The store knows no kinds.
 *
 * Watch keeps etcd's promises: **ordered** (by revision), **unique** (each revision once), **atomic** (one revision is never split),
 * **reliable** (no gap), **resumable** (from any revision not compacted, else `EXPIRED`, never silence), **bookmarkable**
 * (a batch at r means everything up to r was delivered).
 *
 * Every method throws `CLOSED` after close. Where the outcome of a commit cannot be learnt it throws `OUTCOME_UNKNOWN`,
 * never a failure or a success that is not certain.
 */
export interface Store extends AsyncDisposable {
  /** Other processes may have the same data open at the same time: orchestrators on it then elect one whose controllers and scheduler act. Default: no. */
  readonly shared?: boolean;
  /** Linearizable read of one key. */
  get(key: string): Promise<StoreEntry | undefined>;
  /** All entries whose key starts with `prefix`, in key order, as of one revision. Linearizable when no revision is given. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>;
  /** All writes at one new revision if all guards hold, else none. Racing commits are serialised. At most 128 guards and 128 writes (`INVALID`), as etcd allows. */
  commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult>;
  /**
   * Changes under `prefix` after `since`, as they happen, and a bookmark at least every ten seconds of silence (and one at once when
   * nothing is left to catch up), so that a consumer can tell silence from death.
   * The iterable ends when the signal aborts. It throws `EXPIRED` when `since` has been compacted, before or during the watch,
   * `REVISION_AHEAD` when `since` is beyond the current revision, `CLOSED`, or `UNAVAILABLE`; nothing follows an error.
   * A consumer that does not read is cut off with `EXPIRED` rather than buffered without bound.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch>;
  /** Forgets history below `revision`: reads and watches from before it throw `EXPIRED`. Current values stay. Compacting the past again does nothing. */
  compact(revision: number): Promise<void>;
  /** The current revision, 0 for an empty new store (unless the store counts otherwise). Linearizable. */
  revision(): Promise<number>;
  /** Takes the lease if nobody holds it (or `holder` already does: the epoch then grows), else undefined. `ttlMs` counts on the store's clock. */
  acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined>;
  /**
   * Tells of each loss of acknowledged history before anything of the new history is told or acknowledged by this store; its watches end with `REVISION_AHEAD` or `EXPIRED`.
   * Returns the removal of the listener, which must not throw. Absent where an engine cannot lose what it acknowledged.
   */
  onHistoryLost?(listener: (loss: HistoryLoss) => void): () => void;
  /** Ends all watches and releases connections. Safe to call twice. */
  close(): Promise<void>;
}

/** The key-value store. One. */
export const Store = seat<Store>('Store');
