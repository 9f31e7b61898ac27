import { Lease, Node, OrreryError, Pod, Store } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { containerOf } from './test/cluster.js';
import { VirtualCluster } from './test/virtual.js';

let cluster: VirtualCluster;
afterEach(() => cluster.stop());

const pod = (name: string, spec: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { nodeName: 'node', containers: [{ name: 'main', image: 'none' }], ...spec } }) as Pod;

describe('a node\'s signs of life', () => {
  it('at rest only the lease is written, every ten seconds, and the status every five minutes', async () => {
    cluster = new VirtualCluster();
    const orchestrator = await cluster.start();
    const { client } = orchestrator;
    await client.kind(Pod).create(pod('quiet', { containers: [{ name: 'main', image: 'none', readinessProbe: { exec: { command: ['x'] } } }] }));
    await cluster.clock.advance(30_000);
    const versions = async () => [(await client.kind(Node).get({ name: 'node' })).metadata.resourceVersion, (await client.kind(Pod).get({ namespace: 'default', name: 'quiet' })).metadata.resourceVersion];
    const before = await versions();
    const store = orchestrator.get(Store);
    const revision = await store.revision();
    await cluster.clock.advance(240_000);
    expect(await versions()).toEqual(before);
    expect((await store.revision()) - revision).toBe(24);
    await cluster.clock.advance(60_000);
    expect((await versions())[0]).not.toBe(before[0]);
    const lease = await client.kind(Lease).get({ namespace: 'kube-node-lease', name: 'node' });
    expect(lease.spec).toMatchObject({ holderIdentity: 'node', leaseDurationSeconds: 40 });
    expect(cluster.clock.now() - Date.parse(lease.spec?.renewTime ?? '')).toBeLessThan(10_001);
  });

  it('a node that was deleted is registered again', async () => {
    cluster = new VirtualCluster();
    const { client } = await cluster.start();
    const before = await client.kind(Node).get({ name: 'node' });
    await client.kind(Node).delete({ name: 'node' });
    await cluster.clock.advance(11_000);
    const after = await client.kind(Node).get({ name: 'node' });
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
    expect(after.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  it('starts with a runtime that needs a moment, and tells its error when it needs too long', async () => {
    let refusals = 4;
    const before = (operation: string): undefined => {
      if (operation !== 'ready' || refusals-- <= 0) return undefined;
      throw new OrreryError('UNAVAILABLE', 'not yet');
    };
    cluster = new VirtualCluster({ faults: { before } });
    const { client } = await cluster.start();
    expect((await client.kind(Node).get({ name: 'node' })).status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    await cluster.stop();
    refusals = Number.POSITIVE_INFINITY;
    cluster = new VirtualCluster({ faults: { before } });
    await expect(cluster.start()).rejects.toThrow('not yet');
    expect(cluster.clock.monotonic()).toBeLessThan(20_000);
  });

  it.each(['fails', 'hangs'])('tells that the runtime %s, and goes on with the lease', async (how) => {
    let down = false;
    cluster = new VirtualCluster({
      faults: {
        before: (operation) => {
          if (!down || operation !== 'ready') return undefined;
          if (how === 'fails') throw new OrreryError('UNAVAILABLE', 'no engine');
          return new Promise<void>(() => {});
        },
      },
    });
    const { client } = await cluster.start();
    down = true;
    await cluster.clock.advance(60_000);
    const ready = (await client.kind(Node).get({ name: 'node' })).status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'KubeletNotReady' });
    expect(ready?.message).toContain('container runtime is down');
    const lease = await client.kind(Lease).get({ namespace: 'kube-node-lease', name: 'node' });
    expect(cluster.clock.now() - Date.parse(lease.spec?.renewTime ?? '')).toBeLessThan(21_000);
    down = false;
    await cluster.clock.advance(21_000);
    expect((await client.kind(Node).get({ name: 'node' })).status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });
});

describe('pods in virtual time', () => {
  it('a crash loop has the kubelet\'s rhythm', async () => {
    const starts: number[] = [];
    cluster = new VirtualCluster({
      behaviour: () => {
        starts.push(cluster.clock.now());
        return { exitAfterMs: 1_000, exitCode: 1 };
      },
    });
    const { client } = await cluster.start();
    await client.kind(Pod).create(pod('crash'));
    await cluster.clock.advance(1_300_000);
    const gaps = starts.slice(1).map((at, index) => Math.round((at - (starts[index] as number)) / 1000) - 1);
    expect(gaps).toEqual([0, 10, 20, 40, 80, 160, 300, 300, 300]);
    expect(containerOf(await client.kind(Pod).get({ namespace: 'default', name: 'crash' }))?.restartCount).toBe(9);
  });

  it('after a loss of power everything starts again, and what must not be restarted has failed', async () => {
    cluster = new VirtualCluster();
    const { client } = await cluster.start();
    await client.kind(Pod).create(pod('again'));
    await client.kind(Pod).create(pod('never', { restartPolicy: 'Never' }));
    await cluster.clock.advance(1_000);
    cluster.machine.powerCut();
    for (const { id } of cluster.machine.sandboxes()) cluster.machine.removeSandbox(id);
    await cluster.clock.advance(40_000);
    const again = await client.kind(Pod).get({ namespace: 'default', name: 'again' });
    expect(again.status?.phase).toBe('Running');
    expect(containerOf(again)).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } });
    const never = await client.kind(Pod).get({ namespace: 'default', name: 'never' });
    expect(never.status?.phase).toBe('Failed');
    expect(containerOf(never)?.state?.terminated?.reason).toBe('ContainerStatusUnknown');
  });

  it('is right without any hint of the runtime', async () => {
    cluster = new VirtualCluster({ faults: { dropEvent: () => true }, behaviour: (config) => (config.attempt === 0 ? { exitAfterMs: 5_000, exitCode: 2 } : {}) });
    const { client } = await cluster.start();
    await client.kind(Pod).create(pod('deaf'));
    await cluster.clock.advance(45_000);
    expect(containerOf(await client.kind(Pod).get({ namespace: 'default', name: 'deaf' }))).toMatchObject({ restartCount: 1, ready: true });
  });

  it('agents that share a runtime leave each other\'s pods alone', async () => {
    cluster = new VirtualCluster({ nodes: ['node', 'other'] });
    const { client } = await cluster.start();
    await client.kind(Pod).create(pod('one'));
    await client.kind(Pod).create(pod('two', { nodeName: 'other' }));
    await cluster.clock.advance(120_000);
    for (const name of ['one', 'two']) expect(containerOf(await client.kind(Pod).get({ namespace: 'default', name }))).toMatchObject({ restartCount: 0, ready: true });
    expect(cluster.machine.containers()).toHaveLength(2);
  });

  it('a pod with two sidecars and a stubborn program ends within its grace', async () => {
    cluster = new VirtualCluster({ behaviour: () => ({ stopMs: Number.POSITIVE_INFINITY }) });
    const { client } = await cluster.start();
    const sidecar = (name: string) => ({ name, image: 'none', restartPolicy: 'Always' });
    await client.kind(Pod).create(pod('slow', { terminationGracePeriodSeconds: 20, initContainers: [sidecar('a'), sidecar('b')] }));
    await cluster.clock.advance(1_000);
    await client.kind(Pod).delete({ namespace: 'default', name: 'slow' });
    await cluster.clock.advance(19_000);
    expect(await client.kind(Pod).find({ namespace: 'default', name: 'slow' })).toBeDefined();
    await cluster.clock.advance(6_000);
    expect(await client.kind(Pod).find({ namespace: 'default', name: 'slow' })).toBeUndefined();
    expect(cluster.machine.sandboxes()).toEqual([]);
  });
});
