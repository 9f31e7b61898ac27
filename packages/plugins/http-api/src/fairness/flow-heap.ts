/** What a heap holds: it keeps where each is, so that one can be moved or taken out without being looked for. */
export interface Placed {
  /** The least comes first. */
  virtual: number;
  /** Breaks ties: who came first. */
  readonly order: number;
  /** Its place in the heap; -1: it is in none. For the heap only. */
  place: number;
}

const isBefore = (a: Placed, b: Placed): boolean => a.virtual < b.virtual || (a.virtual === b.virtual && a.order < b.order);

/** A binary heap by virtual time. Everything costs at most the logarithm of its size. */
export class FlowHeap<T extends Placed> {
  readonly #items: T[] = [];

  /** The least; undefined when it is empty. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Puts it in, or to where it belongs now. */
  put(item: T): void {
    if (item.place < 0) this.#set(item, this.#items.length);
    this.#settle(item);
  }

  /** Takes it out, if it is there. */
  remove(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#set(last, place);
    this.#settle(last);
  }

  #settle(item: T): void {
    for (let above = this.#above(item); above !== undefined && isBefore(item, above); above = this.#above(item)) this.#swap(item, above);
    for (let below = this.#below(item); below !== undefined && isBefore(below, item); below = this.#below(item)) this.#swap(item, below);
  }

  #above({ place }: T): T | undefined {
    return place === 0 ? undefined : this.#items[(place - 1) >> 1];
  }

  /** The lesser of the two below. */
  #below({ place }: T): T | undefined {
    const [left, right] = [this.#items[2 * place + 1], this.#items[2 * place + 2]];
    return left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
  }

  #swap(a: T, b: T): void {
    const { place } = a;
    this.#set(a, b.place);
    this.#set(b, place);
  }

  #set(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }
}
