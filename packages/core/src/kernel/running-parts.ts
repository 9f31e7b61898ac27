import type { Clock } from './clock.js';
import { OrreryError, errorMessage } from './errors.js';
import type { Logger } from './logger.js';
import { type PartLimits, type Runnable, type RunningPart, startOrder, startPart } from './runnable.js';

/** A part and whose it is. */
export interface Part {
  readonly plugin: string;
  readonly runnable: Runnable;
}

/** What running parts needs. */
export interface RunningPartsOptions {
  readonly clock: Clock;
  readonly limits: PartLimits;
  readonly log: Logger;
  /** Called at most once a part, when one ends or fails unasked. */
  failed(error: OrreryError): void;
}

const PHASES = startOrder.map(({ phase }) => phase);

/** The parts that run, started and stopped in the order of their phases. */
export class RunningParts {
  readonly #parts: RunningPart[] = [];

  constructor(private readonly options: RunningPartsOptions) {}

  /**
   * Starts parts phase by phase, those of one phase side by side. If one fails, those that started are kept for the caller to stop, and its error is thrown.
   * Once the signal aborts its reason is thrown; what was starting is stopped.
   */
  async start(parts: readonly Part[], signal?: AbortSignal): Promise<void> {
    const { clock, limits, failed } = this.options;
    for (const phase of PHASES) {
      signal?.throwIfAborted();
      const outcomes = await Promise.allSettled(
        parts
          .filter(({ runnable }) => runnable.phase === phase)
          .map(async ({ plugin, runnable }) => this.#parts.push(await startPart(plugin, runnable, clock, limits, failed, signal))),
      );
      signal?.throwIfAborted();
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  /** Stops all, last phase first; answers what failed. */
  async stop(): Promise<readonly unknown[]> {
    const errors: unknown[] = [];
    for (const phase of [...PHASES].reverse()) {
      const parts = this.#parts.filter(({ runnable }) => runnable.phase === phase);
      await Promise.all(parts.map((part) => part.stop().catch((error: unknown) => errors.push(error))));
    }
    return errors;
  }

  /** Stops one plugin's parts, last phase first. One that fails while stopping has ended, and is reported; throws `PLUGIN_TIMEOUT` for one that does not end. */
  async stopOf(plugin: string): Promise<void> {
    const leaving = this.#parts.filter((part) => part.plugin === plugin).sort((a, b) => PHASES.indexOf(b.runnable.phase) - PHASES.indexOf(a.runnable.phase));
    for (const part of leaving) {
      await part.stop().catch((error: unknown) => {
        if (OrreryError.is(error, 'PLUGIN_TIMEOUT')) throw error;
        this.options.log.error('a part failed while stopping', { error: errorMessage(error) });
      });
      this.#parts.splice(this.#parts.indexOf(part), 1);
    }
  }
}
