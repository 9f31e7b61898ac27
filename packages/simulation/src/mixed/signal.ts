import { type Clock, type CustomMetrics, OrreryError } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';
import type { Weather } from '../faults.js';

/** A number over time: milliseconds since it began. */
export type Signal = (ms: number) => number;

/** A signal that jumps every few seconds to another number up to `most`. */
export function jumpySignal(random: SeededRandom, most: number): Signal {
  const period = 10_000 + random.int(50_000);
  const levels = Array.from({ length: 12 }, () => random.int(most + 1));
  return (ms) => levels[Math.floor(ms / period) % levels.length] ?? 0;
}

/** External metrics by name. In bad weather they cannot always be read; once held they stay as they are. */
export class Signals implements CustomMetrics {
  readonly name = 'signals';
  readonly #signals = new Map<string, Signal>();
  #heldAt: number | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly weather: Weather,
    private readonly random: SeededRandom,
  ) {}

  add(metric: string, signal: Signal): void {
    this.#signals.set(metric, signal);
  }

  /** What a metric is now. */
  value(metric: string): number | undefined {
    return this.#signals.get(metric)?.(this.#heldAt ?? this.clock.monotonic());
  }

  /** From now on nothing changes. */
  hold(): void {
    this.#heldAt = this.clock.monotonic();
  }

  async externalMetric({ metric }: { readonly metric: string }): Promise<readonly { readonly value: number; readonly timestamp: number }[] | undefined> {
    if (this.weather.happens('requestRefused', this.random)) throw new OrreryError('UNAVAILABLE', 'the metrics do not answer (simulated)');
    const value = this.value(metric);
    return value === undefined ? undefined : [{ value, timestamp: this.clock.now() }];
  }
}
