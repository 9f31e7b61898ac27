import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, Event, hooks, Hooks, OrreryError, Pod, type PodCondition, Store } from '@orrery/core';
import type { SimulatedFaults, SimulatedOperation } from '@orrery/runtime-simulated';
import { afterEach, describe, expect, it } from 'vitest';
import { containerOf } from '../test/cluster.js';
import { VirtualCluster } from '../test/virtual.js';

let cluster: VirtualCluster;
let folder: string | undefined;
afterEach(async () => {
  await cluster.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
});

const AGENT = { nodes: [{ name: 'node', labels: {}, taints: [], capacity: { cpu: '4', memory: '4Gi' }, runtime: 'simulated' }] };
const size = (cpu: string, memory = '128Mi'): object => ({ requests: { cpu, memory }, limits: { cpu: '3', memory: '1Gi' } });
const podOf = (name: string, resources: object, container: object = {}, spec: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', containers: [{ name: 'main', image: 'none', resources, ...container }], ...spec } }) as Pod;

async function started(faults: SimulatedFaults = {}, more: object = {}): Promise<Client> {
  cluster = new VirtualCluster({ faults, agent: AGENT, ...more });
  return (await cluster.start()).client;
}
const get = (client: Client, name = 'a'): Promise<Pod> => client.kind(Pod).get({ namespace: 'default', name });
async function run(client: Client, pod: Pod): Promise<Pod> {
  await client.kind(Pod).create(pod);
  await cluster.clock.advance(1_000);
  return get(client, pod.metadata.name);
}
async function resize(client: Client, resources: object, name = 'a'): Promise<Pod> {
  await client.kind(Pod).patch({ namespace: 'default', name }, 'strategic', { spec: { containers: [{ name: 'main', resources }] } }, { subresource: 'resize' });
  await cluster.clock.advance(1_000);
  return get(client, name);
}
const conditions = (pod: Pod): Partial<PodCondition>[] => (pod.status?.conditions ?? []).filter(({ type }) => type.startsWith('PodResize')).map(({ type, reason, message, observedGeneration }) => ({ type, reason, message, observedGeneration }));
async function events(client: Client): Promise<string[]> {
  await cluster.clock.advance(2_000);
  return [...(await client.kind(Event).list({ namespace: 'default' })).items].sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion)).filter(({ reason }) => reason?.startsWith('Resize')).map(({ type, reason }) => `${type} ${reason}`);
}
const limits = () => cluster.machine.containers().map(({ status }) => status.resources);

