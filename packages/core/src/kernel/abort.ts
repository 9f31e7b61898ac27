import { setMaxListeners } from 'node:events';

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
