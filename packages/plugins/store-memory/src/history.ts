import { OrreryError, type StoreEvent, type WatchBatch } from '@orrery/core';

/**
 * The last revisions' changes, one batch a revision, without gaps. Watchers keep only a cursor into it, so a slow one costs nothing
 * and is cut off when its place is compacted.
 */
export class History {
  /** Batches of revisions `#first` … `#first + length - 1`, behind `#head` dead slots. */
  #batches: WatchBatch[] = [];
  #head = 0;
  #first: number;

  /**
   * @param limit batches kept at most
   * @param start the revision that the store begins with
   */
  constructor(
    readonly limit: number,
    start = 0,
  ) {
    this.#first = start + 1;
  }

  /** Everything up to here has been forgotten; watches from before it are expired. */
  get compacted(): number {
    return this.#first - 1;
  }

  /** The newest revision. */
  get last(): number {
    return this.#first + this.#batches.length - this.#head - 1;
  }

  /** Appends the next revision. */
  push(events: readonly StoreEvent[]): void {
    this.#batches.push({ revision: this.last + 1, events });
    if (this.#batches.length - this.#head > this.limit) this.#drop(1);
  }

  /** The batch of one revision. Throws `EXPIRED` when it is gone. */
  at(revision: number): WatchBatch {
    const batch = this.#batches[this.#head + revision - this.#first];
    if (revision <= this.compacted || batch === undefined) throw expired(revision, this.compacted);
    return batch;
  }

  /** Forgets everything up to and including a revision. */
  compact(revision: number): void {
    this.#drop(Math.min(revision, this.last) - this.compacted);
  }

  #drop(count: number): void {
    if (count <= 0) return;
    this.#batches.fill(undefined as never, this.#head, this.#head + count);
    this.#head += count;
    this.#first += count;
    if (this.#head > 1024 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** The error for history that is gone. */
export const expired = (asked: number, compacted: number): OrreryError =>
  new OrreryError('EXPIRED', `Revision ${asked} is compacted (history starts at ${compacted + 1}).`, { asked, compacted });
