import { setMaxListeners } from 'node:events';
import type { Store } from '@orrery/core';
import { quantile } from '../measure.js';

/** Milliseconds from the answer to a commit until its event has reached each of so many watchers, one write at a time. */
export async function watchLatency(store: Store, watchers: number, writes: number): Promise<{ readonly p50Ms: number; readonly p99Ms: number }> {
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const since = await store.revision();
  const committed = new Map<number, number>();
  const told: { readonly revision: number; readonly at: number }[] = [];
  let arrived = (): void => {};
  const reading = Array.from({ length: watchers }, async () => {
    for await (const { events } of store.watch('/registry/bench/watched/', { since, signal: abort.signal })) {
      const at = performance.now();
      for (const { modRevision } of events) told.push({ revision: modRevision, at });
      arrived();
    }
  });
  for (let n = 0; n < writes; n += 1) {
    const result = await store.commit({ guards: [], writes: [{ key: `/registry/bench/watched/${n % 10}`, value: { n } }] });
    if (!result.ok) throw new Error('a conflict nobody made');
    committed.set(result.revision, performance.now());
    while (told.length < (n + 1) * watchers) await new Promise<void>((resolve) => (arrived = resolve));
  }
  abort.abort();
  await Promise.all(reading);
  // An event may come before the answer to its own commit: that is no delay.
  const took = told.map(({ revision, at }) => Math.max(0, at - (committed.get(revision) ?? at)));
  return { p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99) };
}
