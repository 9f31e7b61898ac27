import type {
  CommitResult,
  Guard,
  HistoryLoss,
  RangeOptions,
  RangeResult,
  Store,
  StoreEntry,
  StoreLease,
  WatchBatch,
  WatchOptions,
  Write,
} from '../contracts/store.js';
import { longLived, unlessAborted } from '../kernel/abort.js';
import type { Clock, Random } from '../kernel/clock.js';
import { systemClock, systemRandom } from '../kernel/platform.js';
import { JointQuestion } from './joint-question.js';
import { Replica } from './replica.js';
import { checkKey, checkPrefix, revisionAhead, storeClosed } from './rules.js';
import type { WatchWindow } from './watch-window.js';

/** Options of {@link CachedStore}. */
export interface CachedStoreOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** For the waits between attempts. Default: the machine's chance. */
  readonly random?: Random;
  /** What is mirrored; default everything. Reads of anything else are the inner store's. */
  readonly prefixes?: readonly string[];
  /** How long a read waits for the replica to reach the store's revision before it asks the store itself, milliseconds; default 500. After one in vain none waits until the replica moves. */
  readonly catchUpMs?: number;
  /** Revisions kept in memory for watchers and pages of the past; default 10,000. */
  readonly historyLimit?: number;
  /** Silence after which a watcher gets a bookmark, milliseconds; default 10,000. */
  readonly bookmarkMs?: number;
  /** Told of each failure of the one list or watch, after which it is tried again. Default: nobody; reads and watches tell what concerns them. */
  readonly problem?: (error: unknown) => void;
}

/** What a read may rely on: the replica holds everything up to the revision, as long as its generation stays. */
interface Fresh {
  readonly generation: number;
  readonly revision: number;
}

/**
 * A store whose reads are answered from a replica in this process, linearizably: a read asks the inner store for nothing but its revision (all who read at the same time share one question that
 * began after they asked), waits until the replica has reached it, and is answered from memory; as kube-apiserver's consistent reads from cache (KEP-2340). A list then costs one small question
 * however long it is, and any number of watches cost the inner store one.
 *
 * The inner store answers itself while the replica is not following, when it does not catch up in time, outside the mirrored prefixes, and at revisions that are not held. Commits, leases and
 * compaction are its own. That a revision of the past is not compacted by now, by whatever process, it is asked for each page and each watch that begins there.
 *
 * Not for an etcd that others write to as well: its revision grows with their writes, of which the watch hears a minute later, so most reads are the inner store's.
 *
 * Memory: all that is under the prefixes, once, and the values replaced or deleted in the last `historyLimit` revisions. Values are frozen and shared by all who read them.
 * The replica begins with the first read or watch. Closing closes the inner store too.
 */
