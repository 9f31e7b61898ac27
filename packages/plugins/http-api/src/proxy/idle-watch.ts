import type { Clock } from '@orrery/core';

/** Calls `idle` once when it was not touched for a while. It looks twice in that time, so it may be half as long again until it does. */
export class IdleWatch {
  #isTouched = false;
  #misses = 0;
  #cancel = (): void => {};

  constructor(
    private readonly clock: Pick<Clock, 'timer'>,
    private readonly idleMs: number,
    private readonly idle: () => void,
  ) {
    this.#look();
  }

  touch(): void {
    this.#isTouched = true;
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    this.#cancel = this.clock.timer(this.idleMs / 2, () => {
      this.#misses = this.#isTouched ? 0 : this.#misses + 1;
      this.#isTouched = false;
      if (this.#misses >= 2) this.idle();
      else this.#look();
    });
  }
}
