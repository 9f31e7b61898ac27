import type { CancelTimer, Clock } from '@orrery/core';

/** Lets one loop sleep until there is something to do. A call of `notify` before the sleep is not lost. */
export class Wakeup {
  readonly #clock: Clock;
  #pending = false;
  #resolve: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** There is something to do. */
  notify(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  /** Resolves on the next `notify`, at the given monotonic time, or when the signal aborts. Leaves no timer behind. */
  async wait(until: number | undefined, signal: AbortSignal): Promise<void> {
    let cancel: CancelTimer | undefined;
    const stop = (): void => this.#resolve?.();
    if (!this.#pending && !signal.aborted) {
      signal.addEventListener('abort', stop, { once: true });
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        if (until !== undefined) cancel = this.#clock.timer(until - this.#clock.monotonic(), resolve);
      });
      cancel?.();
      signal.removeEventListener('abort', stop);
      this.#resolve = undefined;
    }
    this.#pending = false;
  }
}
