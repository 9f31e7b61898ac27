import { builtinKinds, type KubeObject, Lease, Node, type Orchestrator, Pod } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { simulatedCluster } from './cluster.js';

const HOUR_MS = 3_600_000;
/** Machines report on themselves (leases, node status) whether or not anything happens: not the controllers' doing. */
const OF_MACHINES: ReadonlySet<string> = new Set([Lease.kind, Node.kind]);

/** Writes in an hour of virtual time to a cluster of every workload kind in which nothing happens, apart from the machines' own reports. */
export async function idleWrites(): Promise<{ readonly perHour: number; readonly kinds: Readonly<Record<string, number>> }> {
  const clock = new VirtualClock();
  const { orchestrator, end } = await simulatedCluster(10, { clock });
  try {
    await orchestrator.client.apply(WORKLOADS);
    // Until all has started, and the events about it have expired.
    await clock.advance(HOUR_MS + 10 * 60_000);
    const aborts = builtinKinds.map(() => new AbortController());
    const written: Record<string, number> = {};
    const watching = builtinKinds.map(async (kind, i) => {
      if (OF_MACHINES.has(kind.kind)) return;
      const { resourceVersion } = (await orchestrator.client.kind(kind).list()).metadata;
      for await (const event of orchestrator.client.kind(kind).watch({ resourceVersion }, (aborts[i] as AbortController).signal)) {
        if (event.type !== 'BOOKMARK') written[kind.kind] = (written[kind.kind] ?? 0) + 1;
      }
    });
    await clock.settle();
    await clock.advance(HOUR_MS);
    const state = await pods(orchestrator);
    for (const abort of aborts) abort.abort();
    await Promise.all(watching);
    if (state.length === 0 || state.some((phase) => phase !== 'Running')) throw new Error(`the cluster is not at rest: ${state.join(', ')}`);
    return { perHour: Object.values(written).reduce((sum, count) => sum + count, 0), kinds: written };
  } finally {
    await end();
  }
}

const pods = async ({ client }: Orchestrator): Promise<string[]> => (await client.kind(Pod).list()).items.map(({ status }) => status?.phase ?? 'none');

const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'none', resources: { requests: { cpu: '10m', memory: '10Mi' } } }] } };
const object = (apiVersion: string, kind: string, spec: object): KubeObject => ({ apiVersion, kind, metadata: { name: kind.toLowerCase(), namespace: 'default' }, spec }) as unknown as KubeObject;
const of = (app: string): { selector: object; template: object } => ({ selector: { matchLabels: { app } }, template: { ...template, metadata: { labels: { app } } } });

const WORKLOADS: readonly KubeObject[] = [
  object('apps/v1', 'Deployment', { replicas: 50, ...of('web') }),
  object('apps/v1', 'StatefulSet', { replicas: 5, serviceName: 'db', ...of('db') }),
  object('apps/v1', 'DaemonSet', of('agent')),
  object('batch/v1', 'Job', { suspend: true, template: { spec: { ...template.spec, restartPolicy: 'Never' } } }),
  object('batch/v1', 'CronJob', { schedule: '0 0 1 1 *', suspend: true, jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } } }),
  object('autoscaling/v2', 'HorizontalPodAutoscaler', {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'statefulset' },
    maxReplicas: 9,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
  }),
  object('v1', 'Service', { selector: { app: 'web' }, ports: [{ port: 80 }] }),
  object('policy/v1', 'PodDisruptionBudget', { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } }),
  object('v1', 'ResourceQuota', { hard: { pods: '100', 'requests.cpu': '100' } }),
];
