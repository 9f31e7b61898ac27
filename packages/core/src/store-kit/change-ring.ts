import type { StoreEvent } from '../contracts/store.js';

/** All events of one revision. */
export interface RevisionEvents {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** The newest revisions' events in order, found by revision; what is dropped at the front costs nothing to who reads behind it. */
export class ChangeRing {
  /** Behind `#head` dead slots. */
  #items: RevisionEvents[] = [];
  #head = 0;

  /** How many revisions are kept. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The oldest kept, if any. */
  get first(): RevisionEvents | undefined {
    return this.#items[this.#head];
  }

  /** Appends a revision behind the newest. */
  push(item: RevisionEvents): void {
    this.#items.push(item);
  }

  /** Those after a revision, oldest first. */
  *after(revision: number): Generator<RevisionEvents> {
    for (let i = this.#indexAfter(revision); i < this.#items.length; i += 1) yield this.#items[i] as RevisionEvents;
  }

  /** Those after a revision, newest first. */
  *backTo(revision: number): Generator<RevisionEvents> {
    const first = this.#indexAfter(revision);
    for (let i = this.#items.length - 1; i >= first; i -= 1) yield this.#items[i] as RevisionEvents;
  }

  /** Forgets everything up to and including a revision. */
  dropThrough(revision: number): void {
    const next = this.#indexAfter(revision);
    this.#items.fill(undefined as never, this.#head, next);
    this.#head = next;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  #indexAfter(revision: number): number {
    const first = this.first?.revision;
    if (first === undefined || revision < first) return this.#head;
    // Where revisions have no gaps this is the place; else it lies before.
    let high = Math.min(this.#items.length, this.#head + revision - first + 1);
    let low = this.#head;
    if (this.#items[high - 1]?.revision === revision) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle] as RevisionEvents).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
