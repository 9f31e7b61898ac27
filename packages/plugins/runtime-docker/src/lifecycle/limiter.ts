import { OrreryError } from '@orrery/core';

/** At most so many at once; the others wait their turn, first come first served. */
export class Limiter {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs the work when it is its turn. Throws `ABORTED` when `signal` aborts before that. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limit) this.#running += 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      // The place is handed on, not given back, so that nobody overtakes.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(new OrreryError('ABORTED', 'Waiting for a turn to start was aborted.', {}, signal.reason));
      };
      if (signal.aborted) return reject(new OrreryError('ABORTED', 'Waiting for a turn to start was aborted.', {}, signal.reason));
      this.#waiting.push(go);
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}
