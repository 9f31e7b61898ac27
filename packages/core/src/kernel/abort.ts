import { setMaxListeners } from 'node:events';
import { OrreryError } from './errors.js';

/** A controller whose signal many parts listen to for long: Node's warning about more than ten listeners does not apply. */
export function longLived(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Resolves when the signal aborts, at once when it has. For parts that only wait for their end. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The promise's outcome, or `ABORTED` as soon as the signal aborts (at once if it already has); leaves no listener behind. What becomes of the promise then concerns nobody. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      signal.removeEventListener('abort', abort);
      reject(new OrreryError('ABORTED', 'Waiting was aborted.', {}, signal.reason));
    };
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
