/** A binary heap whose items can be removed by key. The order must not change while an item is in it. */
export class KeyedHeap<T> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #keyOf: (item: T) => string;
  readonly #items: T[] = [];
  readonly #at = new Map<string, number>();

  /** @param before whether `a` comes out before `b`; must be a strict order */
  constructor(keyOf: (item: T) => string, before: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf;
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Adds an item, in place of the one with the same key if there is one. */
  push(item: T): void {
    this.remove(this.#keyOf(item));
    this.#items.push(item);
    this.#at.set(this.#keyOf(item), this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }

  /** The first item. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Takes the first item out. */
  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(this.#keyOf(first));
    return first;
  }

  /** Takes an item out by key. */
  remove(key: string): T | undefined {
    const at = this.#at.get(key);
    if (at === undefined) return undefined;
    const item = this.#items[at] as T;
    const last = this.#items.pop() as T;
    this.#at.delete(key);
    if (last !== item) {
      this.#items[at] = last;
      this.#at.set(this.#keyOf(last), at);
      this.#up(at);
      this.#down(this.#at.get(this.#keyOf(last)) as number);
    }
    return item;
  }

  /** Puts all items in order again after the order itself changed. */
  rebuild(): void {
    for (let at = (this.#items.length >> 1) - 1; at >= 0; at--) this.#down(at);
  }

  #up(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#before(this.#items[at] as T, this.#items[parent] as T)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    for (let at = from; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#items.length && this.#before(this.#items[child] as T, this.#items[least] as T)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#items[a] as T, this.#items[b] as T];
    this.#items[a] = right;
    this.#items[b] = left;
    this.#at.set(this.#keyOf(right), a);
    this.#at.set(this.#keyOf(left), b);
  }
}
