import { definePlugin, Deployment, Informers, MetricsSources, Pod, PodDisruptionBudget } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { deployments, disruption, replicaSets, VerticalPodAutoscaler, VerticalPodAutoscalerCheckpoint, verticalPodAutoscaling } from '../index.js';
import { make, World } from '../test-support/world.js';

let world: World;
afterEach(() => world.stop());

let cpuMillis = 0;
const MEBIBYTE = 2 ** 20;

/** A node agent that only pretends: every pod uses the same. */
const pretendedUse = definePlugin({
  name: 'pretended-use',
  setup: ({ add, get, clock }) =>
    add(MetricsSources, {
      nodes: () => [],
      pods: () =>
        get(Informers)
          .get(Pod)
          .lister.list()
          .filter(({ status }) => status?.phase === 'Running')
          .map(({ metadata, spec }) => ({
            namespace: metadata.namespace ?? '', name: metadata.name ?? '', uid: metadata.uid ?? '', timestamp: clock.now(), windowMs: 15_000,
            containers: (spec.containers ?? []).map(({ name }) => ({ name, cpuMillis, memoryBytes: 300 * MEBIBYTE })),
          })),
    }),
});

const start = async (): Promise<void> => {
  cpuMillis = 400;
  world = await World.start([deployments(), replicaSets(), disruption(), verticalPodAutoscaling({ sampleSeconds: 300, minMemoryBytes: 10 * MEBIBYTE }), pretendedUse()]);
};
const ref = { namespace: 'default', name: 'web' };
const deploy = (replicas = 3) => {
  const resources = { requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } };
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'app', image: 'web:1', resources }] } };
  return world.client.kind(Deployment).create(make({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref, spec: { replicas, selector: { matchLabels: { app: 'web' } }, template } }));
};
const advise = (spec: object = {}) =>
  world.client.kind(VerticalPodAutoscaler).create(
    make({ apiVersion: 'autoscaling.k8s.io/v1', kind: 'VerticalPodAutoscaler', metadata: ref, spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, ...spec } }),
  );
const recommendation = async () => (await world.client.kind(VerticalPodAutoscaler).get(ref)).status?.recommendation?.containerRecommendations[0];
const requests = async () => (await world.pods('app=web')).filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ spec }) => spec.containers?.[0]?.resources);
const day = 86_400_000;

