import { Event, MetricsSources, Node, Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeMeasure, NodeMeter } from '../index.js';
import { condition } from '../test/cluster.js';
import { VirtualCluster } from '../test/virtual.js';

const Mi = 1024 ** 2;
const Gi = 1024 * Mi;

let cluster: VirtualCluster;
afterEach(() => cluster.stop());

/** A node whose measures a test sets. */
class FakeMeter implements NodeMeter {
  now: NodeMeasure = { memory: { availableBytes: 900 * Mi, workingSetBytes: 100 * Mi } };
  asked = 0;
  async measure(): Promise<NodeMeasure> {
    this.asked += 1;
    return this.now;
  }
  memory(availableMi: number): void {
    this.now = { ...this.now, memory: { availableBytes: availableMi * Mi, workingSetBytes: (1000 - availableMi) * Mi } };
  }
}

const pod = (name: string, spec: Record<string, unknown> = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', containers: [{ name: 'main', image: 'none' }], ...spec } }) as Pod;

async function start(meter: FakeMeter, options: ConstructorParameters<typeof VirtualCluster>[0] = {}, agent: object = {}) {
  cluster = new VirtualCluster({ ...options, agent: { meter, eviction: 'kubelet', ...agent } });
  const { client } = await cluster.start();
  const pods = client.kind(Pod);
  const phases = async () => Object.fromEntries((await pods.list()).items.map(({ metadata, status }) => [metadata.name, status?.phase]));
  const conditionsOf = async () => Object.fromEntries(((await client.kind(Node).get({ name: 'node' })).status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
  return { client, pods, phases, conditionsOf };
}

describe('a node that runs out of memory', () => {
  it('says so at once, ends the pod that takes most beyond its request, and lets go of the condition after five minutes', async () => {
    const meter = new FakeMeter();
    const { client, pods, phases, conditionsOf } = await start(meter, { behaviour: (_config, { name }) => ({ memoryBytes: name === 'greedy' ? 300 * Mi : 20 * Mi, stopMs: 60_000 }) });
    await pods.create(pod('modest'));
    await pods.create(pod('greedy'));
    await pods.create(pod('system', { priority: 2_000_000_000 }));
    await cluster.clock.advance(15_000);
    expect(await conditionsOf()).toMatchObject({ MemoryPressure: 'False KubeletHasSufficientMemory', Ready: 'True KubeletReady' });
    meter.memory(60);
    const measure = meter.measure.bind(meter);
    meter.measure = () => {
      if (!cluster.machine.containers().some(({ pod: of, state }) => of.name === 'greedy' && state === 'running')) meter.memory(500);
      return measure();
    };
    await cluster.clock.advance(10_500);
    expect(await phases()).toEqual({ modest: 'Running', greedy: 'Failed', system: 'Running' });
    const { status } = await pods.get({ namespace: 'default', name: 'greedy' });
    const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. Container main was using 300Mi, request is 0, has larger consumption of memory. ';
    expect(status).toMatchObject({ reason: 'Evicted', message });
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }));
    expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
    expect(await conditionsOf()).toMatchObject({ MemoryPressure: 'True KubeletHasInsufficientMemory' });
    await cluster.clock.advance(280_000);
    expect(await conditionsOf()).toMatchObject({ MemoryPressure: 'True KubeletHasInsufficientMemory' });
    await cluster.clock.advance(25_000);
    expect(await conditionsOf()).toMatchObject({ MemoryPressure: 'False KubeletHasSufficientMemory' });
    expect(await phases()).toEqual({ modest: 'Running', greedy: 'Failed', system: 'Running' });
    const reasons = (await client.kind(Event).list()).items.map(({ reason }) => reason);
    expect(reasons).toEqual(expect.arrayContaining(['EvictionThresholdMet', 'Evicted']));
  });

  it('ends one pod after the other, and never those that the system needs', async () => {
    const meter = new FakeMeter();
    const { pods, phases } = await start(meter);
    for (const priority of [0, 10, 20]) await pods.create(pod(`p${priority}`, { priority }));
    await pods.create(pod('system', { priority: 2_000_000_001 }));
    await cluster.clock.advance(5_000);
    meter.memory(10);
    const orders: string[] = [];
    for (let second = 0; second < 60; second += 1) {
      await cluster.clock.advance(1_000);
      for (const [name, phase] of Object.entries(await phases())) if (phase === 'Failed' && !orders.includes(name)) orders.push(name);
    }
    expect(orders).toEqual(['p0', 'p10', 'p20']);
    expect((await phases())['system']).toBe('Running');
  });

  it('takes pods that asked for memory, and refuses those that did not', async () => {
    const meter = new FakeMeter();
    const { pods, phases } = await start(meter, {}, { eviction: { evictionSoft: { 'memory.available': '100Mi' }, evictionSoftGracePeriodSeconds: { 'memory.available': 600 } } });
    meter.memory(50);
    await cluster.clock.advance(11_000);
    await pods.create(pod('besteffort'));
    await pods.create(pod('burstable', { containers: [{ name: 'main', image: 'none', resources: { requests: { cpu: '1m' } } }] }));
    await cluster.clock.advance(5_000);
    expect(await phases()).toEqual({ besteffort: 'Failed', burstable: 'Running' });
    expect((await pods.get({ namespace: 'default', name: 'besteffort' })).status).toMatchObject({ reason: 'Evicted', message: 'Pod was rejected: The node had condition: [MemoryPressure]. ' });
    await cluster.clock.advance(600_000);
    expect((await phases())['burstable']).toBe('Failed');
  });

  it('never happens where nothing is measured, or no threshold is set', async () => {
    const meter = new FakeMeter();
    const { pods, phases } = await start(meter, {}, { eviction: 'off' });
    meter.memory(0);
    await pods.create(pod('one'));
    await cluster.clock.advance(60_000);
    expect(await phases()).toEqual({ one: 'Running' });
  });

  it('withholds its threshold from pods', async () => {
    const { client } = await start(new FakeMeter(), {}, { kubeReserved: { cpu: '100m' }, nodes: undefined, name: 'node', capacity: { cpu: '4' } });
    const { status } = await client.kind(Node).get({ name: 'node' });
    expect(status?.allocatable?.['cpu']).toBe('3900m');
    expect(status?.allocatable?.['memory']).not.toBe(status?.capacity?.['memory']);
  });
});

