import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Event, MetricsSources, Node, silentLogger, systemClock } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { MachineMeter } from '../metrics/machine-meter.js';
import type { NodeMeter } from '../metrics/meter.js';
import { condition, containerOf, forever, never, shell, TestCluster } from '../test/cluster.js';

const Mi = 1024 ** 2;

let cluster: TestCluster;
afterEach(() => cluster.dispose());

/** The machine's own measures; until it is armed it seems to have plenty of memory. */
class ArmedMeter implements NodeMeter {
  armed = false;
  readonly #folder = mkdtempSync(join(tmpdir(), 'orrery-meter-'));
  readonly #machine = new MachineMeter({ rootDir: this.#folder, runtime: { capabilities: { images: false } as never, imageFilesystem: async () => undefined }, log: silentLogger });

  async measure(signal: AbortSignal) {
    const real = await this.#machine.measure(signal);
    return this.armed ? real : { ...real, memory: { availableBytes: Number.MAX_SAFE_INTEGER / 2, workingSetBytes: 0 } };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

describe('a machine that has less memory than its threshold', () => {
  it('loses the pods that take more than they asked for first, and keeps critical ones', async () => {
    const meter = new ArmedMeter();
    try {
      const total = (await new MachineMeter({ rootDir: '/', runtime: { capabilities: { images: false } as never, imageFilesystem: async () => undefined }, log: silentLogger }).measure(never)).memory;
      if (total === undefined) throw new Error('this machine does not tell its memory');
      // More than any machine has left: pressure is real for the agent, and harmless.
      const threshold = `${total.availableBytes + total.workingSetBytes - Mi}`;
      cluster = await new TestCluster({ capacity: { memory: '8Gi' }, agent: { meter, eviction: { evictionHard: { 'memory.available': threshold }, monitoringSeconds: 0.3 } } }).start();
      await cluster.run('greedy', { containers: [shell('x=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 1000; echo $x')] });
      await cluster.run('modest', { containers: [shell(forever, { resources: { requests: { memory: '256Mi' } } })] });
      await cluster.run('system', { priority: 2_000_000_000, containers: [shell(forever)] });
      await Promise.all(['greedy', 'modest', 'system'].map((name) => cluster.ready(name)));
      meter.armed = true;
      const [greedy, modest] = [await cluster.phase('greedy', 'Failed'), await cluster.phase('modest', 'Failed')];
      expect(greedy.status?.reason).toBe('Evicted');
      expect(greedy.status?.message).toMatch(/^The node was low on resource: memory\. Threshold quantity: \S+, available: \S+\. Container main was using \S+, request is 0, has larger consumption of memory\. $/);
      expect(condition(greedy, 'DisruptionTarget')).toBe('True');
      expect(containerOf(greedy)?.state?.terminated).toMatchObject({ exitCode: 137 });
      expect(modest.status?.message).not.toContain('Container main');
      expect(Date.parse(containerOf(greedy)?.state?.terminated?.finishedAt ?? '')).toBeLessThanOrEqual(Date.parse(containerOf(modest)?.state?.terminated?.finishedAt ?? ''));
      await cluster.run('late', { containers: [shell(forever)] });
      expect((await cluster.phase('late', 'Failed')).status?.message).toBe('Pod was rejected: The node had condition: [MemoryPressure]. ');
      expect((await cluster.get('system')).status?.phase).toBe('Running');
      const node = await cluster.orchestrator.client.kind(Node).get({ name: 'node' });
      expect(node.status?.conditions?.find(({ type }) => type === 'MemoryPressure')).toMatchObject({ status: 'True', reason: 'KubeletHasInsufficientMemory' });
      const events = (await cluster.orchestrator.client.kind(Event).list()).items;
      expect(events.some(({ reason, involvedObject }) => reason === 'EvictionThresholdMet' && involvedObject.kind === 'Node')).toBe(true);
    } finally {
      meter.dispose();
    }
  });
});

describe('a pod that writes more than it may', () => {
  it('is evicted for its volume; the others stay', async () => {
    cluster = await new TestCluster({ agent: { eviction: { monitoringSeconds: 0.2 } } }).start();
    const volume = (name: string, sizeLimit: string) => ({ volumes: [{ name, emptyDir: { sizeLimit } }] });
    const mounts = [{ name: 'cache', mountPath: '/cache' }];
    await cluster.run('within', { ...volume('cache', '100Mi'), containers: [shell(`head -c 2000000 /dev/zero > $ORRERY_ROOTFS/cache/file; ${forever}`, { volumeMounts: mounts })] });
    await cluster.run('beyond', { ...volume('cache', '1Mi'), containers: [shell(`head -c 2000000 /dev/zero > $ORRERY_ROOTFS/cache/file; ${forever}`, { volumeMounts: mounts })] });
    const beyond = await cluster.phase('beyond', 'Failed');
    expect(beyond.status).toMatchObject({ reason: 'Evicted', message: 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ' });
    expect((await cluster.get('within')).status?.phase).toBe('Running');
  });
});

describe('a machine\'s node', () => {
  it('tells what the machine is and has, and what pods use', async () => {
    cluster = await new TestCluster({ agent: { metricsSeconds: 0.2, kubeReserved: { cpu: '10m' } } }).start();
    const { status } = await cluster.orchestrator.client.kind(Node).get({ name: 'node' });
    expect(status?.nodeInfo?.bootID).toMatch(/^[0-9a-f-]{36}$/);
    expect(status?.nodeInfo?.osImage).not.toBe('');
    expect(Number(status?.capacity?.['cpu'])).toBeGreaterThan(0);
    expect(status?.capacity?.['ephemeral-storage']).toMatch(/^\d+[KMGT]i$/);
    expect(status?.allocatable?.['memory']).not.toBe(status?.capacity?.['memory']);
    await cluster.run('busy', { containers: [shell('while :; do :; done')] });
    await cluster.ready('busy');
    const source = cluster.orchestrator.get(MetricsSources).items()[0];
    const until = systemClock.monotonic() + 20_000;
    while ((source?.pods()[0]?.containers[0]?.cpuMillis ?? 0) < 50 && systemClock.monotonic() < until) await systemClock.sleep(50, never);
    expect(source?.pods()).toMatchObject([{ name: 'busy', containers: [{ name: 'main' }] }]);
    expect(source?.pods()[0]?.containers[0]?.cpuMillis).toBeGreaterThan(50);
    expect(source?.pods()[0]?.containers[0]?.memoryBytes).toBeGreaterThan(0);
    expect(source?.nodes()[0]?.cpuMillis).toBeGreaterThan(50);
    expect(source?.nodes()[0]?.memoryBytes).toBeGreaterThan(Mi);
  });
});
