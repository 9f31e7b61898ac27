import { type BackoffPolicy, backoffDelay } from './backoff.js';
import type { CancelTimer, Clock, Random } from './clock.js';

/** Told of what happens in a work queue; must not throw, and not call it. */
export interface QueueObserver<K> {
  /** The key waits that did not. */
  added(key: K): void;
  /** The key failed, and is added after its back-off. */
  retried(key: K): void;
  taken(key: K): void;
  done(key: K): void;
}

/** What a work queue needs. */
export interface WorkQueueOptions<K = unknown> {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: 5 ms doubling to 1000 s, as in client-go. */
  readonly backoff?: BackoffPolicy;
  /** Default: nobody. */
  readonly observer?: QueueObserver<K>;
}

/**
 * The queue of controllers (client-go util/workqueue): a key added many times is handed out once; a key added while it is being worked on is
 * handed out again after `done`; a key never is with two workers at once.
 */
export class WorkQueue<K> {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #backoff: BackoffPolicy;
  /** Keys to hand out, in order; a Set keeps insertion order and is the queue itself. */
  readonly #waiting = new Set<K>();
  readonly #processing = new Set<K>();
  /** Keys added while processed: they wait again after `done`. */
  readonly #dirty = new Set<K>();
  readonly #delayed = new Map<K, { readonly at: number; readonly cancel: CancelTimer }>();
  readonly #failures = new Map<K, number>();
  readonly #takers: ((key: K | undefined) => void)[] = [];
  readonly #observer: QueueObserver<K> | undefined;
  #closed = false;

  constructor(options: WorkQueueOptions<K>) {
    this.#observer = options.observer;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#backoff = options.backoff ?? { baseMs: 5, maxMs: 1_000_000 };
  }

  /** Keys that wait to be taken now (not those delayed or being worked on). */
  get length(): number {
    return this.#waiting.size;
  }

  /** Nothing waits, is being worked on or is due later. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#processing.size === 0 && this.#delayed.size === 0;
  }

  /** Wants the key looked at. Does nothing after close. */
  add(key: K): void {
    if (this.#closed) return;
    this.#undelay(key);
    if (this.#processing.has(key)) {
      if (!this.#dirty.has(key)) this.#observer?.added(key);
      this.#dirty.add(key);
      return;
    }
    if (!this.#waiting.has(key)) this.#observer?.added(key);
    this.#waiting.add(key);
    this.#serve();
  }

  /** Like add, but after a while; of several delays of one key the earliest counts. */
  addAfter(key: K, delayMs: number): void {
    if (this.#closed) return;
    if (delayMs <= 0) return this.add(key);
    const at = this.#clock.monotonic() + delayMs;
    const pending = this.#delayed.get(key);
    if (pending !== undefined && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#clock.timer(delayMs, () => this.add(key));
    this.#delayed.set(key, { at, cancel });
  }

  /** Counts a failure and adds the key after the back-off. */
  addRateLimited(key: K): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#observer?.retried(key);
    this.addAfter(key, backoffDelay(this.#backoff, failures, this.#random));
  }

  /** How often the key failed since it last succeeded. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The key succeeded: its back-off starts anew. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** The next key, waiting for one if need be; undefined once closed. Call {@link WorkQueue.done} with it afterwards. */
  take(): Promise<K | undefined> {
    const key = this.#pop();
    if (key !== undefined || this.#closed) return Promise.resolve(key);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Work on the key has ended, well or not. */
  done(key: K): void {
    if (this.#processing.delete(key)) this.#observer?.done(key);
    if (this.#dirty.delete(key) && !this.#closed) {
      this.#waiting.add(key);
      this.#serve();
    }
  }

  /** Ends the queue: waiting takers get undefined, timers are cancelled. Safe to call twice. */
  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    this.#dirty.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }

  #undelay(key: K): void {
    const pending = this.#delayed.get(key);
    if (pending === undefined) return;
    pending.cancel();
    this.#delayed.delete(key);
  }

  #pop(): K | undefined {
    const [key] = this.#waiting;
    if (key === undefined) return undefined;
    this.#waiting.delete(key);
    this.#processing.add(key);
    this.#observer?.taken(key);
    return key;
  }

  #serve(): void {
    while (this.#takers.length > 0 && this.#waiting.size > 0) this.#takers.shift()?.(this.#pop());
  }
}
