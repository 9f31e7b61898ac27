import type { Clock, Random } from '@orrery/core';
import { isBusy } from './errors.js';

/** How long to try, and what ends it early. */
export interface Patience {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** Does it again while somebody holds a lock, up to a limit; then throws SQLite's error. The first attempt is made before it returns. */
export async function whileBusy<T>(work: () => T, { clock, random, limitMs, signal }: Patience): Promise<T> {
  const until = clock.monotonic() + limitMs;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || clock.monotonic() > until) throw error;
    }
    // Aborted: the next attempt says why.
    await clock.sleep(1 + 4 * random.float(), signal).catch((error: unknown) => error);
  }
}
