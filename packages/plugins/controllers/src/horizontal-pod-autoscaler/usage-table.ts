import type { Clock, MetricsSource, Pod, PodUsage } from '@orrery/core';
import type { PodMetric, PodMetrics } from './pod-groups.js';

/** How long one collection of all sources serves: autoscalers that are looked at together share it. */
const FRESH_MS = 500;

/** What pods use, from all metrics sources, by the uid of the pod. */
export class UsageTable {
  #byUid: ReadonlyMap<string, PodUsage> = new Map();
  /** Monotonic; when it was collected. */
  #collectedAt = -Infinity;

  /** @param maxAgeMs samples older than that are no samples: their node is silent. */
  constructor(
    private readonly sources: () => readonly MetricsSource[],
    private readonly clock: Clock,
    private readonly maxAgeMs: number,
  ) {}

  /** The use of a resource by these pods, or by one container of each, by name. Pods without a sample of it are left out. */
  of(pods: readonly Pod[], resource: string, container?: string): PodMetrics {
    const byUid = this.#collect();
    const since = this.clock.now() - this.maxAgeMs;
    const metrics = new Map<string, PodMetric>();
    for (const { metadata } of pods) {
      const usage = byUid.get(metadata.uid ?? '');
      if (usage === undefined || usage.timestamp < since) continue;
      const value = usedBy(usage, resource, container);
      if (value !== undefined) metrics.set(metadata.name ?? '', { value, timestamp: usage.timestamp, windowMs: usage.windowMs });
    }
    return metrics;
  }

  #collect(): ReadonlyMap<string, PodUsage> {
    const now = this.clock.monotonic();
    if (now - this.#collectedAt < FRESH_MS) return this.#byUid;
    const byUid = new Map<string, PodUsage>();
    for (const source of this.sources()) {
      for (const usage of source.pods()) if (usage.timestamp > (byUid.get(usage.uid)?.timestamp ?? -Infinity)) byUid.set(usage.uid, usage);
    }
    this.#byUid = byUid;
    this.#collectedAt = now;
    return byUid;
  }
}

/** In thousandths; undefined when some container has no sample of it (getPodMetrics of the resource metrics client). */
function usedBy({ containers }: PodUsage, resource: string, container: string | undefined): number | undefined {
  const counted = container === undefined ? containers : containers.filter(({ name }) => name === container);
  if (counted.length === 0) return undefined;
  let total = 0;
  for (const { cpuMillis, memoryBytes } of counted) {
    const used = resource === 'cpu' ? cpuMillis : resource === 'memory' ? memoryBytes * 1000 : undefined;
    if (used === undefined) return undefined;
    total += Math.round(used);
  }
  return total;
}
