import { setMaxListeners } from 'node:events';

/** A controller whose signal many parts listen to for long: Node's warning about more than ten listeners does not apply. */
export function longLived(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}