describe('a resize in place', () => {
  it('statuses tell what is in force and what was granted', async () => {
    const client = await started();
    expect(containerOf(await run(client, podOf('a', size('1'))))).toMatchObject({ resources: size('1'), allocatedResources: { cpu: '1', memory: '128Mi' } });
    const none = containerOf(await run(client, podOf('b', {})));
    expect(none?.resources).toEqual({});
    expect(none?.allocatedResources).toBeUndefined();
    const init = await run(client, podOf('c', {}, {}, { initContainers: [{ name: 'init', image: 'none', resources: size('1') }, { name: 'side', image: 'none', restartPolicy: 'Always', resources: size('500m') }] }));
    expect(containerOf(init, 'init')?.resources).toBeUndefined();
  });

  it('changes what a running container may use, without restarting it, and tells so', async () => {
    const client = await started();
    await run(client, podOf('a', size('1')));
    const [before] = cluster.machine.containers();
    const pod = await resize(client, { requests: { cpu: '2', memory: '256Mi' }, limits: { cpu: '3500m', memory: '2Gi' } });
    expect(limits()).toEqual([expect.objectContaining({ cpuShares: 2048, cpuQuota: 350_000, cpuPeriod: 100_000, memoryLimitBytes: 2 ** 31 })]);
    expect(containerOf(pod)).toMatchObject({ restartCount: 0, containerID: `simulated://${before?.id}`, allocatedResources: { cpu: '2', memory: '256Mi' }, resources: { requests: { cpu: '2', memory: '256Mi' }, limits: { cpu: '3500m', memory: '2Gi' } } });
    expect(conditions(pod)).toEqual([]);
    expect(pod.status?.observedGeneration).toBe(pod.metadata.generation);
    expect(await events(client)).toEqual(['Normal ResizeStarted', 'Normal ResizeCompleted']);
    const event = (await client.kind(Event).list({ namespace: 'default' })).items.find(({ reason }) => reason === 'ResizeStarted');
    expect(event?.message).toBe('Pod resize started: {"containers":[{"name":"main","resources":{"limits":{"cpu":"3500m","memory":"2Gi"},"requests":{"cpu":"2","memory":"256Mi"}}}],"generation":2}');
  });

  it('writes nothing more when it is done', async () => {
    const client = await started();
    await run(client, podOf('a', size('1')));
    await resize(client, { requests: { cpu: '2' } });
    const store = (await cluster.orchestrator).get(Store);
    const { metadata } = await get(client);
    await cluster.clock.advance(20_000);
    const revision = await store.revision();
    await cluster.clock.advance(120_000);
    expect((await get(client)).metadata.resourceVersion).toBe(metadata.resourceVersion);
    expect((await store.revision()) - revision).toBe(12);
  });

  it('is told as in progress before it is carried out', async () => {
    const seen: unknown[] = [];
    const before = async (operation: SimulatedOperation): Promise<void> => {
      if (operation !== 'updateContainer') return;
      const pod = await get((await cluster.orchestrator).client);
      seen.push(conditions(pod), containerOf(pod)?.allocatedResources, containerOf(pod)?.resources?.limits);
    };
    const client = await started({ before });
    await run(client, podOf('a', size('1')));
    await resize(client, { requests: { cpu: '2' }, limits: { cpu: '3500m' } });
    expect(seen).toEqual([[{ type: 'PodResizeInProgress', reason: undefined, message: undefined, observedGeneration: 2 }], { cpu: '2', memory: '128Mi' }, { cpu: '3', memory: '1Gi' }]);
  });

  it('restarts a container whose policy says so, and no other resource does', async () => {
    const client = await started();
    await run(client, podOf('a', size('1'), { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }, { resourceName: 'cpu', restartPolicy: 'NotRequired' }] }));
    expect(containerOf(await resize(client, { requests: { cpu: '2' } }))?.restartCount).toBe(0);
    expect(containerOf(await resize(client, { limits: { memory: '2Gi' } }))).toMatchObject({ restartCount: 1, resources: { limits: { memory: '2Gi' } } });
    // Of requests for memory the runtime knows nothing.
    expect(containerOf(await resize(client, { requests: { memory: '256Mi' } }))).toMatchObject({ restartCount: 2, allocatedResources: { cpu: '2', memory: '256Mi' } });
    await cluster.clock.advance(120_000);
    expect(containerOf(await get(client))).toMatchObject({ restartCount: 2, ready: true });
  });

  it('never fits: Infeasible, and everything stays', async () => {
    const client = await started();
    await run(client, podOf('a', { requests: { cpu: '1', memory: '128Mi' } }));
    const pod = await resize(client, { requests: { cpu: '100' } });
    expect(conditions(pod)).toEqual([{ type: 'PodResizePending', reason: 'Infeasible', message: "Node didn't have enough capacity: cpu, requested: 100000, capacity: 4000", observedGeneration: 2 }]);
    expect(containerOf(pod)).toMatchObject({ resources: { requests: { cpu: '1' } }, allocatedResources: { cpu: '1' } });
    await cluster.clock.advance(600_000);
    expect(await events(client)).toEqual(['Warning ResizeInfeasible']);
    const back = await resize(client, { requests: { cpu: '1' } });
    expect([conditions(back), await events(client)]).toEqual([[], ['Warning ResizeInfeasible']]);
  });

  it('does not fit now: Deferred, and granted when resources are freed, the more important pod first', async () => {
    const client = await started();
    await run(client, podOf('a', { requests: { cpu: '1' } }));
    await run(client, podOf('b', { requests: { cpu: '1' } }, {}, { priority: 100 }));
    await run(client, podOf('c', { requests: { cpu: '2' } }));
    const pod = await resize(client, { requests: { cpu: '3' } });
    expect(conditions(pod)).toEqual([{ type: 'PodResizePending', reason: 'Deferred', message: "Node didn't have enough resource: cpu, requested: 3000, used: 3000, capacity: 4000", observedGeneration: 2 }]);
    await resize(client, { requests: { cpu: '3' } }, 'b');
    await client.kind(Pod).delete({ namespace: 'default', name: 'c' }, { gracePeriodSeconds: 1 });
    await cluster.clock.advance(3_000);
    expect(containerOf(await get(client, 'b'))?.allocatedResources).toEqual({ cpu: '3' });
    expect(conditions(await get(client, 'a'))).toMatchObject([{ reason: 'Deferred' }]);
    await resize(client, { requests: { cpu: '1' } }, 'b');
    expect([conditions(await get(client)), containerOf(await get(client))?.allocatedResources]).toEqual([[], { cpu: '3' }]);
  });

  it('what is asked for and not granted takes nothing from others; what is granted does', async () => {
    const client = await started();
    await run(client, podOf('a', { requests: { cpu: '1' } }));
    await resize(client, { requests: { cpu: '100' } });
    expect((await run(client, podOf('b', { requests: { cpu: '3' } }))).status?.phase).toBe('Running');
    await client.kind(Pod).delete({ namespace: 'default', name: 'b' }, { gracePeriodSeconds: 1 });
    await cluster.clock.advance(3_000);
    await resize(client, { requests: { cpu: '2' } });
    expect((await run(client, podOf('c', { requests: { cpu: '3' } }))).status).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu', message: expect.stringContaining('used: 2000') });
  });

  it('what the runtime refuses is told, and tried again', async () => {
    let broken = true;
    const before = (operation: SimulatedOperation): void => {
      if (broken && operation === 'updateContainer') throw new OrreryError('INVALID', 'the kernel says no');
    };
    const client = await started({ before });
    await run(client, podOf('a', size('1')));
    const pod = await resize(client, { requests: { cpu: '2' } });
    expect(conditions(pod)).toEqual([{ type: 'PodResizeInProgress', reason: 'Error', message: expect.stringContaining('the kernel says no'), observedGeneration: 2 }]);
    expect(containerOf(pod)).toMatchObject({ allocatedResources: { cpu: '2' }, resources: { requests: { cpu: '1' } }, restartCount: 0 });
    expect(await events(client)).toEqual(['Normal ResizeStarted', 'Warning ResizeError']);
    const { resourceVersion } = (await get(client)).metadata;
    await cluster.clock.advance(60_000);
    expect((await get(client)).metadata.resourceVersion).toBe(resourceVersion);
    broken = false;
    await cluster.clock.advance(300_000);
    const done = await get(client);
    expect([conditions(done), containerOf(done)?.resources?.requests?.['cpu']]).toEqual([[], '2']);
    expect(await events(client)).toEqual(['Normal ResizeStarted', 'Warning ResizeError', 'Normal ResizeCompleted']);
  });

  it('less memory than is in use is refused, and the container goes on', async () => {
    const client = await started({}, { behaviour: () => ({ memoryBytes: 512 * 2 ** 20 }) });
    await run(client, podOf('a', size('1')));
    const pod = await resize(client, { limits: { memory: '256Mi' } });
    expect(conditions(pod)).toMatchObject([{ reason: 'Error', message: expect.stringContaining('memory in use') }]);
    expect(containerOf(pod)).toMatchObject({ restartCount: 0, resources: { limits: { memory: '1Gi' } } });
    expect(conditions(await resize(client, { limits: { memory: '768Mi' } }))).toEqual([]);
  });

  it('what a hook has changed stays as it is until the pod asks for something else', async () => {
    const client = await started();
    (await cluster.orchestrator).get(Hooks).tap(hooks.containerConfig, 'other', async (config, _pod) => ({ ...config, resources: { ...config.resources, cpuShares: 77 } }));
    await run(client, podOf('a', size('1')));
    await cluster.clock.advance(60_000);
    expect(limits()).toMatchObject([{ cpuShares: 77 }]);
    expect(conditions(await get(client))).toEqual([]);
    await resize(client, { requests: { cpu: '2' } });
    expect(limits()).toMatchObject([{ cpuShares: 2048 }]);
    await resize(client, { requests: { cpu: '1' } });
    expect(limits()).toMatchObject([{ cpuShares: 1024 }]);
  });
});

