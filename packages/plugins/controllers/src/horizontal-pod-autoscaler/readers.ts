import { type Clock, type CrossVersionObjectReference, type CustomMetrics, errorMessage, type MetricIdentifier, type MetricReading, OrreryError, type Pod, within } from '@orrery/core';
import type { PodMetrics } from './pod-groups.js';
import type { UsageTable } from './usage-table.js';

/** Longest wait for one source of custom metrics. */
const ANSWER_MS = 10_000;

/** Where the metrics of one autoscaler come from. Each throws with the reason when there is no value. */
export interface MetricReaders {
  resource(pods: readonly Pod[], resource: string, container?: string): PodMetrics;
  pods(metric: MetricIdentifier, pods: readonly Pod[]): Promise<PodMetrics>;
  /** In thousandths. */
  object(metric: MetricIdentifier, object: CrossVersionObjectReference): Promise<number>;
  /** In thousandths. */
  external(metric: MetricIdentifier): Promise<number>;
}

/** What readers are made from. */
export interface ReaderOptions {
  readonly usage: UsageTable;
  readonly sources: readonly CustomMetrics[];
  readonly namespace: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Readers of the metrics sources for autoscalers of one namespace. */
export function metricReaders(options: ReaderOptions): MetricReaders {
  const { usage, namespace } = options;
  const question = ({ name, selector }: MetricIdentifier) => ({ namespace, metric: name, ...(selector && { selector }) });
  return {
    resource: (pods, resource, container) => {
      const metrics = usage.of(pods, resource, container);
      if (metrics.size === 0) throw new RangeError(`unable to get metrics for resource ${resource}: no metrics returned from resource metrics API`);
      return metrics;
    },
    pods: async (metric, pods) => {
      const readings = await firstAnswer(options, metric, (source, signal) => source.podMetric?.({ ...question(metric), pods }, signal));
      return new Map([...readings].map(([name, reading]) => [name, { value: milli(reading), timestamp: reading.timestamp, windowMs: reading.windowMs ?? 0 }]));
    },
    object: async (metric, object) => milli(await firstAnswer(options, metric, (source, signal) => source.objectMetric?.({ ...question(metric), object }, signal))),
    external: async (metric) => {
      const readings = await firstAnswer(options, metric, (source, signal) => source.externalMetric?.(question(metric), signal));
      return readings.reduce((sum, reading) => sum + milli(reading), 0);
    },
  };
}

/** Rounded up, as quantities are; what floating point adds below a millionth does not count. */
function milli({ value }: MetricReading): number {
  if (!Number.isFinite(value)) throw new RangeError(`the value ${value} is no finite number`);
  return Math.ceil(Math.round(value * 1e6) / 1e3);
}

async function firstAnswer<T>(
  { sources, clock, signal }: ReaderOptions,
  { name }: MetricIdentifier,
  ask: (source: CustomMetrics, signal: AbortSignal) => Promise<T | undefined> | undefined,
): Promise<T> {
  const failures: string[] = [];
  for (const source of sources) {
    const enough = new AbortController();
    const late = (): Error => new OrreryError('TIMEOUT', `no answer within ${ANSWER_MS} ms`);
    try {
      const answer = await within(Promise.resolve(ask(source, enough.signal)), clock, ANSWER_MS, late, signal);
      if (answer !== undefined) return answer;
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(`${source.name}: ${errorMessage(error)}`);
    } finally {
      enough.abort();
    }
  }
  throw new RangeError(`unable to get metric ${name}: ${failures.length > 0 ? failures.join('; ') : 'no source of metrics knows it'}`);
}
