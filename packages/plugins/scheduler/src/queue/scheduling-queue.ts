import type { Clock, Pod, QueuedPod, RetryWhen } from '@orrery/core';
import { podId } from '../state/cluster.js';
import { KeyedHeap } from './heap.js';

/** A pod that waits for a node. */
export interface WaitingPod extends QueuedPod {
  readonly id: string;
  pod: Pod;
  priority: number;
  attempts: number;
  /** Breaks ties of priority and time: first in, first out. */
  readonly order: number;
  /** The class of the last attempt, and what it was refused for. */
  classKey?: string | undefined;
  /** What its filters saw outside then, as text. */
  outsideKey?: string | undefined;
  retryWhen: ReadonlySet<RetryWhen>;
  /** When its back-off is over, monotonic milliseconds. */
  readyAt: number;
  /** When it was last found to fit nowhere. */
  parkedAt: number;
}

/** What an attempt in vain has found out. */
export interface Attempted {
  readonly classKey: string;
  readonly outsideKey?: string | undefined;
  readonly retryWhen: ReadonlySet<RetryWhen>;
}

/** Times of the queue, milliseconds. The defaults are those of kube-scheduler. */
export interface QueueTimes {
  /** Back-off after the first failed attempt; doubled by each further one. Default 1,000. */
  readonly initialBackoffMs: number;
  /** Upper bound of the back-off. Default 10,000. */
  readonly maxBackoffMs: number;
  /** After so long every parked pod is tried again, in case a wake-up was missed. Default 300,000. */
  readonly sweepAfterMs: number;
}

/** kube-scheduler's defaults. */
export const DEFAULT_QUEUE_TIMES: QueueTimes = { initialBackoffMs: 1_000, maxBackoffMs: 10_000, sweepAfterMs: 300_000 };

/** By priority, then by waiting time (PrioritySort). */
export const byPriority = (a: QueuedPod, b: QueuedPod): number => b.priority - a.priority || a.enqueuedAt - b.enqueuedAt;

