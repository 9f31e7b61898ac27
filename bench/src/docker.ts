import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createOrchestrator, type Orchestrator, Pod } from '@orrery/core';
import { busyboxImage, startDockerd } from '@orrery/engines';
import { nodeAgent } from '@orrery/node-agent';
import { dockerRuntime } from '@orrery/runtime-docker';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { allRunning, type OneNode } from './cluster.js';
import { BareEngine } from './docker-bare.js';
import { type BenchResult, median, rounded, timed } from './measure.js';

const IMAGE = 'orrery-bench:latest';
const SWARM_BRIDGE = '/sys/class/net/docker_gwbridge';
const FOREVER = ['sleep', '1000000'];
const PODS = 50;
/** What the runtime starts at once; the bare calls are made as many at a time. */
const PARALLEL = 8;
const ROUNDS = 3;
const HEALS = 9;

/**
 * Fifty pods of one container until all run, over fifty bare containers of the same image, and beside a Swarm service of fifty;
 * and `kill -9` of a container until its replacement runs, over the bare start of a container that exists.
 */
export async function dockerBench(): Promise<BenchResult> {
  const engine = await startDockerd();
  try {
    const bare = new BareEngine(engine.socketPath, await busyboxImage(engine.socketPath, IMAGE));
    const metrics = await withOrrery(engine.socketPath, (node) => measure(node.orchestrator, bare));
    const swarm = await swarmOf(bare);
    process.stdout.write(
      `${PODS} pods run after ${metrics.orrerySeconds} s, ${PODS} bare containers after ${metrics.bareSeconds} s, a Swarm service after ${swarm.swarmSeconds} s; ` +
        `healed in ${metrics.healMs} ms (Swarm ${swarm.swarmHealMs} ms), a bare start takes ${metrics.bareStartMs} ms\n`,
    );
    return { bench: 'docker', metrics: { ...metrics, ...swarm } };
  } finally {
    await engine.stop();
  }
}

interface Measured extends Record<string, number> {
  readonly ratioToBare: number;
  readonly orrerySeconds: number;
  readonly bareSeconds: number;
  readonly healRatio: number;
  readonly healMs: number;
  readonly bareStartMs: number;
}

async function measure(orchestrator: Orchestrator, bare: BareEngine): Promise<Measured> {
  // The first of each makes the sandbox's image, loads the client and fills the caches of the disk.
  await podsRunning(orchestrator, 'warm', 1);
  await bare.remove(await bare.run(2, 2, FOREVER));
  await bare.empty();
  const rounds: { readonly pods: number; readonly bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let ids: readonly string[] = [];
    const bareMs = await timed(async () => (ids = await bare.run(PODS, PARALLEL, FOREVER)));
    await bare.remove(ids);
    await bare.empty();
    rounds.push({ bare: bareMs, pods: await podsRunning(orchestrator, `round-${round}`, PODS) });
    await bare.empty();
  }
  const heals: { readonly heal: number; readonly start: number }[] = [];
  for (let round = 0; round < HEALS; round += 1) heals.push({ start: await bareStart(bare), heal: await healOnce(orchestrator, bare, `victim-${round}`) });
  return {
    // Each pod is two containers: its sandbox and its own.
    ratioToBare: rounded(median(rounds.map(({ pods, bare: alone }) => pods / 2 / alone))),
    orrerySeconds: rounded(median(rounds.map(({ pods }) => pods)) / 1000),
    bareSeconds: rounded(median(rounds.map(({ bare: alone }) => alone)) / 1000),
    healRatio: rounded(median(heals.map(({ heal, start }) => heal / start))),
    healMs: rounded(median(heals.map(({ heal }) => heal))),
    bareStartMs: rounded(median(heals.map(({ start }) => start))),
  };
}

