import type { CommitResult, Guard, HistoryLoss, RangeOptions, RangeResult, Store, StoreEntry, StoreLease, WatchBatch, WatchOptions, Write } from '../../contracts/store.js';
import { OrreryError } from '../../kernel/errors.js';

type Change = { readonly guards: readonly Guard[]; readonly writes: readonly Write[] };

/** A store that can lose the end of its history, as an engine does that fails over to a replica which lagged; and that says so, as the contract asks. Leases are lost with it. */
export class LosingStore implements Store {
  #store: Store;
  /** What each revision wrote; revision r is at r - 1. */
  #made: (readonly Write[])[] = [];
  readonly #listeners = new Set<(loss: HistoryLoss) => void>();
  /** Commits under way: a loss waits for them. */
  #busy: Promise<unknown> = Promise.resolve();

  /** @param make an empty store whose revisions have no gaps; called once now, and again at each loss */
  constructor(private readonly make: () => Store) {
    this.#store = make();
  }

  /** Everything after a revision never happened. Resolves when that was told and the store goes on. */
  async lose(lastCommon: number): Promise<void> {
    await this.#busy;
    const old = this.#store;
    const seen = await old.revision();
    const fresh = this.make();
    this.#made = this.#made.slice(0, lastCommon);
    for (const writes of this.#made) await fresh.commit({ guards: [], writes });
    this.#store = fresh;
    for (const listener of this.#listeners) listener({ lastCommon, seen, reason: 'it was told to lose it (simulated)' });
    await old.close();
  }

  onHistoryLost(listener: (loss: HistoryLoss) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  commit(change: Change): Promise<CommitResult> {
    // One after another: what a revision wrote must be told for certain.
    const committing = this.#busy.then(async () => {
      const before = await this.#store.revision();
      const result = await this.#store.commit(change);
      if (result.ok && result.revision > before) this.#made[result.revision - 1] = change.writes;
      return result;
    });
    this.#busy = Promise.allSettled([this.#busy, committing]);
    return committing;
  }

  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    const store = this.#store;
    try {
      yield* store.watch(prefix, options);
    } catch (error) {
      if (store !== this.#store && OrreryError.is(error, 'CLOSED')) throw new OrreryError('REVISION_AHEAD', 'History was lost (simulated).', {}, error);
      throw error;
    }
  }

  get(key: string): Promise<StoreEntry | undefined> {
    return this.#store.get(key);
  }
  range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    return this.#store.range(prefix, options);
  }
  compact(revision: number): Promise<void> {
    return this.#store.compact(revision);
  }
  revision(): Promise<number> {
    return this.#store.revision();
  }
  acquireLease(name: string, options: { readonly holder: string; readonly ttlMs: number }): Promise<StoreLease | undefined> {
    return this.#store.acquireLease(name, options);
  }
  close(): Promise<void> {
    return this.#store.close();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
