import type { Pod } from '@orrery/core';

/** Something changed in a slot: a pod came (1) or left (-1), or the node object itself changed, came or went (0). */
export interface Change {
  readonly slot: number;
  readonly delta: 1 | -1 | 0;
  readonly pod: Pod | undefined;
}

/**
 * The last changes in order, numbered without gaps. Readers remember how far they have read; who has fallen behind further than the log
 * reaches back starts afresh.
 */
export class ChangeLog {
  readonly #capacity: number;
  readonly #ring: Change[] = [];
  #head = 0;

  constructor(capacity = 16_384) {
    this.#capacity = capacity;
  }

  /** The number of the next change. */
  get head(): number {
    return this.#head;
  }

  /** Notes a change. */
  add(change: Change): void {
    this.#ring[this.#head % this.#capacity] = change;
    this.#head++;
  }

  /** Whether every change since that number is still known. */
  reaches(since: number): boolean {
    return this.#head - since <= this.#capacity;
  }

  /** The change of that number, which must be within reach. */
  at(number: number): Change {
    return this.#ring[number % this.#capacity] as Change;
  }
}
