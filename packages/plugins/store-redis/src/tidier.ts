import { type Clock, errorMessage, longLived, OrreryError } from '@orrery/core';
import { scripts } from './lua/index.js';
import type { Ask } from './range.js';

/** Of the time history is kept, how much lies between two marks. */
const MARKS = 16;
const LONGEST_INTERVAL_MS = 30_000;
const SHORTEST_INTERVAL_MS = 500;

/** Has history forgotten by age, and leases that are over removed, now and then. Every process on the store does; a mark is made by the first that comes. */
export class Tidier {
  readonly #stop = longLived(new AbortController());
  #loop: Promise<void> | undefined;

  constructor(
    private readonly ask: Ask,
    private readonly clock: Clock,
    private readonly maxAgeMs: number,
    private readonly problem: (message: string) => void,
  ) {}

  /** Begins. Safe to call again. */
  start(): void {
    this.#loop ??= this.#run();
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const every = Math.ceil(this.maxAgeMs / MARKS);
    const interval = Math.max(SHORTEST_INTERVAL_MS, Math.min(LONGEST_INTERVAL_MS, every));
    let cursor = '0';
    for (;;) {
      try {
        await this.clock.sleep(interval, this.#stop.signal);
        cursor = String((await this.ask(scripts.tidy, { age: this.maxAgeMs, every, cursor }))[2]);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        // The next time will do. Where Redis is away, that was told already.
        if (!OrreryError.is(error, 'UNAVAILABLE')) this.problem(`the history could not be tidied: ${errorMessage(error)}`);
      }
    }
  }
}
