import { type Clock, untilAborted } from '@orrery/core';

/** Lets a loop that sleeps be woken before its time. One that is rung while nobody sleeps shortens the next sleep. */
export class Bell {
  #rung = new AbortController();

  ring(): void {
    this.#rung.abort();
  }

  /** Resolves after `delayMs` (undefined: never by itself), when it is rung, or when the signal aborts. */
  async wait(clock: Clock, delayMs: number | undefined, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#rung.signal]);
    if (delayMs === undefined) await untilAborted(either);
    else await clock.sleep(delayMs, either).catch((error: unknown) => {
      if (!either.aborted) throw error;
    });
    if (this.#rung.signal.aborted) this.#rung = new AbortController();
  }
}
