import { type CancelTimer, type Clock, systemClock } from '@orrery/core';

/** Timers fire when the test says so. Those that are left at the end can be counted. */
export class HandClock implements Clock {
  readonly timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  time = 0;
  now = (): number => this.time;
  monotonic = (): number => this.time;
  sleep = systemClock.sleep;

  timer(delayMs: number, fire: () => void): CancelTimer {
    const timer = { at: this.time + delayMs, fire };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Fires what is due by then, but not what one of those cancelled. */
  advance(ms: number): void {
    this.time += ms;
    for (const timer of [...this.timers]) {
      if (timer.at > this.time || !this.timers.delete(timer)) continue;
      timer.fire();
    }
  }
}
