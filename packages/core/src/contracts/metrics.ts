import { list } from '../kernel/tokens.js';

/** Use of one node or container at one moment, or over a window that ends then. */
export interface ResourceUsage {
  /** Thousandths of a core, the mean over the window. Absent until two samples are there. */
  readonly cpuMillis?: number;
  /** Memory that cannot be reclaimed under pressure, bytes. */
  readonly memoryBytes: number;
}

/** What one pod uses (metrics.k8s.io PodMetrics). */
export interface PodUsage {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** End of the window, milliseconds since the epoch. */
  readonly timestamp: number;
  /** Length of the window, milliseconds. */
  readonly windowMs: number;
  readonly containers: readonly (ResourceUsage & { readonly name: string })[];
}

/** What one node uses (metrics.k8s.io NodeMetrics). */
export interface NodeUsage extends ResourceUsage {
  readonly name: string;
  /** End of the window, milliseconds since the epoch. */
  readonly timestamp: number;
  /** Length of the window, milliseconds. */
  readonly windowMs: number;
}

/** Tells what pods and nodes use: each node agent is one. Answers come from samples taken before, and never wait for an engine. */
export interface MetricsSource {
  /** The nodes this source knows; those without a sample yet are left out. */
  nodes(): readonly NodeUsage[];
  /** Running pods this source knows; those without a sample yet are left out. */
  pods(): readonly PodUsage[];
}

/** All sources of metrics: autoscalers and `top` ask each. */
export const MetricsSources = list<MetricsSource>('MetricsSources');
