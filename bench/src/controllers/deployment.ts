import { Deployment, type Orchestrator } from '@orrery/core';
import { simulatedCluster } from './cluster.js';

/** A Deployment from none to so many replicas, until all are available: pods a second. */
export async function scaleUp(replicas: number): Promise<number> {
  const { orchestrator, end } = await simulatedCluster(Math.ceil(replicas / 100));
  try {
    const deployments = orchestrator.client.kind(Deployment);
    const labels = { app: 'bench' };
    const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'none', resources: { requests: { cpu: '10m', memory: '10Mi' } } }] } };
    await deployments.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'bench', namespace: 'default' }, spec: { replicas: 0, selector: { matchLabels: labels }, template } } as unknown as Deployment);
    const start = performance.now();
    const available = allAvailable(orchestrator, replicas);
    await deployments.scale({ namespace: 'default', name: 'bench' }, replicas);
    await available;
    return replicas / ((performance.now() - start) / 1000);
  } finally {
    await end();
  }
}

async function allAvailable(orchestrator: Orchestrator, replicas: number): Promise<void> {
  for await (const event of orchestrator.client.kind(Deployment).watch({ namespace: 'default' }, AbortSignal.timeout(300_000))) {
    if (event.type !== 'BOOKMARK' && event.object.status?.availableReplicas === replicas) return;
  }
  throw new Error(`not all of ${replicas} replicas became available`);
}
