import { longLived } from './abort.js';
import type { Clock } from './clock.js';
import { OrreryError } from './errors.js';

/** How long a stream may say nothing, and who may end it. */
export interface SilenceOptions {
  readonly clock: Clock;
  /** Milliseconds of waiting for the next item after which the stream counts as dead. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * What a stream yields. Ends when the stream ends or the signal aborts; throws what it throws, and `TIMEOUT` when nothing came for too long.
 * Does not trust the stream: one that neither answers nor heeds the signal it was opened with is left behind.
 */
export async function* untilSilent<T>(open: (signal: AbortSignal) => AsyncIterable<T>, options: SilenceOptions): AsyncGenerator<T, void, undefined> {
  const { clock, limitMs, signal } = options;
  if (signal.aborted) return;
  const over = longLived(new AbortController());
  const iterator = open(over.signal)[Symbol.asyncIterator]();
  let waiting: { resolve(result: IteratorResult<T, unknown>): void; reject(error: unknown): void } | undefined;
  let askedAt = clock.monotonic();
  let cancel = (): void => {};
  const check = (): void => {
    const left = waiting === undefined ? limitMs : limitMs - (clock.monotonic() - askedAt);
    if (left > 0) cancel = clock.timer(left, check);
    else waiting?.reject(new OrreryError('TIMEOUT', `Nothing was heard for ${limitMs} ms.`));
  };
  const stop = (): void => waiting?.resolve({ done: true, value: undefined });
  // One promise an item: a race with a promise that lives as long as the stream would remember every item.
  const next = (): Promise<IteratorResult<T, unknown>> =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      askedAt = clock.monotonic();
      iterator.next().then(resolve, reject);
    });

  signal.addEventListener('abort', stop, { once: true });
  check();
  try {
    while (!signal.aborted) {
      const result = await next();
      waiting = undefined;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    cancel();
    signal.removeEventListener('abort', stop);
    over.abort(new OrreryError('ABORTED', 'Nobody listens any more.'));
    // Not awaited: what hangs would hang this too. How it ends concerns nobody any more.
    void Promise.resolve(iterator.return?.()).catch((error: unknown) => error);
  }
}
