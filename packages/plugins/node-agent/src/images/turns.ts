import { OrreryError } from '@orrery/core';

/** Lets at most so many work at once, in the order they came. */
export class Turns {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  /** Runs the work when there is a place. Throws `ABORTED` when `signal` aborts before that. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#place(signal);
    try {
      return await work();
    } finally {
      // A place is handed on, so that nobody who comes later takes it.
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #place(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(take);
        signal.removeEventListener('abort', abort);
      };
      const take = (): void => {
        leave();
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(new OrreryError('ABORTED', 'Waiting for a turn was aborted.', {}, signal.reason));
      };
      if (signal.aborted) return abort();
      this.#waiting.add(take);
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}
