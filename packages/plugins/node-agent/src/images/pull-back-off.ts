import { INITIAL_MS, MAX_MS } from '../pod/backoff.js';

interface Entry {
  readonly delayMs: number;
  /** When the last pull failed. */
  readonly since: number;
  /** What it said. */
  readonly said: string;
}

/**
 * Keeps pulls that fail apart: 10 s after the first, then twice as long each time, up to 5 minutes. A pull that succeeds does not shorten it; it is forgotten
 * when twice the longest delay has passed since the last failure (client-go flowcontrol.Backoff as image_manager.go uses it).
 */
export class PullBackOff {
  readonly #entries = new Map<string, Entry>();

  /** Until when not to pull, and what the last pull said; undefined: pull. */
  waiting(key: string, now: number): { readonly until: number; readonly said: string } | undefined {
    const entry = this.#entry(key, now);
    return entry === undefined || now - entry.since >= entry.delayMs ? undefined : { until: entry.since + entry.delayMs, said: entry.said };
  }

  /** A pull that began then has failed now. Of pulls that were under way together only the first counts. */
  failed(key: string, began: number, now: number, said: string): void {
    const before = this.#entry(key, now);
    if (before !== undefined && before.since > began) return;
    this.#entries.set(key, { delayMs: before === undefined ? INITIAL_MS : Math.min(MAX_MS, before.delayMs * 2), since: now, said });
  }

  /** Drops what is over, so that it does not grow. */
  sweep(now: number): void {
    for (const key of this.#entries.keys()) this.#entry(key, now);
  }

  #entry(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || now - entry.since <= 2 * MAX_MS) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}
