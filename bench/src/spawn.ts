import { type ChildProcess, spawn } from 'node:child_process';
import { Pod } from '@orrery/core';
import { allRunning, commandPod, oneNode } from './cluster.js';
import { type BenchResult, median, rounded, timed } from './measure.js';
import { hasPm2, pm2Start } from './pm2.js';

const PODS = 200;
const ROUNDS = 5;
const PROGRAM = ['sleep', '600'] as const;

/** 200 one-container pods created → all Running, over 200 bare spawns of the same program; and over PM2 when it is installed. */
export async function spawnBench(): Promise<BenchResult> {
  const node = await oneNode();
  const ratios: number[] = [];
  const ours: number[] = [];
  const bare: number[] = [];
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      const spawning = await spawnBare();
      const label = `round-${round}`;
      const pods = Array.from({ length: PODS }, (_, i) => labelled(commandPod(`${label}-${i}`, PROGRAM), label));
      const running = await timed(async () => {
        const done = allRunning(node.orchestrator, `bench=${label}`, PODS);
        await Promise.all([...pods.map((pod) => node.orchestrator.client.kind(Pod).create(pod)), done]);
      });
      await node.orchestrator.client.kind(Pod).deleteCollection({ namespace: 'default', labelSelector: `bench=${label}`, deletion: { gracePeriodSeconds: 0 } });
      if (round === 0) continue; // Warm-up.
      ratios.push(running / spawning);
      ours.push(running);
      bare.push(spawning);
    }
  } finally {
    await node.end();
  }
  const metrics: Record<string, number> = { ratio: rounded(median(ratios)), podsMs: rounded(median(ours)), bareMs: rounded(median(bare)) };
  if (hasPm2()) {
    const perProcess = (await pm2Start(50)) / 50;
    metrics['pm2PerPodRatio'] = rounded(median(ours) / PODS / perProcess);
  }
  process.stdout.write(`${PODS} pods Running in ${median(ours).toFixed(0)} ms; ${PODS} bare spawns take ${median(bare).toFixed(0)} ms\n`);
  return { bench: 'spawn', metrics };
}

const labelled = (pod: Pod, bench: string): Pod => ({ ...pod, metadata: { ...pod.metadata, labels: { bench } } });

/** Spawns the program so often, until each has started; then ends them. */
async function spawnBare(): Promise<number> {
  const children: ChildProcess[] = [];
  const took = await timed(() =>
    Promise.all(
      Array.from(
        { length: PODS },
        () =>
          new Promise<void>((resolve, reject) => {
            const child = spawn(PROGRAM[0], PROGRAM.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
            children.push(child);
            child.once('spawn', () => resolve());
            child.once('error', reject);
          }),
      ),
    ),
  );
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve) && child.kill('SIGKILL'))));
  return took;
}
