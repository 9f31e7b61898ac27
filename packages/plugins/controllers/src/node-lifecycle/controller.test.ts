import { Deployment, Node, type Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { workloadControllers } from '../index.js';
import { make, World } from '../test-support/world.js';

let world: World;
afterEach(() => world.stop());

const deployment = make<Deployment>({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
});
const node = (name: string): Promise<Node> => world.client.kind(Node).get({ name });
const ready = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const taints = async (name: string): Promise<string[]> => ((await node(name)).spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort();
const start = async (options: Parameters<typeof workloadControllers>[0] = {}): Promise<void> => {
  world = await World.start([workloadControllers(options)]);
  world.beat();
  for (const name of ['n3', 'n4']) {
    world.alive.add(name);
    await world.addNode(name);
  }
  await world.client.kind(Deployment).create(deployment);
  await world.until(async () => (await world.pods()).filter(ready).length === 4);
};

describe('a node that falls silent', () => {
  it('becomes Unknown after the grace period, its pods not ready, and after their tolerations they are replaced', async () => {
    await start();
    await world.clock.advance(30_000);
    const victim = (await world.pods()).find(({ spec }) => spec.nodeName === 'n2');
    expect(victim?.spec.tolerations).toEqual([
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]);
    world.alive.delete('n2');
    const silent = world.clock.now();
    await world.until(async () => (await node('n2')).status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'Unknown') === true);
    expect(world.clock.now() - silent).toBeGreaterThanOrEqual(39_000);
    expect(world.clock.now() - silent).toBeLessThanOrEqual(51_000);
    expect((await node('n2')).status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' });
    await world.clock.advance(2_000);
    expect(await taints('n2')).toEqual(['node.kubernetes.io/unreachable:NoExecute', 'node.kubernetes.io/unreachable:NoSchedule']);
    expect((await world.pods()).filter(({ spec }) => spec.nodeName === 'n2').every((pod) => !ready(pod))).toBe(true);
    expect((await world.pods()).some(({ metadata }) => metadata.deletionTimestamp !== undefined)).toBe(false);
    await world.until(async () => (await world.pods()).filter((pod) => ready(pod) && pod.spec.nodeName !== 'n2').length === 4);
    expect(world.clock.now() - silent).toBeGreaterThanOrEqual(340_000);
    expect(world.clock.now() - silent).toBeLessThanOrEqual(365_000);
  });

  it('loses its taints when it comes back, and its pods stay', async () => {
    await start();
    const before = (await world.pods()).map(({ metadata }) => metadata.uid).sort();
    world.alive.delete('n2');
    await world.until(async () => (await taints('n2')).length === 2);
    world.alive.add('n2');
    await world.until(async () => (await taints('n2')).length === 0 && (await world.pods()).every(ready));
    await world.clock.advance(400_000);
    expect((await world.pods()).map(({ metadata }) => metadata.uid).sort()).toEqual(before);
  });

  it('is not evicted when every node is silent: then it is rather the controller that is cut off', async () => {
    await start();
    world.alive.clear();
    await world.clock.advance(1_000_000);
    for (const name of ['n1', 'n2', 'n3', 'n4']) expect(await taints(name)).toEqual(['node.kubernetes.io/unreachable:NoSchedule']);
    expect((await world.pods()).some(({ metadata }) => metadata.deletionTimestamp !== undefined)).toBe(false);
  });

  it('waits for its turn when several fall silent at once', async () => {
    await start({ nodeLifecycle: { evictionsPerSecond: 0.05 } });
    world.alive.delete('n2');
    world.alive.delete('n3');
    await world.until(async () => (await taints('n2')).length + (await taints('n3')).length === 3);
    const first = world.clock.now();
    await world.until(async () => (await taints('n2')).length + (await taints('n3')).length === 4);
    expect(world.clock.now() - first).toBeGreaterThanOrEqual(15_000);
  });

  it('leaves its pods to the pod collector when it is deleted', async () => {
    await start();
    world.alive.delete('n2');
    await world.client.kind(Node).delete({ name: 'n2' });
    await world.until(async () => (await world.pods()).every(({ spec }) => spec.nodeName !== 'n2') && (await world.pods()).filter(ready).length === 4);
  });
});

describe('a cluster at rest', () => {
  it('is written to by nobody but the heartbeats', async () => {
    await start();
    await world.clock.advance(60_000);
    const objects = async (): Promise<string[]> => [...(await world.client.kind(Node).list()).items, ...(await world.pods())].map(({ metadata }) => metadata.resourceVersion ?? '');
    const before = await objects();
    await world.clock.advance(1_200_000);
    expect(await objects()).toEqual(before);
  });
});
