import type { ResourceRef } from '@orrery/core';

/** Objects for each seat of a list (kube-apiserver's objectsPerSeat). */
const OBJECTS_PER_SEAT = 100;
/** Kinds and namespaces whose length is remembered, at most. */
const CAPACITY = 1_000;

/** How many seats lists and the beginnings of watches take, as estimated from how long the last one of the same objects was. */
export class ListWidths {
  /** In the order in which they were learned. */
  readonly #lengths = new Map<string, number>();

  /** Seats of a list of at most `limit` objects. What was never listed is taken to be short. */
  of(ref: ResourceRef, limit: number | undefined): number {
    if (ref.name !== undefined) return 1;
    const length = this.#lengths.get(keyOf(ref)) ?? 0;
    return Math.max(1, Math.ceil(Math.min(length, limit ?? length) / OBJECTS_PER_SEAT));
  }

  /** A list of these objects had so many. One that was narrowed down or paged tells less than there is: it counts only if it had more. */
  learn(ref: ResourceRef, length: number, isWhole: boolean): void {
    const key = keyOf(ref);
    const known = this.#lengths.get(key) ?? 0;
    if (!isWhole && length <= known) return;
    this.#lengths.delete(key);
    // Short ones are what is taken anyway.
    if (length <= OBJECTS_PER_SEAT) return;
    this.#lengths.set(key, length);
    if (this.#lengths.size <= CAPACITY) return;
    for (const oldest of this.#lengths.keys()) {
      this.#lengths.delete(oldest);
      break;
    }
  }
}

const keyOf = ({ group, resource, namespace = '' }: ResourceRef): string => `${group}/${resource}/${namespace}`;
