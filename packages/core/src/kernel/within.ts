import type { Clock } from './clock.js';
import { OrreryError } from './errors.js';

/** The promise, or the error after `timeoutMs`, or `ABORTED` as soon as the signal aborts; leaves no timer and no listener behind. */
export function within<T>(promise: Promise<T>, clock: Clock, timeoutMs: number, error: () => Error, signal?: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      leave();
      reject(new OrreryError('ABORTED', 'Waiting was aborted.', {}, signal?.reason));
    };
    const cancel = clock.timer(timeoutMs, () => {
      leave();
      reject(error());
    });
    const leave = (): void => {
      cancel();
      signal?.removeEventListener('abort', abort);
    };
    promise.then(
      (value) => {
        leave();
        resolve(value);
      },
      (cause: unknown) => {
        leave();
        reject(cause);
      },
    );
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