describe('a vertical autoscaler', () => {
  it('advises, and does nothing else unless it is told to', async () => {
    await start();
    await deploy();
    await advise();
    await world.clock.advance(2 * 3_600_000);
    const early = await recommendation();
    await world.clock.advance(2 * day);
    const late = await recommendation();
    // 400m and 300Mi, at the end of their buckets, and 15% more.
    expect(late?.containerName).toBe('app');
    for (const [name, use] of [['cpu', 400], ['memory', 300]] as const) {
      const target = Number.parseFloat(late?.target[name] ?? '');
      expect(target).toBeGreaterThanOrEqual(use * 1.15);
      expect(target).toBeLessThanOrEqual(use * 1.15 * 1.07);
    }
    // The bounds come together as more is known.
    const width = (one: typeof late): number => Number.parseFloat(one?.upperBound?.['cpu'] ?? '') / Number.parseFloat(one?.lowerBound?.['cpu'] ?? '');
    expect(Number.isFinite(width(late))).toBe(true);
    expect(width(late)).toBeLessThan(3);
    expect(early?.upperBound?.['cpu']).not.toBe(late?.upperBound?.['cpu']);
    expect(await requests()).toEqual(Array(3).fill({ requests: { cpu: '100m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } }));
  });

  it('writes little when nothing changes', async () => {
    await start();
    await deploy();
    await advise();
    await world.clock.advance(day);
    const before = await world.revision();
    await world.clock.advance(3 * 3_600_000);
    // Its checkpoint every ten minutes, and bounds that come together.
    expect((await world.revision()) - before).toBeLessThanOrEqual(3 * 6 + 4);
  });

  it('keeps within what its policy allows, and leaves out what is not its own', async () => {
    await start();
    await deploy();
    await advise({ resourcePolicy: { containerPolicies: [{ containerName: 'app', maxAllowed: { cpu: '300m' }, controlledResources: ['cpu'] }] } });
    await world.clock.advance(3_600_000);
    expect((await recommendation())?.target).toEqual({ cpu: '300m' });
    expect(Number.parseFloat((await recommendation())?.uncappedTarget?.['cpu'] ?? '')).toBeGreaterThan(400);
  });

  it('remembers after a restart what it learnt', async () => {
    await start();
    await deploy();
    await advise();
    await world.clock.advance(day);
    const [kept] = (await world.client.kind(VerticalPodAutoscalerCheckpoint).list()).items;
    expect(kept?.metadata).toMatchObject({ name: 'web-app', ownerReferences: [{ kind: 'VerticalPodAutoscaler', name: 'web' }] });
    expect(kept?.spec.totalSamplesCount).toBeGreaterThan(3 * 280);
    expect(Object.keys(kept?.spec.cpuHistogram.bucketWeights ?? {}).length).toBeGreaterThan(0);
  });

  it('follows a template that names its containers anew', async () => {
    await start();
    await deploy();
    await advise();
    await world.clock.advance(day);
    expect((await recommendation())?.containerName).toBe('app');
    await world.client.kind(Deployment).patch(ref, 'json', [{ op: 'replace', path: '/spec/template/spec/containers/0/name', value: 'side-car' }]);
    await world.clock.advance(3_600_000);
    const { status } = await world.client.kind(VerticalPodAutoscaler).get(ref);
    expect(status?.recommendation?.containerRecommendations.map(({ containerName }) => containerName)).toEqual(['side-car']);
    // Of `web-side` and `car` it would be the same, if the two were only joined.
    expect((await world.client.kind(VerticalPodAutoscalerCheckpoint).list()).items.map(({ metadata }) => metadata.name)).toContainEqual(expect.stringMatching(/^checkpoint-[0-9a-f]+$/));
  });

  it('refuses a mode that there is not', async () => {
    await start();
    await expect(advise({ updatePolicy: { updateMode: 'Always' } })).rejects.toMatchObject({ reason: 'Invalid' });
  });
});

describe('when it is told to', () => {
  it('gives new pods what is recommended, with limits in their ratio, and leaves the others alone', async () => {
    await start();
    await deploy(2);
    await advise({ updatePolicy: { updateMode: 'Initial' } });
    await world.clock.advance(day);
    const { cpu = '', memory = '' } = (await recommendation())?.target ?? {};
    await world.client.kind(Deployment).scale(ref, 3);
    await world.until(async () => (await requests()).length === 3);
    const all = await requests();
    expect(all.filter((one) => one?.requests?.['cpu'] === '100m')).toHaveLength(2);
    expect(all.find((one) => one?.requests?.['cpu'] !== '100m')).toEqual({ requests: { cpu, memory }, limits: { cpu: `${2 * Number.parseInt(cpu, 10)}m`, memory } });
  });

  it('evicts those far from it one at a time, within the disruption budget', async () => {
    await start();
    await deploy(3);
    await world.client.kind(PodDisruptionBudget).create(make({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: ref, spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } } }));
    await advise({ updatePolicy: { updateMode: 'Recreate' } });
    let fewest = Infinity;
    await world.until(
      async () => {
        const pods = await world.pods('app=web');
        const ready = pods.filter(({ status, metadata }) => metadata.deletionTimestamp === undefined && status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')).length;
        if (pods.length >= 3) fewest = Math.min(fewest, ready);
        return (await requests()).length === 3 && (await requests()).every((one) => one?.requests?.['cpu'] !== '100m');
      },
      'all pods replaced',
      3 * day,
    );
    expect(fewest).toBeGreaterThanOrEqual(2);
    // What has it keeps it: nothing is evicted any more.
    const names = (await world.pods('app=web')).map(({ metadata }) => metadata.uid).sort();
    await world.clock.advance(day);
    expect((await world.pods('app=web')).map(({ metadata }) => metadata.uid).sort()).toEqual(names);
  });

  it('evicts nothing where there are too few', async () => {
    await start();
    await deploy(1);
    await advise({ updatePolicy: { updateMode: 'Recreate' } });
    await world.clock.advance(2 * day);
    expect((await requests())[0]?.requests?.['cpu']).toBe('100m');
  });
});
