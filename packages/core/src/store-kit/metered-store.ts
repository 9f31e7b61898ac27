import { exponentialBuckets, type Instruments } from '../contracts/instruments.js';
import type { Store } from '../contracts/store.js';
import type { Clock } from '../kernel/clock.js';

/** kube-apiserver's, for its requests to etcd. */
const BUCKETS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
const FAST = exponentialBuckets(0.0001, 2, 5);

/** The same store, with how long it takes to answer shown under kube-apiserver's name for that, `etcd_request_duration_seconds`, whatever store it is. The very same store where nobody collects. */
export function meteredStore(store: Store, clock: Clock, instruments: Instruments): Store {
  if (!instruments.enabled) return store;
  const labels = ['operation'] as const;
  const took = instruments.histogram({ name: 'etcd_request_duration_seconds', help: 'How long the store took to answer.', labels, buckets: [...FAST, ...BUCKETS] });
  const failed = instruments.counter({ name: 'etcd_request_errors_total', help: 'Requests to the store that failed.', labels });
  const timed = <Args extends unknown[], Result>(operation: string, ask: (...args: Args) => Promise<Result>) => {
    const label = { operation };
    return async (...args: Args): Promise<Result> => {
      const began = clock.monotonic();
      try {
        return await ask(...args);
      } catch (error) {
        failed.add(label);
        throw error;
      } finally {
        took.observe(label, (clock.monotonic() - began) / 1000);
      }
    };
  };
  return {
    ...(store.shared !== undefined && { shared: store.shared }),
    get: timed('get', async (key) => store.get(key)),
    range: timed('list', async (prefix, options) => store.range(prefix, options)),
    commit: timed('commit', async (change) => store.commit(change)),
    compact: timed('compact', async (revision) => store.compact(revision)),
    watch: (prefix, options) => store.watch(prefix, options),
    revision: () => store.revision(),
    acquireLease: (name, options) => store.acquireLease(name, options),
    ...(store.onHistoryLost !== undefined && { onHistoryLost: (listener) => store.onHistoryLost?.(listener) ?? (() => {}) }),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
