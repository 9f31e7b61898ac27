const BLOCK = 512;

/** A sorted set of strings in blocks: insert, delete and seek cost about the square root of its size, a walk costs what it yields. */
export class SortedKeys {
  /** Sorted blocks, none empty, each at most twice {@link BLOCK} long. */
  readonly #blocks: string[][] = [];

  /** Adds a key that is not there yet. */
  add(key: string): void {
    const at = Math.max(0, this.#blockOf(key));
    const block = this.#blocks[at];
    if (block === undefined) {
      this.#blocks.push([key]);
      return;
    }
    block.splice(lowerBound(block, key), 0, key);
    if (block.length > 2 * BLOCK) this.#blocks.splice(at + 1, 0, block.splice(BLOCK));
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    const index = block === undefined ? -1 : lowerBound(block, key);
    if (block === undefined || block[index] !== key) return;
    block.splice(index, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** Keys from `start` (inclusive) upwards. The set must not change meanwhile. */
  *from(start: string): Generator<string> {
    for (let at = Math.max(0, this.#blockOf(start)); at < this.#blocks.length; at += 1) {
      const block = this.#blocks[at] ?? [];
      for (let i = lowerBound(block, start); i < block.length; i += 1) yield block[i] as string;
    }
  }

  /** The last block that begins at or before the key; -1 when all begin behind it. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#blocks[middle]?.[0] as string) <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
