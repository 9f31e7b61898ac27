import { type ApiError, type Client, ConfigMap, createOrchestrator, definePlugin, type Orchestrator, Pod, PodDisruptionBudget, ResourceQuota, Store } from '@orrery/core';
import { SeededRandom, VirtualClock } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { disruption } from './disruption/plugin.js';
import { resourceQuotas } from './quota/plugin.js';
import { make } from './test-support/world.js';

// Two control planes over one store, one of which leads: what is bounded is bounded for both together.

let clock: VirtualClock;
let store: MemoryStore;
let planes: readonly Orchestrator[];
let clients: readonly Client[];
beforeEach(async () => {
  clock = new VirtualClock();
  store = new MemoryStore({ clock });
  const shared = definePlugin({ name: 'shared-store', setup: ({ provide }) => provide(Store, () => store) });
  const plane = (seed: number): Promise<Orchestrator> => createOrchestrator({ plugins: [shared(), resourceQuotas(), disruption()], clock, random: new SeededRandom(seed), leaderElection: true });
  planes = [await plane(1), await plane(2)];
  for (const one of planes) await one.start();
  clients = planes.map(({ client }) => client);
});
afterEach(async () => {
  for (const one of planes) await one.stop();
  await store.close();
});

const client = (i: number): Client => clients[i % clients.length] as Client;
const pod = (name: string): Pod => make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } });
const granted = (outcomes: readonly PromiseSettledResult<unknown>[], refusal: ApiError['reason']): number => {
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ reason: refusal });
  return outcomes.filter(({ status }) => status === 'fulfilled').length;
};

describe('two API servers over one store', () => {
  it('let in together what a quota has room for', async () => {
    const quota = make<ResourceQuota>({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'default' }, spec: { hard: { pods: '20', 'count/configmaps': '7' } } });
    await client(0).kind(ResourceQuota).create(quota);
    const used = async (): Promise<unknown> => (await client(1).kind(ResourceQuota).get({ namespace: 'default', name: 'q' })).status?.used;
    await clock.until(async () => (await used()) !== undefined, 60_000, 'counted once');
    await clock.advance(0);
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 60 }, (_, i) => client(i).kind(Pod).create(pod(`p${i}`))),
      ...Array.from({ length: 20 }, (_, i) => client(i).kind(ConfigMap).create(make<ConfigMap>({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `m${i}`, namespace: 'default' } }))),
    ]);
    expect(granted(outcomes, 'Forbidden')).toBe(27);
    await clock.advance(400_000);
    expect(await used()).toEqual({ pods: '20', 'count/configmaps': '7' });
  });

  it('evict together what a budget allows', async () => {
    for (let i = 0; i < 6; i += 1) {
      const made = await client(0).kind(Pod).create(pod(`p${i}`));
      await client(0).kind(Pod).updateStatus({ ...made, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
    }
    await client(0).kind(PodDisruptionBudget).create(make<PodDisruptionBudget>({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', namespace: 'default' }, spec: { minAvailable: 4, selector: { matchLabels: { app: 'web' } } } }));
    const status = async () => (await client(1).kind(PodDisruptionBudget).get({ namespace: 'default', name: 'b' })).status;
    await clock.until(async () => (await status())?.disruptionsAllowed === 2, 60_000, 'it allows two');
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, (_, i) => client(i).evict({ namespace: 'default', name: `p${i}` })));
    expect(granted(outcomes, 'TooManyRequests')).toBe(2);
    await clock.advance(400_000);
    expect(await status()).toMatchObject({ currentHealthy: 4, desiredHealthy: 4, disruptionsAllowed: 0 });
  });

  it('evict many at the same time under one budget that has room for them all', async () => {
    for (let i = 0; i < 120; i += 1) {
      const made = await client(0).kind(Pod).create(pod(`p${i}`));
      await client(0).kind(Pod).updateStatus({ ...made, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } });
    }
    await client(0).kind(PodDisruptionBudget).create(make<PodDisruptionBudget>({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', namespace: 'default' }, spec: { minAvailable: 10, selector: { matchLabels: { app: 'web' } } } }));
    const status = async () => (await client(1).kind(PodDisruptionBudget).get({ namespace: 'default', name: 'b' })).status;
    await clock.until(async () => (await status())?.disruptionsAllowed === 110, 60_000, 'it allows as many');
    const all = Promise.allSettled(Array.from({ length: 110 }, (_, i) => client(i).evict({ namespace: 'default', name: `p${i}` })));
    await clock.advance(60_000);
    expect(granted(await all, 'TooManyRequests')).toBe(110);
  });
});
