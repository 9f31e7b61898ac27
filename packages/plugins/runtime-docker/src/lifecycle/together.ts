import { OrreryError, longLived } from '@orrery/core';

/**
 * One run of a piece of work per key, shared by everybody who asks for it meanwhile. It belongs to the runtime: a caller that aborts stops waiting, and the work
 * goes on until it is done or the runtime closes.
 */
export class Together {
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #life = longLived(new AbortController());

  /** Resolves with the result of the run for this key. Throws `ABORTED` as soon as `signal` aborts. */
  run<T>(key: string, signal: AbortSignal, work: (life: AbortSignal) => Promise<T>): Promise<T> {
    const aborted = (): OrreryError => new OrreryError('ABORTED', 'The caller stopped waiting.', {}, signal.reason);
    if (signal.aborted && !this.#life.signal.aborted) return Promise.reject(aborted());
    let running = this.#running.get(key) as Promise<T> | undefined;
    if (running === undefined) {
      running = work(this.#life.signal).finally(() => this.#running.delete(key));
      this.#running.set(key, running);
      // Each waiter hears of a failure; with none left there is nobody to tell, and the next call finds the truth by listing.
      running.catch(() => undefined);
    }
    const shared = running;
    return new Promise<T>((resolve, reject) => {
      const abort = (): void => reject(aborted());
      signal.addEventListener('abort', abort, { once: true });
      shared.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Ends all runs and resolves when they have ended. */
  async close(): Promise<void> {
    this.#life.abort();
    await Promise.allSettled(this.#running.values());
  }
}
