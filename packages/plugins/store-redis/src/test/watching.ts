import type { HistoryLoss, StoreEvent } from '@orrery/core';
import { expect } from 'vitest';
import type { RedisStore } from '../redis-store.js';

/** A watch read in the background. */
export interface Watching {
  readonly events: StoreEvent[];
  /** The revision up to which all was told. */
  readonly revision: number;
  readonly error: unknown;
  reached(revision: number): Promise<void>;
  stop(): void;
}

/** Starts to watch everything. */
export function watching(store: RedisStore, since: number, prefix = '/'): Watching {
  const abort = new AbortController();
  const watch = { events: [] as StoreEvent[], revision: -1, error: undefined as unknown };
  void (async () => {
    try {
      for await (const batch of store.watch(prefix, { since, signal: abort.signal })) {
        watch.events.push(...batch.events);
        watch.revision = batch.revision;
      }
    } catch (error) {
      watch.error = error;
    }
  })();
  return {
    ...{ events: watch.events },
    get revision() {
      return watch.revision;
    },
    get error() {
      return watch.error;
    },
    reached: (revision) => expect.poll(() => (watch.error === undefined ? watch.revision : watch.error), { timeout: 30_000 }).toBe(revision).then(() => undefined),
    stop: () => abort.abort(),
  };
}

/** Each revision from `since` on once, in order. */
export function expectNoGaps(events: readonly StoreEvent[], since = 0): void {
  const revisions = [...new Set(events.map(({ modRevision }) => modRevision))];
  expect(revisions).toEqual(Array.from({ length: revisions.length }, (_, i) => since + 1 + i));
}

/** Collects losses of history. */
export function lossesOf(store: RedisStore): HistoryLoss[] {
  const losses: HistoryLoss[] = [];
  store.onHistoryLost((loss) => losses.push(loss));
  return losses;
}

/** Writes one key whatever was there. Throws what the commit throws. */
export async function put(store: RedisStore, key: string, n: number | string = 1): Promise<number> {
  const result = await store.commit({ guards: [], writes: [{ key, value: { n } }] });
  if (!result.ok) throw new Error('an unguarded write was refused');
  return result.revision;
}
