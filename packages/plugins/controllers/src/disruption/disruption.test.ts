import { type ApiError, Deployment, Pod, PodDisruptionBudget } from '@orrery/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { deployments } from '../deployment/plugin.js';
import { replicaSets } from '../replicaset/plugin.js';
import { make, World } from '../test-support/world.js';
import { DELETION_TIMEOUT_MS, planBudget } from './plan.js';
import { disruption } from './plugin.js';

let world: World;
afterEach(() => world?.stop());

const web = (replicas: number): Deployment =>
  make<Deployment>({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
  });
const budget = (spec: object): PodDisruptionBudget =>
  make<PodDisruptionBudget>({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { matchLabels: { app: 'web' } }, ...spec } });
const status = async (): Promise<PodDisruptionBudget['status']> => (await world.client.kind(PodDisruptionBudget).get({ namespace: 'default', name: 'web' })).status;
const start = async (replicas: number, spec: object): Promise<void> => {
  world = await World.start([deployments(), replicaSets(), disruption()]);
  await world.client.kind(Deployment).create(web(replicas));
  await world.client.kind(PodDisruptionBudget).create(budget(spec));
  await world.until(async () => (await status())?.currentHealthy === replicas, 'all are healthy');
};

describe('eviction', () => {
  it('takes as many as the budget allows at the same time, and no more', async () => {
    await start(6, { maxUnavailable: 2 });
    expect(await status()).toMatchObject({ expectedPods: 6, desiredHealthy: 4, disruptionsAllowed: 2 });
    const pods = await world.pods('app=web');
    const outcomes = await Promise.allSettled(pods.map(({ metadata }) => world.client.evict({ namespace: 'default', name: metadata.name ?? '' })));
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as ApiError] : []));
    expect(refused).toHaveLength(4);
    for (const error of refused) expect(error).toMatchObject({ reason: 'TooManyRequests', details: { causes: [{ reason: 'DisruptionBudget' }] } });
  });

  it('asks for a percentage of what the deployment wants', async () => {
    await start(5, { minAvailable: '50%' });
    expect(await status()).toMatchObject({ expectedPods: 5, desiredHealthy: 3, disruptionsAllowed: 2, conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }] });
  });

  it('changes nothing as a dry run, and refuses another pod of the same name', async () => {
    await start(2, { maxUnavailable: 1 });
    const [pod] = await world.pods('app=web');
    const ref = { namespace: 'default', name: pod?.metadata.name ?? '' };
    await world.client.evict(ref, { dryRun: true });
    expect((await world.client.kind(Pod).get(ref)).metadata.deletionTimestamp).toBeUndefined();
    await expect(world.client.evict({ ...ref, uid: 'another' })).rejects.toMatchObject({ reason: 'Conflict' });
    expect((await status())?.disruptionsAllowed).toBe(1);
    await world.client.evict(ref);
    await world.until(async () => (await status())?.currentHealthy === 2 && (await status())?.disruptionsAllowed === 1, 'a new pod took its place');
  });

  it('allows nothing when what is wanted cannot be told, and says so', async () => {
    world = await World.start([disruption()]);
    const owner = { apiVersion: 'example.com/v1', kind: 'Game', name: 'g', uid: 'u', controller: true };
    await world.client.kind(Pod).create(make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default', labels: { app: 'web' }, ownerReferences: [owner] }, spec: { containers: [{ name: 'c', image: 'i' }] } }));
    await world.client.kind(PodDisruptionBudget).create(budget({ maxUnavailable: '50%' }));
    await world.until(async () => (await status())?.conditions?.[0]?.reason === 'SyncFailed', 'failure is told');
    await world.until(async () => (await world.pods())[0]?.status?.phase === 'Running');
    await expect(world.client.evict({ namespace: 'default', name: 'p' })).rejects.toMatchObject({ reason: 'TooManyRequests' });
  });

  it('asks no budget about a pod that has not begun, not even when there are two; about one that runs there must be one', async () => {
    world = await World.start([disruption()]);
    world.behaviour = () => 'pending';
    const [one, two] = [budget({ minAvailable: 1 }), budget({ minAvailable: 1 })];
    await world.client.kind(PodDisruptionBudget).create(one);
    await world.client.kind(PodDisruptionBudget).create({ ...two, metadata: { ...two.metadata, name: 'again' } });
    const create = (name: string): Promise<Pod> => world.client.kind(Pod).create(make<Pod>({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }));
    await create('waits');
    await world.client.evict({ namespace: 'default', name: 'waits' });
    world.behaviour = () => 'run';
    await create('runs');
    await world.until(async () => (await world.pods()).some(({ metadata, status }) => metadata.name === 'runs' && status?.phase === 'Running'), 'it runs');
    await expect(world.client.evict({ namespace: 'default', name: 'runs' })).rejects.toMatchObject({ reason: 'InternalError', message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.' });
  });

  it('needs no budget for a pod that is not ready when enough others are, or when the policy says so', async () => {
    await start(3, { minAvailable: 3, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    world.behaviour = () => 'crash';
    const [pod] = await world.pods('app=web');
    const ref = { namespace: 'default', name: pod?.metadata.name ?? '' };
    await expect(world.client.evict(ref)).rejects.toMatchObject({ reason: 'TooManyRequests' });
    await world.client.kind(Pod).updateStatus({ ...(await world.client.kind(Pod).get(ref)), status: { ...pod?.status, conditions: [{ type: 'Ready', status: 'False' }] } });
    await world.client.evict(ref);
  });
});

describe('planBudget', () => {
  const pods = fc.array(fc.record({ ready: fc.boolean(), deleting: fc.boolean(), evictedMsAgo: fc.option(fc.integer({ min: 0, max: 300_000 }), { nil: undefined }) }), { maxLength: 12 });
  const share = fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`));
  const now = Date.UTC(2026, 0, 1);

  it('never allows what would leave fewer healthy than wanted, and settles', () => {
    fc.assert(
      fc.property(pods, share, fc.boolean(), fc.integer({ min: 0, max: 15 }), (states, figure, isMin, wanted) => {
        const all = states.map(({ ready, deleting }, i) =>
          make<Pod>({ metadata: { name: `p${i}`, ...(deleting && { deletionTimestamp: 'x' }) }, spec: { containers: [] }, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } }));
        const disruptedPods = Object.fromEntries(states.flatMap(({ evictedMsAgo }, i) => (evictedMsAgo === undefined ? [] : [[`p${i}`, new Date(now - evictedMsAgo).toISOString()]])));
        const spec = isMin ? { minAvailable: figure } : { maxUnavailable: figure };
        const object = make<PodDisruptionBudget>({ metadata: { name: 'b', generation: 3 }, spec, status: { disruptedPods } });
        const { status: next } = planBudget({ budget: object, pods: all, wanted: () => wanted, now });
        const healthy = states.filter(({ ready, deleting, evictedMsAgo }) => ready && !deleting && (evictedMsAgo === undefined || evictedMsAgo >= DELETION_TIMEOUT_MS)).length;
        expect(next.currentHealthy).toBe(healthy);
        expect(next.disruptionsAllowed === 0 || healthy - next.disruptionsAllowed >= next.desiredHealthy).toBe(true);
        const again = planBudget({ budget: { ...object, status: next }, pods: all, wanted: () => wanted, now });
        expect(again.status).toEqual(next);
      }),
    );
  });
});
