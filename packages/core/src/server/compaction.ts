import type { Store } from '../contracts/store.js';
import type { Clock } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';

/** History kept: watchers and pages that began so long ago still work (etcd compaction of kube-apiserver: 5 minutes). */
const KEEP_MS = 300_000;

/** Forgets history older than five minutes, every five minutes, until the signal aborts. */
export async function compactHistory(store: Store, clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
  let before = 0;
  // The same numbers are given out again by the history that follows: there they are not five minutes old.
  const unfollow = store.onHistoryLost?.(() => {
    before = 0;
  });
  try {
    while (!signal.aborted) {
      try {
        const due = before;
        before = await store.revision();
        if (due > 0) await store.compact(due);
      } catch (error) {
        if (OrreryError.is(error, 'CLOSED')) return;
        log.warn('history could not be compacted; trying again in five minutes', { error: errorMessage(error) });
      }
      await clock.sleep(KEEP_MS, signal).catch(() => signal);
    }
  } finally {
    unfollow?.();
  }
}
