import { OrreryError, type PlacementExplanation, type Runnable, type Scheduler } from '@orrery/core';
import type { SchedulerEngine } from './engine/scheduler-engine.js';

/** The scheduler's seat: an engine of its own for each time of leading, so that none begins with what an earlier one had assumed. */
export class LedScheduler implements Scheduler, Runnable {
  readonly name = 'scheduler';
  readonly phase = 'scheduler';
  #engine: SchedulerEngine | undefined;

  constructor(private readonly make: () => SchedulerEngine) {}

  /** Schedules until the signal aborts. May be called again then. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const engine = this.make();
    this.#engine = engine;
    try {
      await engine.run(signal, ready);
    } finally {
      this.#engine = undefined;
    }
  }

  /** See `Scheduler.explain`. Throws `UNAVAILABLE` while it does not run: another orchestrator on the same store schedules then. */
  async explain(pod: { readonly namespace: string; readonly name: string }): Promise<PlacementExplanation> {
    if (this.#engine === undefined) throw new OrreryError('UNAVAILABLE', 'The scheduler does not run here now. Ask the orchestrator that leads.');
    return this.#engine.explain(pod);
  }
}
