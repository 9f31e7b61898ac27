/** What one validation may cost. A hostile schema or value ends in an error, not in a process that hangs. */
export class Budget {
  #left: number;

  constructor(limit: number) {
    this.#left = limit;
  }

  /** Takes from it. Throws {@link TooExpensive} when there is not enough. */
  spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new TooExpensive();
  }

  /** Whether everything was spent. */
  get exceeded(): boolean {
    return this.#left < 0;
  }
}

/** A validation cost more than it may. */
export class TooExpensive extends Error {
  override readonly name = 'TooExpensive';

  constructor() {
    super('the validation costs more than it may');
  }
}