describe('a node that runs out of disk', () => {
  const full = (bytes: number): NodeMeasure => ({ nodefs: { capacityBytes: 100 * Gi, availableBytes: bytes, inodes: 1_000, inodesFree: 900 } });

  it('refuses pods, removes images that nothing uses, and ends no pod when that was enough', async () => {
    const meter = new FakeMeter();
    const images = { registry: () => ({ sizeBytes: Gi }), present: { 'used:1': { sizeBytes: Gi }, 'unused:1': { sizeBytes: 5 * Gi } } };
    const { client, pods, phases, conditionsOf } = await start(meter, { images });
    await pods.create(pod('one', { containers: [{ name: 'main', image: 'used:1', imagePullPolicy: 'IfNotPresent' }] }));
    await cluster.clock.advance(15_000);
    expect(await phases()).toEqual({ one: 'Running' });
    meter.now = full(9 * Gi);
    const measure = meter.measure.bind(meter);
    meter.measure = async () => {
      if (cluster.machine.images?.list().length === 1) meter.now = full(14 * Gi);
      return measure();
    };
    const listed = (await client.kind(Node).get({ name: 'node' })).status?.images;
    expect(listed).toEqual([{ names: [expect.stringContaining('unused:1')], sizeBytes: 5 * Gi }, { names: [expect.stringContaining('used:1')], sizeBytes: Gi }]);
    await cluster.clock.advance(11_000);
    expect(await conditionsOf()).toMatchObject({ DiskPressure: 'True KubeletHasDiskPressure' });
    await pods.create(pod('two', { containers: [{ name: 'main', image: 'used:1', imagePullPolicy: 'IfNotPresent', resources: { requests: { cpu: '1m' } } }] }));
    await cluster.clock.advance(60_000);
    expect(cluster.machine.images?.list().map(({ tags }) => tags[0])).toEqual([expect.stringContaining('used:1')]);
    expect(await phases()).toEqual({ one: 'Running', two: 'Failed' });
  });
});

describe('what pods and nodes use', () => {
  it('is the mean over the last samples, and of the node what was measured', async () => {
    const meter = new FakeMeter();
    let cpu = 0;
    meter.measure = async () => ({ ...meter.now, cpuNanoseconds: (cpu += 15e9) });
    cluster = new VirtualCluster({ behaviour: () => ({ memoryBytes: 30 * Mi, cpuCores: 0.25 }), agent: { meter, eviction: 'off' } });
    const orchestrator = await cluster.start();
    const source = orchestrator.get(MetricsSources).items()[0];
    expect(source?.nodes()).toEqual([]);
    await orchestrator.client.kind(Pod).create(pod('one'));
    await cluster.clock.advance(16_000);
    expect(source?.pods()).toMatchObject([{ name: 'one', namespace: 'default', windowMs: 0, containers: [{ name: 'main', memoryBytes: 30 * Mi }] }]);
    expect(source?.pods()[0]?.containers[0]?.cpuMillis).toBeUndefined();
    await cluster.clock.advance(15_000);
    expect(source?.pods()).toMatchObject([{ windowMs: 15_000, containers: [{ cpuMillis: 250 }] }]);
    expect(source?.nodes()).toMatchObject([{ name: 'node', windowMs: 15_000, cpuMillis: 1_000, memoryBytes: 100 * Mi }]);
    await orchestrator.client.kind(Pod).delete({ namespace: 'default', name: 'one' });
    await cluster.clock.advance(60_000);
    expect(source?.pods()).toEqual([]);
    const { uid } = (await orchestrator.client.kind(Node).get({ name: 'node' })).metadata;
    expect(uid).toBeDefined();
  });

  it('asks the runtime once for each sample, and not at all while no pod is here', async () => {
    let asked = 0;
    cluster = new VirtualCluster({ faults: { before: (operation) => void (asked += Number(operation === 'stats')) } });
    const { client } = await cluster.start();
    await cluster.clock.advance(120_000);
    expect(asked).toBe(0);
    for (const name of ['a', 'b', 'c']) await client.kind(Pod).create(pod(name));
    await cluster.clock.advance(151_000);
    expect(asked).toBe(10);
    expect(condition(await client.kind(Pod).get({ namespace: 'default', name: 'a' }), 'Ready')).toBe('True');
  });
});
