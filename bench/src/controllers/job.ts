import { Job, type Orchestrator } from '@orrery/core';
import { simulatedCluster } from './cluster.js';

const PARALLELISM = 500;

/** A Job whose pods end at once, until it is complete: completions a second. */
export async function completeJob(completions: number): Promise<number> {
  const { orchestrator, end } = await simulatedCluster(Math.ceil(PARALLELISM / 50), { behaviour: () => ({ exitAfterMs: 0 }) });
  try {
    const container = { name: 'main', image: 'none', resources: { requests: { cpu: '10m', memory: '10Mi' } } };
    const template = { spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [container] } };
    const start = performance.now();
    const complete = isComplete(orchestrator, completions);
    await orchestrator.client.kind(Job).create({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'bench', namespace: 'default' }, spec: { completions, parallelism: PARALLELISM, template } } as unknown as Job);
    await complete;
    return completions / ((performance.now() - start) / 1000);
  } finally {
    await end();
  }
}

async function isComplete({ client }: Orchestrator, completions: number): Promise<void> {
  let last: Job['status'];
  for await (const event of client.kind(Job).watch({ namespace: 'default' }, AbortSignal.timeout(300_000))) {
    if (event.type === 'BOOKMARK') continue;
    last = event.object.status;
    if (last?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True') === true) {
      if (last.succeeded !== completions) throw new Error(`the job is complete with ${last.succeeded} of ${completions} completions`);
      return;
    }
  }
  throw new Error(`the job did not complete: ${JSON.stringify(last)}`);
}
