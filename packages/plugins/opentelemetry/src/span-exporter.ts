import { type Clock, errorMessage, type Logger, longLived, type SpanRecord, type Tracer } from '@orrery/core';
import { otlpRequest } from './otlp-json.js';
import { post } from './post.js';

/** Where spans go, and how many. */
export interface SpanExporterOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Which part of all traces is followed, 0 to 1. */
  readonly ratio: number;
  /** Spans that wait at most; further ones are dropped. */
  readonly buffer: number;
  /** Spans of one request at most. */
  readonly batch: number;
  /** How long spans wait for others, milliseconds. */
  readonly delayMs: number;
  /** How long the collector has to take them, milliseconds; they are dropped then. */
  readonly timeoutMs: number;
  /** What is told of the process. */
  readonly resource: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Passes spans on to a collector, in batches, one request at a time. A collector that is slow, broken or gone costs a bounded number of spans, and nothing else. */
export class SpanExporter implements Tracer {
  readonly enabled = true;
  #waiting: SpanRecord[] = [];
  #dropped = 0;
  #isFailing = false;
  #wake = (): void => {};

  constructor(private readonly options: SpanExporterOptions) {}

  /** Spans that were not passed on. */
  get dropped(): number {
    return this.#dropped;
  }

  /** By the last digits of the id, which are random in both kinds of ids there are. */
  samples(traceId: string): boolean {
    return Number.parseInt(traceId.slice(-8), 16) < this.options.ratio * 2 ** 32;
  }

  record(span: SpanRecord): void {
    const { buffer, batch } = this.options;
    if (this.#waiting.length >= buffer) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length === 1 || this.#waiting.length >= batch) this.#wake();
  }

  /** Sends until the signal aborts, and then what is left, if the collector takes it in time. */
  async run(signal: AbortSignal): Promise<void> {
    const { batch, clock, delayMs } = this.options;
    const stop = (): void => this.#wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        while (this.#waiting.length === 0 && !signal.aborted) await this.#change(undefined);
        const until = clock.monotonic() + delayMs;
        for (let left = delayMs; left > 0 && this.#waiting.length < batch && !signal.aborted; left = until - clock.monotonic()) await this.#change(left);
        await this.#send();
      }
      // One who hangs is not asked for each batch again.
      while (this.#waiting.length > 0 && (await this.#send()));
      this.#dropped += this.#waiting.length;
      this.#waiting = [];
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** False: it was not taken. */
  async #send(): Promise<boolean> {
    const { url, headers, batch, resource, clock, timeoutMs, log } = this.options;
    const spans = this.#waiting.splice(0, batch);
    if (spans.length === 0) return true;
    const late = longLived(new AbortController());
    const cancel = clock.timer(timeoutMs, () => late.abort());
    try {
      await post(url, headers, otlpRequest(spans, resource), late.signal);
      if (this.#isFailing) log.info('the collector of traces takes them again', { dropped: this.#dropped });
      this.#isFailing = false;
      return true;
    } catch (error) {
      this.#dropped += spans.length;
      // Once, not for each batch.
      if (!this.#isFailing) log.warn('traces cannot be passed on; they are dropped', { error: errorMessage(error) });
      this.#isFailing = true;
      return false;
    } finally {
      cancel();
    }
  }

  /** Resolves when there is something new, or after so long. */
  #change(afterMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = afterMs === undefined ? () => {} : this.options.clock.timer(afterMs, () => this.#wake());
      this.#wake = () => {
        this.#wake = () => {};
        cancel();
        resolve();
      };
    });
  }
}
