/** The value of slots that are not in use, below all others. */
export const EMPTY = -1;

/**
 * A number for each slot, and which slots have the greatest: a tournament over all of them, so that a change costs the logarithm of their count, and
 * asking for the best costs no more.
 */
export class BestSlots {
  /** How many slots there is room for: a power of two. The slots are at the end of the arrays; the winner of `i` and `i + 1` is at half of `i`. */
  #capacity = 0;
  #values = new Float64Array(0);
  /** How many slots below have the value. */
  #ties = new Int32Array(0);

  /** Makes room for so many slots; those that are new have the value -1. */
  grow(size: number): void {
    if (size <= this.#capacity) return;
    let capacity = Math.max(64, this.#capacity);
    while (capacity < size) capacity *= 2;
    const old = this.#values.subarray(this.#capacity);
    this.#values = new Float64Array(capacity * 2).fill(EMPTY);
    this.#ties = new Int32Array(capacity * 2).fill(1);
    this.#values.set(old, capacity);
    this.#capacity = capacity;
    this.settle();
  }

  /** The value of a slot; -1 where there is none. */
  get(slot: number): number {
    return this.#values[this.#capacity + slot] ?? EMPTY;
  }

  /** Gives a slot another value. */
  set(slot: number, value: number): void {
    let at = this.#capacity + slot;
    if (this.#values[at] === value) return;
    this.#values[at] = value;
    // The rest is as it was as soon as a winner is.
    for (at >>= 1; at > 0 && this.#play(at); at >>= 1);
  }

  /** Gives a slot another value without looking who wins: for many at once. Only `settle` makes the answers right again. */
  put(slot: number, value: number): void {
    this.#values[this.#capacity + slot] = value;
  }

  /** Finds all winners anew. */
  settle(): void {
    for (let at = this.#capacity - 1; at > 0; at--) this.#play(at);
  }

  /** The greatest value; -1 if no slot is in use. */
  get best(): number {
    return this.#values[1] ?? EMPTY;
  }

  /** How many slots have it. */
  get ties(): number {
    return this.#ties[1] ?? 0;
  }

  /** The slot that is the n-th of them (from 0), in the order of slots. */
  bestAt(n: number): number {
    let left = n;
    let at = 1;
    while (at < this.#capacity) {
      at *= 2;
      const here = this.#values[at] === this.best ? (this.#ties[at] as number) : 0;
      if (left < here) continue;
      left -= here;
      at++;
    }
    return at - this.#capacity;
  }

  /** Lets the two below play for a place; answers whether anything changed. */
  #play(at: number): boolean {
    const [values, ties] = [this.#values, this.#ties];
    const [a, b] = [values[at * 2] as number, values[at * 2 + 1] as number];
    const value = a > b ? a : b;
    const count = (a === value ? (ties[at * 2] as number) : 0) + (b === value ? (ties[at * 2 + 1] as number) : 0);
    if (values[at] === value && ties[at] === count) return false;
    values[at] = value;
    ties[at] = count;
    return true;
  }
}
