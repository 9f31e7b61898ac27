import type { StoredValue } from '@orrery/core';

/** A value and the row it is. */
interface Cached {
  readonly id: number;
  readonly value: StoredValue;
}

/** Decoded current values by key, so that what is in memory anyway is not read and decoded again. A value counts only for the very row it was kept for. */
export class ValueCache {
  /** In the order of use, oldest first. */
  readonly #values = new Map<string, Cached>();

  constructor(private readonly limit: number) {}

  /** The value of a row, if it is the one that is kept. */
  get(key: string, id: number): StoredValue | undefined {
    const found = this.#values.get(key);
    return found?.id === id ? found.value : undefined;
  }

  /** Keeps the value of a row that is committed. */
  set(key: string, id: number, value: StoredValue): void {
    this.#values.delete(key);
    this.#values.set(key, { id, value });
    if (this.#values.size > this.limit) this.#values.delete(this.#values.keys().next().value as string);
  }

  /** Forgets a key. */
  delete(key: string): void {
    this.#values.delete(key);
  }
}
