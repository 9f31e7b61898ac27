import { type Clock, errorMessage, type Logger, type MetricsSource, type NodeUsage, OrreryError, type PodUsage, within } from '@orrery/core';
import type { NodeMeasures } from '../wire/summary.js';

/** What nodes elsewhere are asked with. */
export interface NodeMetricsOptions {
  /** The nodes to ask, now. */
  nodes(): readonly string[];
  measures(node: string, signal: AbortSignal): Promise<NodeMeasures>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly periodMs: number;
}

/** Nodes that are asked at the same time. */
const AT_ONCE = 16;
/** What a node said counts for so many periods, in which it may not be reached. */
const PERIODS = 3;

/** What nodes elsewhere and their pods use: each is asked once in a period. */
export class NodeMetrics implements MetricsSource {
  readonly #known = new Map<string, NodeMeasures & { readonly at: number }>();

  constructor(private readonly options: NodeMetricsOptions) {}

  nodes(): readonly NodeUsage[] {
    return this.#fresh().flatMap(({ node }) => node ?? []);
  }

  pods(): readonly PodUsage[] {
    return this.#fresh().flatMap(({ pods }) => pods);
  }

  /** Asks all nodes until the signal aborts; one that cannot be reached is left out. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, periodMs } = this.options;
    while (!signal.aborted) {
      const began = clock.monotonic();
      await this.#round(signal);
      await clock.sleep(Math.max(0, began + periodMs - clock.monotonic()), signal).catch(() => signal);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const left = [...this.options.nodes()];
    const known = new Set(left);
    for (const node of this.#known.keys()) if (!known.has(node)) this.#known.delete(node);
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let node = left.shift(); node !== undefined && !signal.aborted; node = left.shift()) await this.#ask(node, signal);
      }),
    );
  }

  async #ask(node: string, signal: AbortSignal): Promise<void> {
    const { clock, log, periodMs, measures } = this.options;
    const stop = new AbortController();
    const end = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      const answer = await within(measures(node, stop.signal), clock, periodMs, () => new OrreryError('TIMEOUT', `it did not answer within ${periodMs} ms`));
      this.#known.set(node, { ...answer, at: clock.monotonic() });
    } catch (error) {
      if (!signal.aborted) log.debug('what a node uses could not be had', { node, error: errorMessage(error) });
    } finally {
      signal.removeEventListener('abort', end);
      stop.abort(new OrreryError('ABORTED', 'The node was asked.'));
    }
  }

  #fresh(): readonly NodeMeasures[] {
    const { clock, periodMs } = this.options;
    const oldest = clock.monotonic() - PERIODS * periodMs;
    return [...this.#known.values()].filter(({ at }) => at >= oldest);
  }
}
