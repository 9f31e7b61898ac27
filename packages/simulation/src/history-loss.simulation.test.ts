import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, definePlugin, Event, hooks, type HistoryLoss, Lease, Node, type Orchestrator, Pod, Store } from '@orrery/core';
import { LosingStore, SeededRandom, VirtualClock } from '@orrery/core/testing';
import { nodeAgent } from '@orrery/node-agent';
import { SimulatedMachine, simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const RECOVERY_MS = 15_000;

let clock: VirtualClock;
let store: LosingStore;
let machine: SimulatedMachine;
let orchestrator: Orchestrator;
let told: HistoryLoss[];

beforeEach(async () => {
  clock = new VirtualClock();
  const random = new SeededRandom(1);
  store = new LosingStore(() => new MemoryStore({ clock }));
  machine = new SimulatedMachine({ clock, random });
  told = [];
  const losing = definePlugin({
    name: 'losing-store',
    setup({ provide, tap }) {
      provide(Store, () => store);
      tap(hooks.historyLost, async (loss) => void told.push(loss));
    },
  });
  const nodes = ['n1', 'n2', 'n3'].map((name) => ({ name, labels: {}, taints: [], capacity: {}, runtime: 'simulated' }));
  const prober = { probe: async () => ({ ok: true, message: 'simulated' }) };
  orchestrator = await createOrchestrator({
    clock,
    random,
    plugins: [losing(), scheduler(), workloadControllers(), simulatedRuntime({ machine, faults: {} }), nodeAgent({ nodes, prober, rootDir: '/nonexistent' })],
  });
  await driven(orchestrator.start());
});
afterEach(async () => {
  await driven(orchestrator.stop());
  machine.close();
  await store.close();
});

/** Lets virtual time pass until the promise settles. */
async function driven<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => undefined);
  await clock.until(() => settled, 600_000, 'the promise');
  return watched;
}

const pods = () => orchestrator.client.kind(Pod);
const create = (name: string): Promise<Pod> => pods().create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } } as Pod);
const running = async (name: string): Promise<Pod | undefined> => {
  const pod = await pods().find({ name });
  return pod?.status?.phase === 'Running' ? pod : undefined;
};
/** What runs on the machine: the pod's uid, and the container's id. */
const containers = async (): Promise<string[]> =>
  machine
    .containers()
    .filter(({ state }) => state === 'running')
    .map(({ pod, id }) => `${pod.uid} ${id}`)
    .sort();

describe('after the store lost history that it had acknowledged', () => {
  it('what runs is bound again where it runs, nothing is started twice, and nothing else is bound before the nodes have told', async () => {
    await create('first');
    await create('second');
    const lastCommon = await store.revision();
    await clock.until(async () => (await running('first')) !== undefined && (await running('second')) !== undefined, 60_000, 'both pods running');
    const [first, second] = [await pods().get({ name: 'first' }), await pods().get({ name: 'second' })];
    const before = await containers();
    expect(before).toHaveLength(2);
    const seen = await store.revision();

    const lostAt = clock.monotonic();
    await driven(store.lose(lastCommon));
    await create('third');
    await clock.until(async () => (await running('first')) !== undefined && (await running('second')) !== undefined, RECOVERY_MS, 'both pods known to run again');
    expect(clock.monotonic() - lostAt).toBeLessThan(RECOVERY_MS);
    expect([(await pods().get({ name: 'first' })).spec.nodeName, (await pods().get({ name: 'second' })).spec.nodeName]).toEqual([first.spec.nodeName, second.spec.nodeName]);
    expect((await pods().get({ name: 'third' })).spec.nodeName ?? '').toBe('');

    await clock.until(async () => (await running('third')) !== undefined, 120_000, 'the third pod running');
    expect(clock.monotonic() - lostAt).toBeGreaterThanOrEqual(RECOVERY_MS);
    const after = await containers();
    expect(after).toHaveLength(3);
    for (const one of before) expect(after).toContain(one);
    expect(told).toEqual([{ lastCommon, seen, reason: 'it was told to lose it (simulated)' }]);
    await clock.advance(5_000);
    const events = (await orchestrator.client.kind(Event).list()).items.filter(({ reason }) => reason === 'HistoryLost');
    expect(events).toHaveLength(1);
  });

  it('a pod that was made in the lost part is ended where it runs', async () => {
    const lastCommon = await store.revision();
    await create('unknown');
    await clock.until(async () => (await running('unknown')) !== undefined, 60_000, 'the pod running');
    expect(await containers()).toHaveLength(1);
    await driven(store.lose(lastCommon));
    await clock.until(async () => (await containers()).length === 0, 60_000, 'nothing left of it');
    expect(await pods().find({ name: 'unknown' })).toBeUndefined();
  });

  it('a pod whose deletion was lost is there again, and runs', async () => {
    await create('deleted');
    await clock.until(async () => (await running('deleted')) !== undefined, 60_000, 'the pod running');
    const lastCommon = await store.revision();
    await pods().delete({ name: 'deleted' });
    await clock.until(async () => (await pods().find({ name: 'deleted' })) === undefined, 60_000, 'the pod gone');
    await driven(store.lose(lastCommon));
    await clock.until(async () => (await running('deleted')) !== undefined && (await containers()).length === 1, 120_000, 'the pod running again');
  });

  it('losses one after another end in the same state as none', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `pod-${i}`);
    for (const name of names) await create(name);
    const created = await store.revision();
    for (let round = 0; round < 6; round += 1) {
      await clock.advance(700 * (round + 1));
      const now = await store.revision();
      await driven(store.lose(Math.max(created, now - 9 * (round + 1))));
    }
    await clock.until(async () => (await Promise.all(names.map(running))).every((pod) => pod !== undefined), 300_000, 'all pods running');
    await clock.advance(60_000);
    const now = await containers();
    expect(now).toHaveLength(12);
    expect(new Set(now.map((one) => one.split(' ')[0])).size).toBe(12);
  });

  it('nodes whose registration was lost are there again, with their leases, and are given pods', async () => {
    const registered = (await Promise.all(['n1', 'n2', 'n3'].map((name) => orchestrator.client.kind(Node).get({ name })))).map(({ metadata }) => Number(metadata.resourceVersion));
    await clock.advance(30_000);
    await driven(store.lose(Math.min(...registered) - 1));
    await create('later');
    await clock.until(async () => (await running('later')) !== undefined, 300_000, 'a pod running');
    expect((await orchestrator.client.kind(Node).list()).items.map(({ metadata }) => metadata.name).sort()).toEqual(['n1', 'n2', 'n3']);
    await clock.advance(60_000);
    const leases = (await orchestrator.client.kind(Lease).list({ namespace: 'kube-node-lease' })).items;
    expect(leases).toHaveLength(3);
    const ready = (await orchestrator.client.kind(Node).list()).items.map(({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.status);
    expect(ready).toEqual(['True', 'True', 'True']);
  });
});
