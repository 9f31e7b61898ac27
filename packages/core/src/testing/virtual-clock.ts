import type { CancelTimer, Clock } from '../kernel/clock.js';
import { OrreryError } from '../kernel/errors.js';
import { sleepOn, yieldToPlatform } from '../kernel/platform.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/**
 * A clock that stands still until it is told to move, and then jumps from timer to timer: between two timers everything that can run, runs.
 * Timers fire at whole milliseconds, never early; those due at the same moment in the order in which they were set. Code that does real I/O does not fit: the clock would run ahead of it.
 */
export class VirtualClock implements Clock {
  readonly #heap: Timer[] = [];
  readonly #start: number;
  #time = 0;
  #jumped = 0;
  #order = 0;
  #fired = 0;

  /**
   * @param start wall-clock time at the beginning, milliseconds since the epoch
   * @param settled resolves when everything has run that can run without time moving; by default after one turn of the event loop. For code that takes several turns.
   */
  constructor(
    start = Date.UTC(2026, 0, 1),
    private readonly settled: () => Promise<void> = yieldToPlatform,
  ) {
    this.#start = start;
  }

  now(): number {
    return this.#start + this.#time + this.#jumped;
  }

  monotonic(): number {
    return this.#time;
  }

  /** Timers fired so far. */
  get fired(): number {
    return this.#fired;
  }

  /** Timers set and not yet fired or cancelled. */
  get pending(): number {
    return this.#heap.filter((timer) => !timer.cancelled).length;
  }

  timer(delayMs: number, fire: () => void): CancelTimer {
    // Whole numbers add up exactly. With fractions a timer may come due a rounding error early, and who then sets it anew for the rest does so for ever.
    const timer: Timer = { at: Math.ceil(this.#time + Math.max(0, delayMs)), order: this.#order++, fire, cancelled: false };
    push(this.#heap, timer);
    return () => {
      timer.cancelled = true;
    };
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Sets the wall clock forward, or back, by so much: only {@link now} shows it. Timers and {@link monotonic} go on as they did. */
  jump(ms: number): void {
    this.#jumped += ms;
  }

  /** Moves time forward by so much, firing what becomes due; resolves when everything has settled at the new time. */
  async advance(ms: number): Promise<void> {
    const end = this.#time + ms;
    await this.settled();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) await this.#step(next);
    this.#time = end;
  }

  /**
   * Moves time forward until the condition holds, checking after each moment at which something happened.
   * Throws `TIMEOUT` when that takes more than `limitMs` of virtual time, or nothing is left that could make it true.
   */
  async until(condition: () => boolean | Promise<boolean>, limitMs = 3_600_000, what = 'the condition'): Promise<void> {
    const end = this.#time + limitMs;
    await this.settled();
    while (!(await condition())) {
      const next = this.#next();
      if (next === undefined) throw new OrreryError('TIMEOUT', `Nothing is left to happen, and ${what} does not hold.`, { at: this.#time });
      if (next.at > end) throw new OrreryError('TIMEOUT', `Within ${limitMs} ms of virtual time ${what} did not come to hold.`, { at: this.#time });
      await this.#step(next);
    }
  }

  /** Lets everything run that can run now, without moving time. */
  settle(): Promise<void> {
    return this.settled();
  }

  async #step(next: Timer): Promise<void> {
    this.#time = Math.max(this.#time, next.at);
    // All timers of one moment fire before anybody looks: their order is that in which they were set.
    for (let due: Timer | undefined = next; due !== undefined && due.at <= this.#time; due = this.#next()) {
      pop(this.#heap);
      this.#fired += 1;
      due.fire();
    }
    await this.settled();
  }

  #next(): Timer | undefined {
    while (this.#heap[0]?.cancelled === true) pop(this.#heap);
    return this.#heap[0];
  }
}

const before = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: Timer[], timer: Timer): void {
  let i = heap.length;
  heap.push(timer);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[parent] as Timer, timer)) break;
    heap[i] = heap[parent] as Timer;
    i = parent;
  }
  heap[i] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop() as Timer;
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
    if (before(last, heap[child] as Timer)) break;
    heap[i] = heap[child] as Timer;
    i = child;
  }
  heap[i] = last;
}