export class CachedStore implements Store {
  readonly shared?: boolean;
  readonly onHistoryLost?: (listener: (loss: HistoryLoss) => void) => () => void;
  readonly #replica: Replica;
  readonly #current: JointQuestion<{ readonly revision: number; readonly fresh: () => Promise<Fresh | undefined> }>;
  readonly #prefixes: readonly string[];
  readonly #catchUpMs: number;
  readonly #problem: (error: unknown) => void;
  readonly #over = longLived(new AbortController());
  readonly #lossListeners = new Set<(loss: HistoryLoss) => void>();
  /** Where the replica stood when a read had waited for it in vain. */
  #stalledAt: number | undefined;
  #forgetLosses: () => void = () => {};
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Throws `INVALID` for a prefix that no key could begin with. */
  constructor(
    private readonly store: Store,
    options: CachedStoreOptions = {},
  ) {
    const { clock = systemClock, random = systemRandom, prefixes = [''], catchUpMs = 500, historyLimit, bookmarkMs, problem = () => {} } = options;
    for (const prefix of prefixes) checkPrefix(prefix);
    this.#prefixes = prefixes;
    this.#catchUpMs = catchUpMs;
    this.#problem = problem;
    this.#current = new JointQuestion(() => this.#ask());
    this.#replica = new Replica({
      store,
      clock,
      random,
      prefixes,
      ...(historyLimit !== undefined && { historyLimit }),
      ...(bookmarkMs !== undefined && { bookmarkMs }),
      current: () => this.revision(),
      problem,
    });
    if (store.shared !== undefined) this.shared = store.shared;
    if (store.onHistoryLost !== undefined) {
      // The first to know: nobody who was told may still read what is gone.
      this.#forgetLosses = store.onHistoryLost((loss) => this.#lost(loss));
      this.onHistoryLost = (listener) => {
        const own = (loss: HistoryLoss): void => listener(loss);
        this.#lossListeners.add(own);
        return () => void this.#lossListeners.delete(own);
      };
    }
  }

  /** The replica follows the store, so that reads can be answered from it. */
  get live(): boolean {
    return this.#replica.live;
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#begin();
    checkKey(key);
    const fresh = this.#mirrors(key) ? await this.#fresh() : undefined;
    return this.#holds(fresh) ? this.#replica.entries.get(key) : this.store.get(key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#begin();
    checkPrefix(prefix);
    const { atRevision, ...where } = options;
    if (!this.#mirrors(prefix)) return this.store.range(prefix, options);
    if (atRevision !== undefined) return this.#past(prefix, where, atRevision);
    const fresh = await this.#fresh();
    return this.#holds(fresh) ? this.#replica.entries.page({ prefix, ...where, revision: this.#replica.revision }) : this.store.range(prefix, options);
  }

  commit(change: { readonly guards: readonly Guard[]; readonly writes: readonly Write[] }): Promise<CommitResult> {
    return this.store.commit(change);
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    this.#begin();
    checkPrefix(prefix);
    const { since, signal } = options;
    let window: WatchWindow;
    try {
      window = await this.#replica.expectWindow(signal);
      // Revision 0 is before everything, and cannot be read at.
      if (since < window.last) await unlessAborted(this.#checkKept(prefix, Math.max(since, 1)), signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    yield* window.watch(prefix, options);
  }

  async compact(revision: number): Promise<void> {
    await this.store.compact(revision);
    // Slow watchers have to hear of it, which they do only for what the window has reached.
    if (this.#replica.live) await this.#replica.reached(revision, this.#catchUpMs);
    this.#replica.window?.compact(revision);
  }

  async revision(): Promise<number> {
    this.#check();
    return (await this.#current.answer()).revision;
  }

  acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    return this.store.acquireLease(name, options);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#forgetLosses();
    this.#lossListeners.clear();
    this.#over.abort(storeClosed('cached'));
    await this.#running;
    await this.store.close();
  }

  #check(): void {
    if (this.#closing !== undefined) throw storeClosed('cached');
  }

  #begin(): void {
    this.#check();
    this.#running ??= this.#replica.run(this.#over.signal, storeClosed('cached'));
  }

  #lost(loss: HistoryLoss): void {
    this.#replica.lost(loss);
    for (const listener of [...this.#lossListeners]) listener(loss);
  }

  #mirrors(keyOrPrefix: string): boolean {
    return this.#prefixes.some((prefix) => keyOrPrefix.startsWith(prefix));
  }

  /** What all who ask now may rely on; undefined: the store has to answer. */
  async #fresh(): Promise<Fresh | undefined> {
    if (!this.#replica.live) return undefined;
    return (await this.#current.answer()).fresh();
  }

  async #ask(): Promise<{ readonly revision: number; readonly fresh: () => Promise<Fresh | undefined> }> {
    const { generation, revision: before } = this.#replica;
    const revision = await this.store.revision();
    // A store tells its watchers of nothing that is not there for all; if it now is not, its history went back unnoticed.
    if (revision < before && generation === this.#replica.generation && this.#replica.live) {
      this.#replica.lost({ lastCommon: revision, seen: before, reason: 'the revision went back' });
      this.#problem(revisionAhead(before, revision));
    }
    let reached: Promise<boolean> | undefined;
    const fresh = async (): Promise<Fresh | undefined> => {
      // Where the last wait was in vain and nothing came since, another one would be, too.
      if (this.#replica.revision < revision && this.#replica.revision === this.#stalledAt) return undefined;
      // One wait, and one timer, for all who share the question.
      reached ??= this.#replica.reached(revision, this.#catchUpMs);
      if (await reached) return { generation, revision };
      this.#stalledAt = this.#replica.revision;
      return undefined;
    };
    return { revision, fresh };
  }

  #holds(fresh: Fresh | undefined): boolean {
    this.#check();
    const { live, generation, revision } = this.#replica;
    return fresh !== undefined && live && generation === fresh.generation && revision >= fresh.revision;
  }

  /** A page as of a revision of the past. */
  async #past(prefix: string, where: Omit<RangeOptions, 'atRevision'>, atRevision: number): Promise<RangeResult> {
    const options = { ...where, atRevision };
    if (!this.#keeps(atRevision)) return this.store.range(prefix, options);
    await this.#checkKept(prefix, atRevision);
    // Things may have moved on while it was asked.
    if (!this.#keeps(atRevision)) return this.store.range(prefix, options);
    const { window, entries } = this.#replica;
    return entries.page({ prefix, ...where, revision: atRevision, ...(window !== undefined && { since: window.backTo(atRevision) }) });
  }

  #keeps(revision: number): boolean {
    const { window, live } = this.#replica;
    this.#check();
    return live && window !== undefined && revision >= window.floor && revision <= this.#replica.revision;
  }

  /** Throws `EXPIRED` when a revision has been compacted, by whomever, and `REVISION_AHEAD` when it is none of this history. */
  async #checkKept(prefix: string, atRevision: number): Promise<void> {
    await this.store.range(prefix, { atRevision, limit: 1 });
  }
}
