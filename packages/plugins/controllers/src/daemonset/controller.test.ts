import { ControllerRevision, DaemonSet, Event, Node, type Pod, Pod as PodKind } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { podGc } from '../pod-gc/plugin.js';
import { make, World } from '../test-support/world.js';
import { daemonSets } from './plugin.js';

let world: World;
afterEach(() => world.stop());

const ref = { namespace: 'default', name: 'agent' };
const template = (image: string, spec: object = {}) => ({ metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }], ...spec } });
const daemonSet = (over: object = {}): DaemonSet =>
  make({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: ref, spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent:1'), ...over } });

const sets = () => world.client.kind(DaemonSet);
const get = (): Promise<DaemonSet> => sets().get(ref);
const setImage = (image: string) => sets().patch(ref, 'merge', { spec: { template: template(image) } });
const imagesByNode = async (): Promise<Record<string, string[]>> => {
  const images: Record<string, string[]> = {};
  for (const { spec } of await world.pods('app=agent')) (images[spec.nodeName ?? ''] ??= []).push(spec.containers[0]?.image ?? '');
  return Object.fromEntries(Object.entries(images).sort());
};
const settled = async (): Promise<boolean> => {
  const { status, metadata } = await get();
  const wanted = status?.desiredNumberScheduled ?? 0;
  return status?.observedGeneration === metadata.generation && [status?.currentNumberScheduled, status?.numberReady, status?.updatedNumberScheduled ?? 0, status?.numberAvailable ?? 0].every((n) => n === wanted);
};
const events = async (): Promise<string[]> => (await world.client.kind(Event).list()).items.map(({ reason, message }) => `${reason}: ${message}`);

async function nodes(count: number): Promise<void> {
  for (let n = 3; n <= count; n += 1) {
    world.alive.add(`n${n}`);
    await world.addNode(`n${n}`);
  }
}

async function staysQuiet(): Promise<void> {
  await world.clock.advance(60_000);
  const before = await world.revision();
  await world.clock.advance(1_200_000);
  expect(await world.revision()).toBe(before);
}

/** The fewest available pods, and the most pods on one node, while something goes on. */
async function during(doing: () => Promise<void>): Promise<{ fewest: number; most: number; total: number }> {
  const live = new Map<string, Pod>();
  const seen = { fewest: Infinity, most: 0, total: 0 };
  const abort = new AbortController();
  const measure = (): void => {
    const available = [...live.values()].filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true);
    const byNode = new Map<string, number>();
    for (const { spec, metadata } of live.values()) if (metadata.deletionTimestamp === undefined) byNode.set(spec.nodeName ?? '', (byNode.get(spec.nodeName ?? '') ?? 0) + 1);
    seen.fewest = Math.min(seen.fewest, available.length);
    seen.most = Math.max(seen.most, ...[...byNode].filter(([node]) => node !== '').map(([, count]) => count));
    seen.total = Math.max(seen.total, live.size);
  };
  const { items, metadata } = await world.client.kind(PodKind).list();
  for (const pod of items) live.set(pod.metadata.name ?? '', pod);
  const watching = (async () => {
    for await (const { type, object } of world.client.kind(PodKind).watch({ resourceVersion: metadata.resourceVersion }, abort.signal)) {
      if (type === 'DELETED') live.delete(object.metadata.name ?? '');
      else if (type === 'ADDED' || type === 'MODIFIED') live.set(object.metadata.name ?? '', object as Pod);
      measure();
    }
  })().catch(() => undefined);
  await doing();
  abort.abort();
  await watching;
  return seen;
}

describe('a DaemonSet', () => {
  it('has one pod on every node, pinned there, with the tolerations of daemons, and is then quiet', async () => {
    world = await World.start([daemonSets()]);
    await nodes(4);
    await sets().create(daemonSet());
    await world.until(settled);
    expect(await imagesByNode()).toEqual({ n1: ['agent:1'], n2: ['agent:1'], n3: ['agent:1'], n4: ['agent:1'] });
    const [revision] = (await world.client.kind(ControllerRevision).list()).items;
    const hash = revision?.metadata.labels?.['controller-revision-hash'];
    expect(revision?.metadata.name).toBe(`agent-${hash}`);
    for (const { metadata, spec } of await world.pods()) {
      expect(metadata.labels).toEqual({ app: 'agent', 'controller-revision-hash': hash, 'pod-template-generation': '1' });
      expect(metadata.name).toMatch(/^agent-[a-z0-9]{5}$/);
      expect(spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual({ nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [spec.nodeName] }] }] });
      expect(spec.tolerations).toContainEqual({ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' });
    }
    expect((await get()).status).toEqual({ currentNumberScheduled: 4, numberMisscheduled: 0, desiredNumberScheduled: 4, numberReady: 4, observedGeneration: 1, updatedNumberScheduled: 4, numberAvailable: 4 });
    expect((await get()).metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '1' });
    await staysQuiet();
    expect((await events()).filter((text) => text.startsWith('SuccessfulCreate: Created pod: agent-'))).toHaveLength(4);
  });

  it('follows the nodes: new ones, labels, taints, and those that go', async () => {
    world = await World.start([daemonSets(), podGc()]);
    await sets().create(daemonSet({ template: template('agent:1', { nodeSelector: { disk: 'ssd' } }) }));
    await world.until(async () => (await get()).status?.observedGeneration === 1);
    expect(await imagesByNode()).toEqual({});
    const label = (name: string, disk: string | null) => world.client.kind(Node).patch({ name }, 'merge', { metadata: { labels: { disk } } });
    const taint = (name: string, effect: string) => world.client.kind(Node).patch({ name }, 'merge', { spec: { taints: [{ key: 'busy', effect }] } });
    await label('n1', 'ssd');
    await world.until(async () => (await settled()) && (await get()).status?.desiredNumberScheduled === 1);
    world.alive.add('n3');
    await world.addNode('n3', { disk: 'ssd' });
    await world.until(async () => (await settled()) && (await get()).status?.desiredNumberScheduled === 2);
    expect(Object.keys(await imagesByNode())).toEqual(['n1', 'n3']);
    // Those that are there may stay; new ones may not come.
    await taint('n1', 'NoSchedule');
    await world.until(async () => (await get()).status?.numberMisscheduled === 1);
    expect(Object.keys(await imagesByNode())).toEqual(['n1', 'n3']);
    await taint('n1', 'NoExecute');
    await world.until(async () => (await get()).status?.numberMisscheduled === 0);
    expect(Object.keys(await imagesByNode())).toEqual(['n3']);
    await label('n3', null);
    await world.until(async () => Object.keys(await imagesByNode()).length === 0);
    await label('n2', 'ssd');
    await world.until(async () => (await get()).status?.numberReady === 1);
    world.alive.delete('n2');
    await world.client.kind(Node).delete({ name: 'n2' });
    await world.until(async () => (await get()).status?.desiredNumberScheduled === 0 && Object.keys(await imagesByNode()).length === 0);
    await staysQuiet();
  });

  it('takes back a pod that was never bound when its node goes', async () => {
    world = await World.start([daemonSets()]);
    await world.addNode('silent');
    await sets().create(daemonSet());
    await world.until(async () => (await world.pods()).length === 3 && (await get()).status?.numberReady === 2);
    expect(Object.keys(await imagesByNode())).toEqual(['', 'n1', 'n2']);
    await world.client.kind(Node).delete({ name: 'silent' });
    await world.until(async () => Object.keys(await imagesByNode()).join() === 'n1,n2' && (await get()).status?.desiredNumberScheduled === 2);
  });

  it('replaces one node at a time, and never more than may be down', async () => {
    world = await World.start([daemonSets()]);
    await nodes(5);
    await sets().create(daemonSet({ updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } }));
    await world.until(settled);
    const { fewest, most } = await during(async () => {
      await setImage('agent:2');
      await world.until(settled);
    });
    expect(await imagesByNode()).toEqual({ n1: ['agent:2'], n2: ['agent:2'], n3: ['agent:2'], n4: ['agent:2'], n5: ['agent:2'] });
    expect(fewest).toBe(3);
    expect(most).toBe(1);
    expect((await get()).metadata.annotations).toEqual({ 'deprecated.daemonset.template.generation': '2' });
    await staysQuiet();
  });

  it('with surge makes the new pod first, and is never down', async () => {
    world = await World.start([daemonSets()]);
    await nodes(4);
    await sets().create(daemonSet({ updateStrategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } }));
    await world.until(settled);
    const { fewest, most, total } = await during(async () => {
      await setImage('agent:2');
      await world.until(async () => (await settled()) && (await world.pods()).length === 4);
    });
    expect({ fewest, most, total }).toEqual({ fewest: 4, most: 2, total: 5 });
    await staysQuiet();
  });

  it('stops a roll-out whose new pods do not become ready, and goes on with a better template', async () => {
    world = await World.start([daemonSets()]);
    await nodes(4);
    await sets().create(daemonSet());
    await world.until(settled);
    world.behaviour = ({ spec }) => (spec.containers[0]?.image === 'agent:bad' ? 'crash' : 'run');
    await setImage('agent:bad');
    await world.until(async () => (await get()).status?.updatedNumberScheduled === 1);
    await world.clock.advance(600_000);
    expect(Object.values(await imagesByNode()).flat().sort()).toEqual(['agent:1', 'agent:1', 'agent:1', 'agent:bad']);
    await setImage('agent:3');
    await world.until(settled);
    expect(Object.values(await imagesByNode()).flat()).toEqual(Array(4).fill('agent:3'));
  });

  it('goes on in the middle of a roll-out after a restart of the controller', async () => {
    world = await World.start([daemonSets()]);
    await nodes(6);
    await sets().create(daemonSet());
    await world.until(settled);
    const { fewest } = await during(async () => {
      await setImage('agent:2');
      await world.until(async () => ((await get()).status?.updatedNumberScheduled ?? 0) >= 2);
      await world.orchestrator.replace('controller-daemonset', daemonSets());
      await world.until(settled);
    });
    expect(fewest).toBe(5);
    expect(Object.values(await imagesByNode()).flat()).toEqual(Array(6).fill('agent:2'));
    await staysQuiet();
  });

  it('replaces only what somebody else deletes, with OnDelete', async () => {
    world = await World.start([daemonSets()]);
    await sets().create(daemonSet({ updateStrategy: { type: 'OnDelete' } }));
    await world.until(settled);
    await setImage('agent:2');
    await world.until(async () => (await get()).status?.observedGeneration === 2);
    await world.clock.advance(600_000);
    expect(await imagesByNode()).toEqual({ n1: ['agent:1'], n2: ['agent:1'] });
    expect((await get()).status?.updatedNumberScheduled).toBeUndefined();
    const pod = (await world.pods()).find(({ spec }) => spec.nodeName === 'n1');
    await world.client.kind(PodKind).delete({ namespace: 'default', name: pod?.metadata.name ?? '' });
    await world.until(async () => (await imagesByNode())['n1']?.join() === 'agent:2');
  });

  it('replaces failed pods at longer and longer intervals, and says so', async () => {
    world = await World.start([daemonSets()]);
    world.behaviour = ({ spec }) => (spec.nodeName === 'n1' ? 'pending' : 'run');
    await sets().create(daemonSet());
    const failures: number[] = [];
    for (let n = 0; n < 6; n += 1) {
      const seen = new Set<string>();
      await world.until(async () => (await world.pods()).some(({ spec, status, metadata }) => spec.nodeName === 'n1' && status?.phase !== 'Failed' && !seen.has(metadata.uid ?? '')));
      const pod = (await world.pods()).find(({ spec, status }) => spec.nodeName === 'n1' && status?.phase !== 'Failed') as Pod;
      await world.client.kind(PodKind).updateStatus({ ...pod, status: { ...pod.status, phase: 'Failed', reason: 'OutOfmemory' } });
      const start = world.clock.now();
      await world.until(async () => !(await world.pods()).some(({ metadata }) => metadata.uid === pod.metadata.uid));
      failures.push(Math.round((world.clock.now() - start) / 1000));
    }
    expect(failures).toEqual([0, 1, 2, 4, 8, 16]);
    await world.clock.advance(10_000);
    expect((await events()).some((text) => /^FailedDaemonPod: Found failed daemon pod default\/agent-[a-z0-9]{5} on node n1, will try to kill it$/.test(text))).toBe(true);
  });

  it('adopts what is its own by label, and removes all but the oldest on a node', async () => {
    world = await World.start([daemonSets()]);
    for (const name of ['first', 'second']) {
      await world.client.kind(PodKind).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace: 'default', name, labels: { app: 'agent' } }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'agent:0' }] } }));
      await world.clock.advance(2_000);
    }
    await sets().create(daemonSet({ updateStrategy: { type: 'OnDelete' } }));
    await world.until(async () => (await world.pods()).length === 2 && (await get()).status?.numberReady === 2);
    expect(await imagesByNode()).toEqual({ n1: ['agent:0'], n2: ['agent:1'] });
    const kept = (await world.pods()).find(({ spec }) => spec.nodeName === 'n1') as Pod;
    expect(kept.metadata.name).toBe('first');
    expect(kept.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'DaemonSet', name: 'agent' });
    // A pod that loses the label is let go, and another takes its place.
    await world.client.kind(PodKind).patch({ namespace: 'default', name: 'first' }, 'merge', { metadata: { labels: { app: 'mine' } } });
    await world.until(async () => (await imagesByNode())['n1']?.join() === 'agent:1');
    expect((await world.client.kind(PodKind).get({ namespace: 'default', name: 'first' })).metadata.ownerReferences ?? []).toEqual([]);
  });

  it('waits for minReadySeconds between nodes', async () => {
    world = await World.start([daemonSets()]);
    await sets().create(daemonSet({ minReadySeconds: 20 }));
    await world.until(settled);
    const start = world.clock.now();
    await setImage('agent:2');
    await world.until(settled);
    expect(world.clock.now() - start).toBeGreaterThanOrEqual(39_000);
  });

  it('keeps revisionHistoryLimit revisions and rolls back to one of them without making another', async () => {
    world = await World.start([daemonSets()]);
    await sets().create(daemonSet({ revisionHistoryLimit: 1 }));
    for (const image of ['agent:2', 'agent:3', 'agent:2']) {
      await world.until(settled);
      await setImage(image);
      await world.until(async () => Object.values(await imagesByNode()).flat().every((one) => one === image));
    }
    await world.until(settled);
    await world.until(async () => (await world.client.kind(ControllerRevision).list()).items.length === 2);
    const revisions = (await world.client.kind(ControllerRevision).list()).items.toSorted((a, b) => a.revision - b.revision);
    expect(revisions.map(({ revision }) => revision)).toEqual([3, 4]);
    await staysQuiet();
  });
});
