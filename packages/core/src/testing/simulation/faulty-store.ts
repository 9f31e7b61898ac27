import type { CommitResult, Guard, HistoryLoss, RangeOptions, RangeResult, Store, StoreEntry, StoreLease, WatchBatch, WatchOptions, Write } from '../../contracts/store.js';
import type { Clock } from '../../kernel/clock.js';
import { OrreryError } from '../../kernel/errors.js';

/** What goes wrong with one commit. Both waits may come with any outcome. */
export interface CommitFault {
  /** Milliseconds before the store looks at it. */
  readonly beforeMs?: number;
  /** Milliseconds between the write and its answer: watchers know before the writer does. */
  readonly afterMs?: number;
  /**
   * `conflict`: nothing is written, the first guard on a key is named. `refused`: `UNAVAILABLE`, nothing is written.
   * `written` and `lost`: `OUTCOME_UNKNOWN`, and it was written or not.
   */
  readonly outcome?: 'conflict' | 'refused' | 'written' | 'lost';
}

/** What goes wrong with one read: it is late (before or after it was done), or refused with `UNAVAILABLE`. */
export interface ReadFault {
  readonly beforeMs?: number;
  readonly afterMs?: number;
  readonly refused?: boolean;
}

/** What goes wrong with one batch of a watch: it comes late, or the watch ends instead of it. `drop` and `repeat` break the store's promises: for mutants. */
export type WatchFault = { readonly delayMs: number } | { readonly end: 'EXPIRED' | 'UNAVAILABLE' | 'quietly' } | { readonly breach: 'drop' | 'repeat' };

/** What goes wrong with one call about a lease: it waits before or after its effect, is refused, or takes effect but its answer is lost (both are `UNAVAILABLE`). */
export interface LeaseFault {
  readonly beforeMs?: number;
  readonly afterMs?: number;
  readonly outcome?: 'refused' | 'replyLost';
}

/** Decides about each call; undefined: nothing goes wrong. */
export interface StoreFaults {
  commit?(writes: readonly Write[]): CommitFault | undefined;
  read?(): ReadFault | undefined;
  watch?(prefix: string, batch: WatchBatch): WatchFault | undefined;
  lease?(call: 'acquire' | 'renew' | 'release'): LeaseFault | undefined;
}

/** One successful commit, as it happened. */
export interface ObservedCommit {
  readonly revision: number;
  readonly guards: readonly Guard[];
  readonly writes: readonly Write[];
}

/** Sees what a store does. */
export interface StoreObserver {
  /** In the order of revisions, before anybody else hears of it. */
  committed?(commit: ObservedCommit): void;
  /** A watch begins; the returned function gets each batch that its consumer gets. */
  watching?(prefix: string, since: number): (batch: WatchBatch) => void;
  /** A commit was refused because of a guard. */
  refused?(guard: Guard): void;
  /** A lease was taken. */
  acquired?(lease: { readonly name: string; readonly epoch: number }): void;
}

/** A store whose calls fail, wait and break off as told; what it does is done by the store within. */
export class FaultyStore implements Store {
  #watches = 0;
  readonly shared?: boolean;
  readonly onHistoryLost?: (listener: (loss: HistoryLoss) => void) => () => void;

  constructor(
    private readonly inner: Store,
    private readonly clock: Clock,
    private readonly faults: StoreFaults,
    private readonly observer: StoreObserver = {},
  ) {
    if (inner.shared !== undefined) this.shared = inner.shared;
    if (inner.onHistoryLost !== undefined) this.onHistoryLost = (listener) => inner.onHistoryLost?.(listener) ?? (() => {});
  }

  /** Watches that are open. */
  get watches(): number {
    return this.#watches;
  }

  get(key: string): Promise<StoreEntry | undefined> {
    return this.#read(() => this.inner.get(key));
  }

  range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    return this.#read(() => this.inner.range(prefix, options));
  }

  revision(): Promise<number> {
    return this.#read(() => this.inner.revision());
  }

  async commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    const fault = this.faults.commit?.(change.writes);
    if (fault === undefined) return this.#commit(change);
    const { beforeMs, afterMs, outcome } = fault;
    if (beforeMs !== undefined) await this.#wait(beforeMs);
    const guard = change.guards.find((candidate) => 'key' in candidate);
    if (outcome === 'refused') throw new OrreryError('UNAVAILABLE', 'The store does not answer (simulated).');
    if (outcome === 'conflict' && guard !== undefined) {
      const found = await this.inner.get(guard.key);
      return found === undefined ? { ok: false, guard } : { ok: false, guard, found };
    }
    const result = outcome === 'lost' ? undefined : await this.#commit(change);
    if (afterMs !== undefined) await this.#wait(afterMs);
    if (result === undefined || outcome === 'written') throw new OrreryError('OUTCOME_UNKNOWN', 'The connection to the store was lost during a commit (simulated).');
    return result;
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    const observe = this.observer.watching?.(prefix, options.since);
    this.#watches += 1;
    try {
      for await (const batch of this.inner.watch(prefix, options)) {
        const fault = this.faults.watch?.(prefix, batch);
        if (fault !== undefined && 'end' in fault) {
          if (fault.end === 'quietly') return;
          throw new OrreryError(fault.end, 'The watch broke off (simulated).');
        }
        if (fault !== undefined && 'delayMs' in fault) await this.clock.sleep(fault.delayMs, options.signal).catch(() => options.signal);
        if (options.signal.aborted) return;
        if (fault !== undefined && 'breach' in fault) {
          if (fault.breach === 'drop') continue;
          observe?.(batch);
          yield batch;
        }
        observe?.(batch);
        yield batch;
      }
    } finally {
      this.#watches -= 1;
    }
  }

  compact(revision: number): Promise<void> {
    return this.inner.compact(revision);
  }

  async acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    const lease = await this.#lease('acquire', async () => {
      const taken = await this.inner.acquireLease(name, options);
      if (taken !== undefined) this.observer.acquired?.(taken);
      return taken;
    });
    if (lease === undefined) return undefined;
    return { name: lease.name, epoch: lease.epoch, renew: (signal) => this.#lease('renew', () => lease.renew(signal)), release: () => this.#lease('release', () => lease.release()) };
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    const result = await this.inner.commit(change);
    if (!result.ok) this.observer.refused?.(result.guard);
    if (result.ok && change.writes.length > 0) this.observer.committed?.({ revision: result.revision, ...change });
    return result;
  }

  async #lease<T>(call: 'acquire' | 'renew' | 'release', work: () => Promise<T>): Promise<T> {
    const fault = this.faults.lease?.(call);
    if (fault === undefined) return work();
    if (fault.beforeMs !== undefined) await this.#wait(fault.beforeMs);
    if (fault.outcome === 'refused') throw new OrreryError('UNAVAILABLE', 'The store does not answer (simulated).');
    const result = await work();
    if (fault.afterMs !== undefined) await this.#wait(fault.afterMs);
    if (fault.outcome === 'replyLost') throw new OrreryError('UNAVAILABLE', 'The answer of the store was lost (simulated).');
    return result;
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    const fault = this.faults.read?.();
    if (fault === undefined) return read();
    if (fault.beforeMs !== undefined) await this.#wait(fault.beforeMs);
    if (fault.refused === true) throw new OrreryError('UNAVAILABLE', 'The store does not answer (simulated).');
    const result = await read();
    if (fault.afterMs !== undefined) await this.#wait(fault.afterMs);
    return result;
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.clock.timer(delayMs, resolve));
  }
}
