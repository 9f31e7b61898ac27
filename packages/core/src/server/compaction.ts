import type { Store } from '../contracts/store.js';
import type { Clock } from '../kernel/clock.js';
import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';

/** History kept: watchers and pages that began so long ago still work (etcd compaction of kube-apiserver: 5 minutes). */
const KEEP_MS = 300_000;

/** Forgets history older than five minutes, every five minutes, until the signal aborts. */
export async function compactHistory(store: Store, clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
  let before = 0;
  while (!signal.aborted) {
    try {
      const now = await store.revision();
      if (before > 0) await store.compact(before);
      before = now;
    } catch (error) {
      if (OrreryError.is(error, 'CLOSED')) return;
      log.warn('history could not be compacted; trying again in five minutes', { error: errorMessage(error) });
    }
    await clock.sleep(KEEP_MS, signal).catch(() => signal);
  }
}