/**
 * The pods without a node, each in one of three places: *active* (to be tried now, by priority), *backing off* (to be tried after a
 * while), *parked* (fits nowhere until something changes). Pure bookkeeping: it starts no timers; its owner asks `nextWakeAt`.
 */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #times: QueueTimes;
  readonly #active: KeyedHeap<WaitingPod>;
  readonly #backingOff: KeyedHeap<WaitingPod>;
  readonly #parked = new Map<string, WaitingPod>();
  readonly #all = new Map<string, WaitingPod>();
  #order = 0;

  constructor(clock: Clock, times: QueueTimes, sort: (a: QueuedPod, b: QueuedPod) => number = byPriority) {
    this.#clock = clock;
    this.#times = times;
    const key = ({ id }: WaitingPod): string => id;
    this.#active = new KeyedHeap(key, (a, b) => (sort(a, b) || a.order - b.order) < 0);
    this.#backingOff = new KeyedHeap(key, (a, b) => (a.readyAt - b.readyAt || a.order - b.order) < 0);
  }

  /** All pods in it. */
  get size(): number {
    return this.#all.size;
  }

  /** How many are in which place. */
  get counts(): { readonly active: number; readonly backingOff: number; readonly parked: number } {
    return { active: this.#active.size, backingOff: this.#backingOff.size, parked: this.#parked.size };
  }

  /** Whether a pod waits here (and not just has been popped). */
  has(id: string): boolean {
    return this.#all.has(id);
  }

  /** Takes in a pod to be tried at once. A pod that is in already is updated, and tried again at once, for it changed. */
  add(pod: Pod): void {
    const id = podId(pod);
    const known = this.#all.get(id);
    if (known !== undefined) {
      this.#takeOut(known);
      known.pod = pod;
      known.priority = pod.spec.priority ?? 0;
      this.#active.push(known);
      return;
    }
    const now = this.#clock.monotonic();
    const waiting: WaitingPod = { id, pod, priority: pod.spec.priority ?? 0, enqueuedAt: now, attempts: 0, order: this.#order++, retryWhen: new Set(), readyAt: now, parkedAt: now };
    this.#all.set(id, waiting);
    this.#active.push(waiting);
  }

  /** The stored object changed in a way that cannot matter to the scheduler: keep the place, show the new object. */
  refresh(pod: Pod): void {
    const known = this.#all.get(podId(pod));
    if (known !== undefined) known.pod = pod;
  }

  /** The pod as it waits here. */
  get(id: string): WaitingPod | undefined {
    return this.#all.get(id);
  }

  /** Forgets a pod wherever it is. */
  remove(id: string): void {
    const known = this.#all.get(id);
    if (known === undefined) return;
    this.#takeOut(known);
    this.#all.delete(id);
  }

  /** Takes the next pod out, counting an attempt. Pods whose back-off is over come in first. */
  pop(): WaitingPod | undefined {
    this.#wakeReady();
    const waiting = this.#active.pop();
    if (waiting === undefined) return undefined;
    this.#all.delete(waiting.id);
    waiting.attempts++;
    return waiting;
  }

  /** Puts a popped pod aside until something in `retryWhen` happens: it fits nowhere now. */
  park(waiting: WaitingPod, { classKey, outsideKey, retryWhen }: Attempted): void {
    const now = this.#clock.monotonic();
    waiting.classKey = classKey;
    waiting.outsideKey = outsideKey;
    waiting.retryWhen = retryWhen;
    waiting.parkedAt = now;
    waiting.readyAt = now + this.#backoff(waiting.attempts);
    this.#all.set(waiting.id, waiting);
    this.#parked.set(waiting.id, waiting);
  }

  /** Puts a popped pod back to be tried again after its back-off: the attempt failed for a reason of no node. */
  retryLater(waiting: WaitingPod): void {
    waiting.readyAt = this.#clock.monotonic() + this.#backoff(waiting.attempts);
    this.#all.set(waiting.id, waiting);
    this.#backingOff.push(waiting);
  }

  /** Wakes the parked pods that `worthIt` picks; those whose back-off is not over wait for that first. */
  wake(worthIt: (waiting: WaitingPod) => boolean): void {
    const now = this.#clock.monotonic();
    for (const waiting of this.#parked.values()) {
      if (!worthIt(waiting)) continue;
      this.#parked.delete(waiting.id);
      if (waiting.readyAt <= now) this.#active.push(waiting);
      else this.#backingOff.push(waiting);
    }
  }

  /** The sorting changed: puts the active pods into the new order. */
  resort(): void {
    this.#active.rebuild();
  }

  /** Wakes what has been parked for too long. */
  sweep(): void {
    const before = this.#clock.monotonic() - this.#times.sweepAfterMs;
    this.wake(({ parkedAt }) => parkedAt <= before);
  }

  /** Whether a pod can be popped now. */
  get ready(): boolean {
    this.#wakeReady();
    return this.#active.size > 0;
  }

  /** When time alone will next make a pod ready (back-off or sweep), monotonic; undefined: never. */
  nextWakeAt(): number | undefined {
    const backoff = this.#backingOff.peek()?.readyAt;
    // Parked pods are kept in the order in which they were parked.
    const oldest = this.#parked.values().next().value?.parkedAt;
    const sweep = oldest === undefined ? undefined : oldest + this.#times.sweepAfterMs;
    return backoff === undefined || sweep === undefined ? (backoff ?? sweep) : Math.min(backoff, sweep);
  }

  #wakeReady(): void {
    const now = this.#clock.monotonic();
    for (let first = this.#backingOff.peek(); first !== undefined && first.readyAt <= now; first = this.#backingOff.peek()) {
      this.#backingOff.pop();
      this.#active.push(first);
    }
  }

  #takeOut({ id }: WaitingPod): void {
    this.#active.remove(id);
    this.#backingOff.remove(id);
    this.#parked.delete(id);
  }

  #backoff(attempts: number): number {
    return Math.min(this.#times.maxBackoffMs, this.#times.initialBackoffMs * 2 ** Math.min(30, Math.max(0, attempts - 1)));
  }
}
