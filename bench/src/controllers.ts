import { warmClaims } from './controllers/claims.js';
import { cronDay } from './controllers/cron.js';
import { scaleUp } from './controllers/deployment.js';
import { idleWrites } from './controllers/idle.js';
import { completeJob } from './controllers/job.js';
import { type BenchResult, median, rounded } from './measure.js';

const PODS = 5_000;
const COMPLETIONS = 10_000;
const CRON_JOBS = 1_000;

/** The controllers at work on simulated machines with the real scheduler and agents, at rest, and warm claims on real processes. */
export async function controllersBench(): Promise<BenchResult> {
  await scaleUp(500); // Warm-up.
  const scaling = await repeated(5, () => scaleUp(PODS));
  process.stdout.write(`deployment 0 → ${PODS}: ${scaling.map((value) => value.toFixed(0)).join(', ')} pods/s\n`);
  const jobs = await repeated(3, () => completeJob(COMPLETIONS));
  process.stdout.write(`job of ${COMPLETIONS} completions: ${jobs.map((value) => value.toFixed(0)).join(', ')} completions/s\n`);
  const day = await cronDay(CRON_JOBS);
  process.stdout.write(`${CRON_JOBS} cron jobs, ${day.runs} runs in a virtual day: ${day.realSeconds.toFixed(1)} s\n`);
  const idle = await idleWrites();
  process.stdout.write(`at rest: ${idle.perHour} writes in a virtual hour ${JSON.stringify(idle.kinds)}\n`);
  const claims = await repeated(3, warmClaims);
  process.stdout.write(`warm claims: p99 ${claims.map(({ p99Ms }) => p99Ms.toFixed(1)).join(', ')} ms\n`);
  return {
    bench: 'controllers',
    metrics: {
      podsPerSecond: rounded(median(scaling)),
      completionsPerSecond: rounded(median(jobs)),
      realSeconds: rounded(day.realSeconds),
      idleWritesPerHour: idle.perHour,
      claimP50Ms: rounded(median(claims.map(({ p50Ms }) => p50Ms))),
      claimP99Ms: rounded(median(claims.map(({ p99Ms }) => p99Ms))),
    },
  };
}

async function repeated<T>(times: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let i = 0; i < times; i += 1) results.push(await run());
  return results;
}
