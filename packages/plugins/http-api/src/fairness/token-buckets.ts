/** How often something may happen. */
export interface Rate {
  /** In the long run, each second. */
  readonly perSecond: number;
  /** At once, after a while in which nothing happened. At least 1. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  /** Milliseconds, of a monotonic clock. */
  at: number;
}

/** A bucket of tokens for each key. A key whose bucket is full again is forgotten, and of more keys than there is room for the ones that were used longest ago are: memory is bounded whatever keys come. */
export class TokenBuckets {
  /** In the order of use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(
    readonly rate: Rate,
    readonly capacity = 10_000,
  ) {}

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token of the key. Returns for how many milliseconds there will be none; 0: it was taken. */
  take(key: string, now: number): number {
    const { perSecond, burst } = this.rate;
    const known = this.#buckets.get(key);
    const tokens = known === undefined ? burst : Math.min(burst, known.tokens + ((now - known.at) / 1000) * perSecond);
    const isThere = tokens >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isThere ? tokens - 1 : tokens, at: now });
    this.#forget(now);
    return isThere ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000);
  }

  /** At most two for each one that comes: so the cost of a step does not grow. */
  #forget(now: number): void {
    const { perSecond, burst } = this.rate;
    for (let looked = 0; looked < 2; looked += 1) {
      const [oldest] = this.#buckets;
      if (oldest === undefined) return;
      const [key, { tokens, at }] = oldest;
      const isFull = tokens + ((now - at) / 1000) * perSecond >= burst;
      if (!isFull && this.#buckets.size <= this.capacity) return;
      this.#buckets.delete(key);
    }
  }
}
