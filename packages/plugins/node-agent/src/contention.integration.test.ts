import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator, type Plugin, Pod, Runtimes, systemClock } from '@orrery/core';
import { busyboxImage, type DockerEngine, requireParts, startDockerd } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import { createProcessRuntime, processRuntime } from '@orrery/runtime-process';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeAgent } from './index.js';
import { containerOf, never } from './test/cluster.js';

// Several pods on one host, one of which takes all it can get.

const BUSY = 'while :; do :; done';
/** More loops than processors. */
const LOOPS = availableParallelism() * 3;
const GREEDY_CPU = `i=0; while [ $i -lt ${LOOPS} ]; do (${BUSY}) & i=$((i+1)); done; wait`;
const GREEDY_MEMORY = 'x=0123456789abcdef; while :; do x="$x$x"; done';
const WATCH_MS = 3_000;

/** One node on a runtime, and what a test asks of it. */
class Host {
  #orchestrator!: Orchestrator;
  readonly #folder = mkdtempSync(join(tmpdir(), 'orrery-contention-'));

  async start(runtime: Plugin): Promise<void> {
    this.#orchestrator = await createOrchestrator({ plugins: [memoryStore(), runtime, nodeAgent({ name: 'node', rootDir: this.#folder })] });
    await this.#orchestrator.start();
  }

  async stop(): Promise<void> {
    await this.#orchestrator?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #pods() {
    return this.#orchestrator.client.kind(Pod);
  }

  async run(name: string, script: string, resources: object = {}, restartPolicy = 'Never'): Promise<Pod> {
    const container = { name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['sh', '-c', script], resources };
    await this.#pods.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', terminationGracePeriodSeconds: 0, restartPolicy, containers: [container] } } as Pod);
    return this.until(name, ({ status }) => (status?.phase ?? 'Pending') !== 'Pending');
  }

  get(name: string): Promise<Pod> {
    return this.#pods.get({ namespace: 'default', name });
  }

  async until(name: string, wanted: (pod: Pod) => boolean): Promise<Pod> {
    const end = systemClock.monotonic() + 30_000;
    for (;;) {
      const pod = await this.get(name);
      if (wanted(pod)) return pod;
      if (systemClock.monotonic() > end) throw new Error(`${name}: ${JSON.stringify(pod.status, null, 1)}`);
      await systemClock.sleep(30, never);
    }
  }

  async end(...names: string[]): Promise<void> {
    for (const name of names) await this.#pods.delete({ namespace: 'default', name }, { gracePeriodSeconds: 0 });
    for (const name of names) while ((await this.#pods.find({ namespace: 'default', name })) !== undefined) await systemClock.sleep(20, never);
  }

  /** Cores that each running pod takes, over some seconds. */
  async cores(): Promise<Record<string, number>> {
    const runtime = this.#orchestrator.get(Runtimes).get();
    if (runtime === undefined) throw new Error('no runtime');
    const first = new Map((await runtime.stats(never)).map((stats) => [stats.containerId, stats]));
    await systemClock.sleep(WATCH_MS, never);
    const used: Record<string, number> = {};
    for (const { containerId, pod, cpuNanoseconds, timestamp } of await runtime.stats(never)) {
      const before = first.get(containerId);
      if (before !== undefined) used[pod.name] = (cpuNanoseconds - before.cpuNanoseconds) / ((timestamp - before.timestamp) * 1e6);
    }
    return used;
  }
}

/** What holds on every runtime with limits. */
function contention(host: Host): void {
  it('a pod that takes all cpu leaves the others what they asked for', async () => {
    await host.run('greedy', GREEDY_CPU);
    await host.run('asked', BUSY, { requests: { cpu: '500m' } });
    await host.run('limited', BUSY, { limits: { cpu: '100m' } });
    const { greedy = 0, asked = 0, limited = 0 } = await host.cores();
    // One loop that asked for cpu gets far more than each of those that did not; other work on this machine takes from all alike.
    expect(asked, JSON.stringify({ greedy, asked, limited })).toBeGreaterThan((3 * greedy) / LOOPS);
    expect(limited, JSON.stringify({ greedy, asked, limited })).toBeLessThan(0.16);
    await host.end('greedy', 'asked', 'limited');
  });

  it('a pod beyond its memory is killed, told as OOMKilled and started again; its neighbours are not', async () => {
    await host.run('good', 'exec sleep 1000', { limits: { memory: '32Mi' } });
    await host.run('greedy', GREEDY_MEMORY, { limits: { memory: '32Mi' } }, 'Always');
    const greedy = await host.until('greedy', (pod) => (containerOf(pod)?.restartCount ?? 0) > 0);
    const { state, lastState } = containerOf(greedy) ?? {};
    expect(lastState?.terminated ?? state?.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(containerOf(await host.get('good'))).toMatchObject({ restartCount: 0, ready: true });
    await host.end('greedy', 'good');
  });
}

const processes = requireParts('root', 'cgroups');
describe.skipIf(processes.missing)(`contention of processes${processes.note}`, () => {
  const host = new Host();
  const stateDir = join(mkdtempSync(join(tmpdir(), 'orrery-contention-')), 'state');
  beforeAll(() => host.start(processRuntime({ stateDir, lingerSeconds: 1, workingDir: '/' })));
  afterAll(async () => {
    await host.stop();
    await createProcessRuntime({ stateDir }).destroy(never);
    rmSync(join(stateDir, '..'), { recursive: true, force: true });
  });
  contention(host);
});

const docker = requireParts('dockerd', 'busybox');
describe.skipIf(docker.missing)(`contention of containers${docker.note}`, () => {
  const host = new Host();
  // The engine's containers together have less memory than the machine, so that it can run out without hurting anybody else.
  const parent = `orrery-contention-${process.pid}`;
  const memory = join('/sys/fs/cgroup/memory', parent);
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await startDockerd({ args: [`--cgroup-parent=/${parent}`] });
    await busyboxImage(engine.socketPath, 'box');
    await host.start(dockerRuntime({ id: 'contention', socketPath: engine.socketPath, network: 'none' }));
  }, 120_000);
  afterAll(async () => {
    await host.stop();
    await engine?.stop();
    for (const tree of readdirSync('/sys/fs/cgroup')) removeGroup(join('/sys/fs/cgroup', tree, parent));
  });
  contention(host);

  it('when the whole host runs out of memory, who asked for nothing is killed first', async () => {
    mkdirSync(memory, { recursive: true });
    writeFileSync(join(memory, 'memory.limit_in_bytes'), String(192 * 1024 * 1024));
    const holding = 'x=$(head -c 24000000 /dev/zero | tr "\\000" x); sleep 1000';
    await host.run('guaranteed', holding, { limits: { cpu: '100m', memory: '96Mi' } });
    await host.run('burstable', holding, { requests: { memory: '64Mi' } });
    await host.run('greedy', GREEDY_MEMORY);
    const { status } = await host.until('greedy', (pod) => pod.status?.phase === 'Failed');
    expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
    for (const name of ['guaranteed', 'burstable']) expect((await host.get(name)).status?.phase, name).toBe('Running');
    const qos = await Promise.all(['guaranteed', 'burstable', 'greedy'].map(async (name) => (await host.get(name)).status?.qosClass));
    expect(qos).toEqual(['Guaranteed', 'Burstable', 'BestEffort']);
    expect(Number(readFileSync(join(memory, 'memory.failcnt'), 'utf8'))).toBeGreaterThan(0);
  });
});

function removeGroup(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    // Not every tree has it, and what lies there need not be a tree.
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
