import type { Random } from '@orrery/core';

/**
 * Which of the numbers `0 … size-1` are taken, one bit each.
 *
 * Free choice looks at the upper part first (`reserved … size-1`), beginning at a random place, and takes the lower part only when the upper is full:
 * that leaves the lower numbers to people who ask for one by number (KEP-3070, KEP-3668).
 */
export class Bitmap {
  readonly #words: Uint32Array;
  #taken = 0;

  /** @param reserved how many of the lowest numbers are left for explicit requests as long as possible */
  constructor(
    readonly size: number,
    readonly reserved: number,
    private readonly random: Random,
  ) {
    this.#words = new Uint32Array(Math.ceil(size / 32));
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether this number is taken. Numbers outside count as free. */
  has(n: number): boolean {
    return n >= 0 && n < this.size && ((this.#words[n >>> 5] as number) & (1 << (n & 31))) !== 0;
  }

  /** Takes this number. False when it is taken already. Throws `RangeError` outside. */
  take(n: number): boolean {
    if (!Number.isInteger(n) || n < 0 || n >= this.size) throw new RangeError(`${n} is not within 0 and ${this.size - 1}`);
    if (this.has(n)) return false;
    (this.#words[n >>> 5] as number) |= 1 << (n & 31);
    this.#taken += 1;
    return true;
  }

  /** Takes any free number; undefined when there is none. */
  takeAny(): number | undefined {
    if (this.#taken === this.size) return undefined;
    const n = this.#free(this.reserved, this.size) ?? this.#free(0, this.reserved);
    if (n !== undefined) this.take(n);
    return n;
  }

  /** Gives a number back. Does nothing when it is not taken. */
  release(n: number): void {
    if (!this.has(n)) return;
    (this.#words[n >>> 5] as number) &= ~(1 << (n & 31));
    this.#taken -= 1;
  }

  /** A free number in `[from, to)`, the first after a random place, around the end. */
  #free(from: number, to: number): number | undefined {
    if (to <= from) return undefined;
    const start = from + this.random.int(to - from);
    return this.#scan(start, to) ?? this.#scan(from, start);
  }

  #scan(from: number, to: number): number | undefined {
    for (let n = from; n < to; n += 1) {
      if ((n & 31) === 0 && this.#words[n >>> 5] === 0xffff_ffff) n += 31;
      else if (!this.has(n)) return n;
    }
    return undefined;
  }
}
