import { tooBusy } from '../refusal.js';

/** Of how many long-lasting things each user has some: watches, or streams. Bounded together and for each user. */
export class HeldByUser {
  readonly #held = new Map<string, number>();
  #all = 0;

  /**
   * @param what they are, in the plural, for who is refused
   */
  constructor(
    private readonly what: string,
    private readonly limits: { readonly all: number; readonly user: number },
  ) {}

  /** One more; what is returned takes it back, once. Throws TooManyRequests beyond a bound. */
  take(user: string): () => void {
    const held = this.#held.get(user) ?? 0;
    if (this.#all >= this.limits.all) throw tooBusy(`too many ${this.what}, please try again later`);
    if (held >= this.limits.user) throw tooBusy(`too many ${this.what} of this user, please try again later`);
    this.#all += 1;
    this.#held.set(user, held + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#all -= 1;
      const left = (this.#held.get(user) ?? 1) - 1;
      if (left === 0) this.#held.delete(user);
      else this.#held.set(user, left);
    };
  }
}
