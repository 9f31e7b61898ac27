import { list } from '../kernel/tokens.js';
import type { CrossVersionObjectReference } from '../model/kinds/metric-target.js';
import type { Pod } from '../model/kinds/pod.js';
import type { LabelSelector } from '../model/kinds/selectors.js';

/** One value of a metric. */
export interface MetricReading {
  /** In the metric's own unit; finite. */
  readonly value: number;
  /** Milliseconds since the epoch at which it was so. */
  readonly timestamp: number;
  /** Length of the window it was measured over, milliseconds; absent: a moment. */
  readonly windowMs?: number;
}

/** Which metric is asked for. */
export interface MetricQuestion {
  readonly namespace: string;
  readonly metric: string;
  /** Narrows down the series of the metric; absent: all. */
  readonly selector?: LabelSelector;
}

/**
 * A source of metrics that are not use of cpu and memory: a user's function, a Prometheus endpoint, a queue.
 * Autoscalers ask each source in turn until one knows the metric; `undefined` means "not mine". A source that throws is passed over, and its error is told if no other answers.
 * Called every few seconds per autoscaler and at any time; the signal aborts when the answer would be too late. What it answers it must not change afterwards.
 */
export interface CustomMetrics {
  /** For messages. */
  readonly name: string;
  /** A value for each of these pods, by name; those it has none for are left out. */
  podMetric?(question: MetricQuestion & { readonly pods: readonly Pod[] }, signal: AbortSignal): Promise<ReadonlyMap<string, MetricReading> | undefined>;
  /** The value that describes one object of the namespace. */
  objectMetric?(question: MetricQuestion & { readonly object: CrossVersionObjectReference }, signal: AbortSignal): Promise<MetricReading | undefined>;
  /** The values of a metric from outside of the cluster; they are added up. */
  externalMetric?(question: MetricQuestion, signal: AbortSignal): Promise<readonly MetricReading[] | undefined>;
}

/** All sources of custom metrics, in the order in which they are asked. */
export const CustomMetrics = list<CustomMetrics>('CustomMetrics');