describe('an agent that was started anew', () => {
  const journaled = (): string => join((folder = mkdtempSync(join(tmpdir(), 'orrery-resize-'))), 'journal');

  it.each(['before', 'after'] as const)('finishes what the former had granted, when it ended %s the runtime had done it', async (when) => {
    const journal = journaled();
    let hang = true;
    const fault = (operation: SimulatedOperation): Promise<void> | undefined => (hang && operation === 'updateContainer' ? new Promise(() => {}) : undefined);
    const first = await started({ [when]: fault }, { journal });
    await run(first, podOf('a', size('1')));
    expect(conditions(await resize(first, { requests: { cpu: '2' }, limits: { cpu: '3500m' } }))).toMatchObject([{ type: 'PodResizeInProgress' }]);
    await cluster.leave();
    hang = false;
    cluster = new VirtualCluster({ agent: AGENT, journal, after: cluster });
    const { client } = await cluster.start();
    await cluster.clock.advance(5_000);
    const pod = await get(client);
    expect([conditions(pod), limits()]).toEqual([[], [expect.objectContaining({ cpuShares: 2048, cpuQuota: 350_000 })]]);
    expect(containerOf(pod)).toMatchObject({ restartCount: 0, allocatedResources: { cpu: '2' }, resources: { limits: { cpu: '3500m' } } });
    expect(await events(client)).toContain('Normal ResizeCompleted');
  });

  it('counts what was granted, not what is asked for, and goes on waiting', async () => {
    const journal = journaled();
    const first = await started({}, { journal });
    await run(first, podOf('a', { requests: { cpu: '1' } }));
    await run(first, podOf('b', { requests: { cpu: '2' } }));
    expect(conditions(await resize(first, { requests: { cpu: '3' } }))).toMatchObject([{ reason: 'Deferred' }]);
    await cluster.leave();
    cluster = new VirtualCluster({ agent: AGENT, journal, after: cluster });
    const { client } = await cluster.start();
    await cluster.clock.advance(5_000);
    expect([conditions(await get(client))[0]?.reason, limits().map((one) => one?.cpuShares)]).toEqual(['Deferred', [1024, 2048]]);
    expect((await run(client, podOf('c', { requests: { cpu: '1' } }))).status?.phase).toBe('Running');
    expect((await events(client)).filter((event) => event === 'Warning ResizeDeferred')).toHaveLength(1);
  });
});
