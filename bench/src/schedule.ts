import { createOrchestrator, Node, Pod, type KubeObject } from '@orrery/core';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { type BenchResult, quantile, rounded, rssMiB } from './measure.js';

/** How big the cluster is. */
export interface ScheduleOptions {
  readonly nodes: number;
  readonly pods: number;
}

/** Create → bound as a watcher sees it, in process, memory store, every feasible node scored; and the same at a tenth of the nodes, to show how cost grows. */
export async function scheduleBench({ nodes, pods }: ScheduleOptions): Promise<BenchResult> {
  const fewNodes = Math.max(1, Math.round(nodes / 10));
  await round(fewNodes, Math.min(pods, 2_000)); // Warm-up.
  const few = await round(fewNodes, pods);
  const many = await round(nodes, pods);
  process.stdout.write(`${nodes} nodes: ${many.podsPerSecond.toFixed(0)} pods/s, p99 ${many.p99Ms.toFixed(0)} ms; ${fewNodes} nodes: ${few.podsPerSecond.toFixed(0)} pods/s\n`);
  return {
    bench: 'schedule',
    metrics: {
      podsPerSecond: rounded(many.podsPerSecond),
      p50Ms: rounded(many.p50Ms),
      p99Ms: rounded(many.p99Ms),
      rssMiB: rounded(many.rss),
      podsPerSecondTenthOfNodes: rounded(few.podsPerSecond),
      costGrowth: rounded(few.podsPerSecond / many.podsPerSecond),
    },
  };
}

async function round(nodes: number, pods: number): Promise<{ podsPerSecond: number; p50Ms: number; p99Ms: number; rss: number }> {
  const orchestrator = await createOrchestrator({ plugins: [memoryStore(), scheduler()] });
  await orchestrator.start();
  try {
    for (let i = 0; i < nodes; i += 1) await orchestrator.client.kind(Node).create(node(i));
    const names = new Set((await orchestrator.client.kind(Node).list()).items.map(({ metadata }) => metadata.name));
    for (const name of names) {
      const made = await orchestrator.client.kind(Node).get({ name: name ?? '' });
      await orchestrator.client.kind(Node).updateStatus({ ...made, status: STATUS } as Node);
    }
    const created = new Map<string, number>();
    const latencies: number[] = [];
    const watching = bound(orchestrator.client.kind(Pod).watch({ namespace: 'default', allowWatchBookmarks: true }, AbortSignal.timeout(300_000)), pods, (name) => latencies.push(performance.now() - (created.get(name) ?? 0)));
    const start = performance.now();
    // As a busy client does it: so many requests under way at a time, so that latencies are the scheduler's and not the length of the queue.
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < pods) {
        const name = `p${next++}`;
        created.set(name, performance.now());
        await orchestrator.client.kind(Pod).create(pod(name));
      }
    };
    await Promise.all([watching, ...Array.from({ length: 64 }, lane)]);
    const seconds = (performance.now() - start) / 1000;
    return { podsPerSecond: pods / seconds, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), rss: rssMiB() };
  } finally {
    await orchestrator.stop();
  }
}

/** Reads the watch until so many pods have a node. */
async function bound(events: AsyncIterable<{ readonly type: string; readonly object: unknown }>, count: number, seen: (name: string) => void): Promise<void> {
  const placed = new Set<string>();
  for await (const event of events) {
    if (event.type === 'BOOKMARK') continue;
    const { metadata, spec } = event.object as Pod;
    const name = metadata.name ?? '';
    if ((spec.nodeName ?? '') === '' || placed.has(name)) continue;
    placed.add(name);
    seen(name);
    if (placed.size === count) return;
  }
  throw new Error(`${placed.size} of ${count} pods were bound`);
}

const RESOURCES = { cpu: '16', memory: '64Gi', pods: '110' };
const STATUS = { capacity: RESOURCES, allocatable: RESOURCES, conditions: [{ type: 'Ready', status: 'True' }] };

const node = (i: number): Node => {
  const labels = { 'kubernetes.io/hostname': `n${i}`, 'topology.kubernetes.io/zone': `z${i % 3}` };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: `n${i}`, labels }, spec: {} } satisfies KubeObject & { spec: object } as Node;
};

const pod = (name: string): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'bench' } },
    spec: { containers: [{ name: 'main', image: 'none', resources: { requests: { cpu: '100m', memory: '200Mi' } } }] },
  }) as unknown as Pod;