/** Milliseconds from the first create to all Running; the API has forgotten them when it resolves. */
async function podsRunning(orchestrator: Orchestrator, group: string, count: number): Promise<number> {
  const pods = orchestrator.client.kind(Pod);
  const names = Array.from({ length: count }, (_, i) => `${group}-${i}`);
  const took = await timed(async () => {
    await Promise.all(names.map((name) => pods.create(podOf(name, group))));
    await allRunning(orchestrator, `group=${group}`, count);
  });
  await Promise.all(names.map((name) => pods.delete({ name }, { gracePeriodSeconds: 0 })));
  while ((await pods.list({ labelSelector: `group=${group}` })).items.length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  return took;
}

function podOf(name: string, group: string): Pod {
  const container = { name: 'main', image: IMAGE, imagePullPolicy: 'Never', command: [...FOREVER] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { group } }, spec: { containers: [container], terminationGracePeriodSeconds: 0 } } as unknown as Pod;
}

/** Milliseconds that the engine alone takes to start a container that exists and has ended. */
async function bareStart(bare: BareEngine): Promise<number> {
  const id = await bare.create(FOREVER);
  await bare.start(id);
  await bare.kill(id);
  const took = await timed(() => bare.start(id));
  await bare.remove([id]);
  return took;
}

/** Milliseconds from `kill -9` of a pod's container to its next attempt being told as running. Each pod dies once, so that no back-off is measured. */
async function healOnce(orchestrator: Orchestrator, bare: BareEngine, name: string): Promise<number> {
  const pods = orchestrator.client.kind(Pod);
  await pods.create(podOf(name, name));
  await allRunning(orchestrator, `group=${name}`, 1);
  const { status } = await pods.get({ name });
  const id = (status?.containerStatuses?.[0]?.containerID ?? '').replace(/^.*:\/\//, '');
  const pid = await bare.pid(id);
  const running = new AbortController();
  const changes = pods.watch({ labelSelector: `group=${name}` }, running.signal);
  const took = await timed(async () => {
    process.kill(pid, 'SIGKILL');
    for await (const event of changes) {
      const container = event.type === 'BOOKMARK' ? undefined : event.object.status?.containerStatuses?.[0];
      if (container?.restartCount === 1 && container.state?.running !== undefined) break;
    }
  });
  running.abort();
  await pods.delete({ name }, { gracePeriodSeconds: 0 });
  await bare.empty();
  return took;
}

async function withOrrery<T>(socketPath: string, body: (node: OneNode) => Promise<T>): Promise<T> {
  const stateDir = mkdtempSync(join(tmpdir(), 'orrery-bench-'));
  const orchestrator = await createOrchestrator({
    plugins: [
      memoryStore(),
      scheduler(),
      dockerRuntime({ socketPath, network: 'none', parallelStarts: PARALLEL, onStop: 'destroy' }),
      nodeAgent({ name: 'bench', rootDir: join(stateDir, 'node'), capacity: { cpu: '1000', memory: '1Ti', pods: '10000' } }),
    ],
  });
  await orchestrator.start();
  try {
    return await body({ orchestrator, end: () => orchestrator.stop() });
  } finally {
    await orchestrator.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** The same with Docker Swarm, restarting without delay, on the same engine. */
async function swarmOf(bare: BareEngine): Promise<{ readonly swarmSeconds: number; readonly swarmHealMs: number }> {
  const hadBridge = existsSync(SWARM_BRIDGE);
  await bare.swarm();
  try {
    let service = '';
    const starts: number[] = [];
    const until = async (holds: (running: readonly string[]) => boolean): Promise<void> => {
      while (!holds(await bare.running(service))) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round > 0) await bare.removeService(service);
      await bare.empty();
      starts.push(
        await timed(async () => {
          service = await bare.service(`bench-${round}`, PODS, FOREVER);
          await until(({ length }) => length === PODS);
        }),
      );
    }
    const heals: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const before = await bare.running(service);
      const pid = await bare.pid(before[0] ?? '');
      heals.push(
        await timed(async () => {
          process.kill(pid, 'SIGKILL');
          await until((running) => running.length === PODS && running.some((id) => !before.includes(id)));
        }),
      );
    }
    return { swarmSeconds: rounded(median(starts) / 1000), swarmHealMs: rounded(median(heals)) };
  } finally {
    await bare.leaveSwarm();
    // Swarm makes this bridge outside of the engine's folder, and leaves it.
    if (!hadBridge && existsSync(SWARM_BRIDGE)) await promisify(execFile)('ip', ['link', 'delete', 'docker_gwbridge']);
  }
}
