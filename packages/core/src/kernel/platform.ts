import { randomBytes, randomUUID } from 'node:crypto';
import type { CancelTimer, Clock, Random } from './clock.js';
import { OrreryError } from './errors.js';

// The only file that touches the machine's clocks, timers and chance. Lint holds this.

/** Node's timers fire at once for delays above this many milliseconds; longer ones are cut into pieces. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer(delayMs, fire): CancelTimer {
    let handle: NodeJS.Timeout;
    const arm = (left: number): void => {
      handle = setTimeout(() => (left > LONGEST_TIMER_MS ? arm(left - LONGEST_TIMER_MS) : fire()), Math.max(0, Math.min(left, LONGEST_TIMER_MS)));
    };
    arm(delayMs);
    return () => clearTimeout(handle);
  },
  sleep(delayMs, signal): Promise<void> {
    return sleepOn(systemClock, delayMs, signal);
  },
};

/** The machine's own chance: fast numbers for jitter and tie-breaks, the cryptographic source for identifiers and bytes. */
export const systemRandom: Random = {
  float: () => Math.random(),
  int: (below) => Math.floor(Math.random() * below),
  uuid: () => randomUUID(),
  bytes: (length) => randomBytes(length),
};

/** `Clock.sleep` in terms of `Clock.timer`; every clock uses it, so that abort behaves the same everywhere. */
export function sleepOn(clock: Pick<Clock, 'timer'>, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      reject(new OrreryError('ABORTED', 'Sleep was aborted.', {}, signal.reason));
    };
    if (signal.aborted) {
      reject(new OrreryError('ABORTED', 'Sleep was aborted.', {}, signal.reason));
      return;
    }
    const cancel = clock.timer(delayMs, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** Resolves after everything that is ready to run has run: all promise jobs, once. For clocks of tests. */
export const yieldToPlatform = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
