import { type Clock, yieldToPlatform } from '@orrery/core';

/** How long requests may keep the thread for themselves before others of its tasks have their turn, milliseconds: connections that are to be read, timers, other parts of the process. */
const SLICE_MS = 10;
/** Seats that are given out without anybody having been done. What they were given for runs only when the one who gives them returns. */
const SEATS_AT_ONCE = 32;

/**
 * The share that requests have of the thread. What they do is mostly done in one go, so that seats alone would never be short: all that came together would be done before anybody else is even read.
 * So it is looked whether the platform had a turn since the last ones began.
 */
export class Turn {
  #began = 0;
  #given = 0;
  #isUnderWay = false;

  constructor(
    private readonly clock: Clock,
    /** Called when there is a new turn. */
    private readonly next: () => void,
  ) {}

  /** Whether more may begin in this turn; else `next` is called. */
  get hasRoom(): boolean {
    return !this.#isUnderWay || (this.#given < SEATS_AT_ONCE && this.clock.monotonic() - this.#began < SLICE_MS);
  }

  /** A request begins. */
  began(width: number): void {
    this.#given += width;
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#began = this.clock.monotonic();
    // No timer: those that come due while others fire go before connections.
    void yieldToPlatform().then(() => {
      this.#isUnderWay = false;
      this.#given = 0;
      this.next();
    });
  }

  /** A request is over: what was given to it has been used. */
  ended(width: number): void {
    this.#given = Math.max(0, this.#given - width);
  }
}
