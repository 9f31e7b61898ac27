import type { Clock } from '../../kernel/clock.js';
import type { Store, StoredValue, StoreEvent, WatchBatch } from '../../contracts/store.js';
import { systemClock } from '../../kernel/platform.js';
import { check, type SuiteContext } from '../suite.js';

/** A fresh store for one case. */
export interface StoreContext extends SuiteContext {
  readonly store: Store;
  /** Another handle on the same data, as another process would have; absent where there can be none. */
  reopen?(): Promise<Store>;
  /** Closes the store and opens the same data again; absent where nothing is kept. */
  restart?(): Promise<Store>;
  /** The shortest time to live that a lease of this store has, milliseconds. Default 50. */
  readonly shortLeaseMs?: number;
  /** Milliseconds of silence after which this store sends a bookmark; cases wait at most three times as long. Default 10,000. */
  readonly bookmarkMs?: number;
  /** False: revisions grow but may leave numbers out, and do not begin at 0 (etcd counts its own). Default true. */
  readonly dense?: boolean;
}

/** Longest wait for something that should come at once. */
export const SOON_MS = 5_000;

/** The promise's value, or a failure in words when it takes longer than `limitMs`. */
export async function soon<T>(promise: Promise<T>, what: string, limitMs = SOON_MS, clock: Clock = systemClock): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.timer(limitMs, () => {
      try {
        check.that(false, `${what} (waited ${limitMs} ms)`);
      } catch (error) {
        reject(error);
      }
    });
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}

/** A small value that can be told from others. */
export const value = (n: number | string): StoredValue => Object.freeze({ n });

/** Writes one key whatever was there; gives the revision. */
export async function put(store: Store, key: string, n: number | string): Promise<number> {
  const result = await store.commit({ guards: [], writes: [{ key, value: value(n) }] });
  check.that(result.ok, `an unguarded write of ${key} must succeed`);
  return result.ok ? result.revision : 0;
}

/** Writes 1 to `count` one after another, each to the key that `keyOf` names; gives the revisions. */
export async function putAll(store: Store, count: number, keyOf: (n: number) => string): Promise<number[]> {
  const revisions: number[] = [];
  for (let n = 1; n <= count; n += 1) revisions.push(await put(store, keyOf(n), n));
  return revisions;
}

/** Deletes one key; gives the revision. */
export async function drop(store: Store, key: string): Promise<number> {
  const result = await store.commit({ guards: [], writes: [{ key, delete: true }] });
  check.that(result.ok, `an unguarded delete of ${key} must succeed`);
  return result.ok ? result.revision : 0;
}

/** Checks the revision of what was written next after `before`: the next number, or any greater one where numbers may be left out. */
export function follows({ dense = true }: StoreContext, revision: number, before: number, what: string): void {
  if (dense) check.equal(revision, before + 1, what);
  else check.that(revision > before, `${what}: ${revision} must be greater than ${before}`);
}

/** Checks that nothing was written since `before`, as far as the current revision can tell. */
export async function unmoved({ store, dense = true }: StoreContext, before: number, what: string): Promise<void> {
  const revision = await store.revision();
  if (dense) check.equal(revision, before, what);
  else check.that(revision >= before, `${what}: ${revision} must not be less than ${before}`);
}

/** Reads a watch in the background and keeps everything that came. */
export class Recorder {
  readonly batches: WatchBatch[] = [];
  error: unknown;
  ended = false;
  readonly #abort = new AbortController();
  #wake: () => void = () => {};
  readonly done: Promise<void>;

  constructor(store: Store, prefix: string, since: number) {
    this.done = this.#read(store, prefix, since);
  }

  /** Waits until the condition holds. */
  async until(condition: (batches: readonly WatchBatch[]) => boolean, what: string, limitMs = SOON_MS): Promise<void> {
    const waiting = async (): Promise<void> => {
      while (!condition(this.batches)) {
        if (this.ended) check.that(false, `${what}: the watch ended first${this.error === undefined ? '' : ` with ${String(this.error)}`}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    };
    await soon(waiting(), `${what}; got ${JSON.stringify(this.batches.map((b) => [b.revision, b.events.map((e) => `${e.type} ${e.key}`)])).slice(0, 600)}`, limitMs);
  }

  /** Waits until everything up to a revision, or the last of some, has been told. */
  reached(revisions: number | readonly number[]): Promise<void> {
    const revision = typeof revisions === 'number' ? revisions : (revisions.at(-1) ?? 0);
    return this.until((batches) => (batches.at(-1)?.revision ?? 0) >= revision, `a watch must tell everything up to revision ${revision}`);
  }

  /** What was told, one entry a revision: a batch may hold several whole revisions. */
  get changes(): readonly WatchBatch[] {
    return this.batches.flatMap(byRevision);
  }

  /** Ends the watch. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await soon(this.done, 'a watch must end when its signal aborts');
  }

  async #read(store: Store, prefix: string, since: number): Promise<void> {
    try {
      for await (const batch of store.watch(prefix, { since, signal: this.#abort.signal })) {
        this.batches.push(batch);
        this.#wake();
      }
    } catch (error) {
      this.error = error;
    } finally {
      this.ended = true;
      this.#wake();
    }
  }
}

/** The revisions of a batch. A revision that comes in two batches, or an event out of place, makes two entries. */
export function byRevision(batch: WatchBatch): WatchBatch[] {
  const revisions: { revision: number; events: StoreEvent[] }[] = [];
  for (const event of batch.events) {
    const last = revisions.at(-1);
    if (last?.revision === event.modRevision) last.events.push(event);
    else revisions.push({ revision: event.modRevision, events: [event] });
  }
  return revisions;
}
