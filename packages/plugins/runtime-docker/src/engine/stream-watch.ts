import type { Readable } from 'node:stream';
import { OrreryError, longLived } from '@orrery/core';
import type { Clock } from '@orrery/core';

/** The engine is given up after so many questions in a row without an answer. */
const MISSES = 2;

/**
 * Ends what hangs on a dead engine. A stream that says nothing looks the same whether nothing happens or the other side is gone;
 * so while anything is open the engine is asked whether it is alive, and everything is ended with `UNAVAILABLE` when it does not answer.
 */
export class StreamWatch {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #ask: (signal: AbortSignal) => Promise<unknown>;
  readonly #guarded = new Set<(error: OrreryError) => void>();
  readonly #closing = longLived(new AbortController());
  #asking = false;

  constructor(clock: Clock, everyMs: number, ask: (signal: AbortSignal) => Promise<unknown>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#ask = ask;
  }

  /** Watches a stream until it closes; ends it when one of the signals aborts. */
  add(stream: Readable, signals: readonly AbortSignal[]): void {
    const aborted = (): void => void stream.destroy();
    const done = this.guard((error) => void stream.destroy(error));
    for (const signal of signals) signal.addEventListener('abort', aborted, { once: true });
    stream.once('close', () => {
      done();
      for (const signal of signals) signal.removeEventListener('abort', aborted);
    });
    // Whoever reads hears errors through the reading; an error that comes when nobody reads must not end the process.
    stream.on('error', () => undefined);
    if (signals.some((signal) => signal.aborted)) aborted();
  }

  /** Calls `lost` when the engine stops answering, until the returned function is called. */
  guard(lost: (error: OrreryError) => void): () => void {
    this.#guarded.add(lost);
    if (!this.#asking && !this.#closing.signal.aborted) void this.#run();
    return () => this.#guarded.delete(lost);
  }

  /** Stops asking. */
  close(): void {
    this.#closing.abort();
    this.#guarded.clear();
  }

  async #run(): Promise<void> {
    this.#asking = true;
    const { signal } = this.#closing;
    let misses = 0;
    while (this.#guarded.size > 0 && !signal.aborted) {
      const slept = await this.#clock.sleep(this.#everyMs, signal).then(() => true, () => false);
      if (!slept || this.#guarded.size === 0) break;
      const answered = await this.#ask(signal).then(() => true, () => false);
      misses = answered ? 0 : misses + 1;
      if (misses < MISSES || signal.aborted) continue;
      const error = new OrreryError('UNAVAILABLE', 'The engine no longer answers; its streams are given up.');
      for (const lost of [...this.#guarded]) {
        this.#guarded.delete(lost);
        lost(error);
      }
    }
    this.#asking = false;
  }
}
