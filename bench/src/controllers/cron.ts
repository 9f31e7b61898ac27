import { CronJob, Job } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { simulatedCluster } from './cluster.js';

const HOUR_MS = 3_600_000;

/** What a virtual day of CronJobs came to. */
export interface CronDay {
  readonly realSeconds: number;
  readonly runs: number;
}

/** So many CronJobs, each once in six hours at a time of its own, for a virtual day, with their Jobs and pods on simulated machines. */
export async function cronDay(count: number): Promise<CronDay> {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1) - 30_000);
  const { orchestrator, end } = await simulatedCluster(10, { clock, behaviour: () => ({ startDelayMs: 200, exitAfterMs: 5_000 }) });
  try {
    const { client } = orchestrator;
    const seen = new Set<string>();
    const abort = new AbortController();
    const watching = (async () => {
      for await (const event of client.kind(Job).watch({ namespace: 'default' }, abort.signal)) if (event.type === 'ADDED') seen.add(event.object.metadata.uid ?? '');
    })();
    const start = performance.now();
    const container = { name: 'main', image: 'none', resources: { requests: { cpu: '10m', memory: '10Mi' } } };
    const jobTemplate = { spec: { template: { spec: { restartPolicy: 'Never', containers: [container] } } } };
    for (let i = 0; i < count; i += 1) {
      const schedule = `${i % 60} ${i % 6}-23/6 * * *`;
      await client.kind(CronJob).create({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: `c${i}`, namespace: 'default' }, spec: { schedule, successfulJobsHistoryLimit: 1, jobTemplate } } as unknown as CronJob);
    }
    await clock.advance(24 * HOUR_MS);
    abort.abort();
    await watching;
    if (seen.size !== count * 4) throw new Error(`${seen.size} runs instead of ${count * 4}`);
    return { realSeconds: (performance.now() - start) / 1000, runs: seen.size };
  } finally {
    await end();
  }
}
