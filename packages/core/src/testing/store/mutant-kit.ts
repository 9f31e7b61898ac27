import { byRevision } from './context.js';
import type { CommitResult, Store, StoreEvent, WatchBatch, WatchOptions } from '../../contracts/store.js';

/** A deliberately broken store. */
export interface StoreMutant {
  readonly name: string;
  /** A case that must fail on it. */
  readonly caughtBy: string;
  /** Breaks an honest store. */
  wrap(store: Store): Store;
}

/** What a store commits. */
export type Change = Parameters<Store['commit']>[0];

/** An honest store with some methods replaced. */
export function wrapped(store: Store, broken: Partial<Store>): Store {
  const honest: Store = {
    get: (key) => store.get(key),
    range: (prefix, options) => store.range(prefix, options),
    commit: (change) => store.commit(change),
    watch: (prefix, options) => store.watch(prefix, options),
    compact: (revision) => store.compact(revision),
    revision: () => store.revision(),
    acquireLease: (name, options) => store.acquireLease(name, options),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
  return { ...honest, ...broken };
}

/** Breaks what a watch tells, one revision a batch. */
export const watching = (change: (batches: AsyncIterable<WatchBatch>, options: WatchOptions) => AsyncIterable<WatchBatch>) => (store: Store) =>
  wrapped(store, { watch: (prefix, options) => change(oneByOne(store.watch(prefix, options)), options) });

/** One batch a revision, so that a mutant can meddle with a single one. */
export async function* oneByOne(batches: AsyncIterable<WatchBatch>): AsyncGenerator<WatchBatch> {
  for await (const batch of batches) if (batch.events.length === 0) yield batch; else yield* byRevision(batch);
}

/** Breaks commits. */
export const committing = (commit: (store: Store, change: Change) => Promise<CommitResult>) => (store: Store) => wrapped(store, { commit: (change) => commit(store, change) });

/** Breaks every event that a watch tells. */
export const altered = (alter: (event: StoreEvent) => StoreEvent) =>
  watching(async function* (batches) {
    for await (const batch of batches) yield { ...batch, events: batch.events.map(alter) };
  });

/** An object without one of its properties. */
export const without = <T extends object, K extends keyof T>(object: T, key: K): Omit<T, K> => {
  const { [key]: _gone, ...rest } = object;
  return rest;
};
