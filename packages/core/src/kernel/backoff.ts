import type { Random } from './clock.js';

/** An exponential back-off. */
export interface BackoffPolicy {
  /** Delay after the first failure, milliseconds. */
  readonly baseMs: number;
  /** No delay is longer. */
  readonly maxMs: number;
  /** Growth from one failure to the next; default 2. */
  readonly factor?: number;
  /** Part of the delay that is random, 0 to 1; default 0. 0.1 means 90 % to 100 % of the computed delay. */
  readonly jitter?: number;
}

/** Milliseconds to wait after the `failures`-th failure in a row (1 = the first). */
export function backoffDelay(policy: BackoffPolicy, failures: number, random?: Random): number {
  const { baseMs, maxMs, factor = 2, jitter = 0 } = policy;
  const full = Math.min(maxMs, baseMs * factor ** Math.min(Math.max(0, failures - 1), 60));
  return random === undefined || jitter === 0 ? full : full * (1 - jitter * random.float());
}
