import {
  CustomMetrics, definePlugin, defineKind, demandLease, Deployment, Event, HOLD_ANNOTATION, HorizontalPodAutoscaler, Informers, Kinds, Lease, MetricsSources, type Plugin, Pod,
  SCALE_TO_ZERO_ANNOTATION, schemas, Service,
} from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { deployments, horizontalPodAutoscaling, replicaSets } from '../index.js';
import { make, World } from '../test-support/world.js';
import { IDLE_ANNOTATION } from './demand.js';

let world: World;
afterEach(() => world.stop());

/** Thousandths of a core that all pods use together; each pod takes its share. */
let load = 0;
/** Set: no pod has a sample. */
let silent = false;

/** A node agent that only pretends: what a pod uses is its share of the load. */
const pretendedUse = definePlugin({
  name: 'pretended-use',
  setup: ({ add, get, clock }) => {
    const running = (): readonly Pod[] => get(Informers).get(Pod).lister.list().filter(({ status, metadata }) => status?.phase === 'Running' && metadata.deletionTimestamp === undefined);
    add(MetricsSources, {
      nodes: () => [],
      pods: () => {
        const pods = silent ? [] : running();
        const cpuMillis = Math.round(load / Math.max(1, pods.length));
        return pods.map(({ metadata }) => ({
          namespace: metadata.namespace ?? '', name: metadata.name ?? '', uid: metadata.uid ?? '', timestamp: clock.now(), windowMs: 1000,
          containers: [{ name: 'c', cpuMillis, memoryBytes: 100 * 2 ** 20 }],
        }));
      },
    });
  },
});

const start = async (...more: readonly Plugin[]): Promise<void> => {
  load = 100;
  silent = false;
  world = await World.start([deployments(), replicaSets(), horizontalPodAutoscaling(), pretendedUse(), ...more]);
};

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'web:1', resources: { requests: { cpu: '200m' } } }] } };
const ref = { namespace: 'default', name: 'web' };
const deploy = (replicas = 1) =>
  world.client.kind(Deployment).create(make({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref, spec: { replicas, selector: { matchLabels: { app: 'web' } }, template } }));
const autoscale = (spec: object = {}, annotations: Record<string, string> = {}) =>
  world.client.kind(HorizontalPodAutoscaler).create(
    make({
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { ...ref, annotations },
      spec: { maxReplicas: 8, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, metrics: [cpu(50)], ...spec },
    }),
  );
const cpu = (averageUtilization: number) => ({ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } });
const replicas = async (): Promise<number> => (await world.client.kind(Deployment).get(ref)).spec.replicas ?? -1;
const autoscaler = () => world.client.kind(HorizontalPodAutoscaler).get(ref);
const condition = async (type: string) => (await autoscaler()).status?.conditions?.find((one) => one.type === type);
const ready = async (count: number): Promise<boolean> => (await world.client.kind(Deployment).get(ref)).status?.readyReplicas === count;
const events = async (): Promise<string[]> =>
  (await world.client.kind(Event).list()).items.filter(({ involvedObject }) => involvedObject.kind === 'HorizontalPodAutoscaler').map(({ reason, message }) => `${reason}: ${message}`);

async function staysQuiet(): Promise<void> {
  await world.clock.advance(120_000);
  const before = await world.revision();
  await world.clock.advance(1_200_000);
  expect(await world.revision()).toBe(before);
}

describe('by the use of cpu', () => {
  it('scales up with the load at most twofold or to four, and down when it was low for five minutes; then it is quiet', async () => {
    await start();
    await deploy();
    await autoscale();
    await world.until(() => ready(1));
    await staysQuiet();
    load = 800;
    await world.until(async () => (await replicas()) === 4, 'four replicas');
    await world.until(async () => (await replicas()) === 8, 'eight replicas');
    expect(await events()).toContain('SuccessfulRescale: New size: 8; reason: cpu resource utilization (percentage of request) above target');
    await world.until(() => ready(8));
    await world.clock.advance(60_000);
    expect((await autoscaler()).status).toMatchObject({ currentReplicas: 8, desiredReplicas: 8, currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 50, averageValue: '100m' } } }] });
    expect(await condition('AbleToScale')).toMatchObject({ status: 'True', reason: 'ReadyForNewScale' });
    expect(await condition('ScalingActive')).toMatchObject({ status: 'True', reason: 'ValidMetricFound', message: 'the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)' });
    expect(await condition('ScalingLimited')).toMatchObject({ status: 'False', reason: 'DesiredWithinRange' });
    load = 100;
    const since = world.clock.now();
    await world.until(async () => (await replicas()) === 1, 'one replica');
    expect(world.clock.now() - since).toBeGreaterThan(280_000);
    expect(await events()).toContain('SuccessfulRescale: New size: 1; reason: All metrics below target');
    await staysQuiet();
  });

  it('keeps within its bounds, and says so', async () => {
    await start();
    await deploy(3);
    await autoscale({ minReplicas: 2, maxReplicas: 5 });
    load = 2000;
    await world.until(async () => (await condition('ScalingLimited'))?.reason === 'TooManyReplicas');
    expect(await replicas()).toBe(5);
    await world.client.kind(HorizontalPodAutoscaler).patch(ref, 'merge', { spec: { maxReplicas: 4 } });
    await world.until(async () => (await replicas()) === 4);
    expect(await events()).toContain('SuccessfulRescale: New size: 4; reason: Current number of replicas above Spec.MaxReplicas');
  });

  it('follows its behaviour', async () => {
    await start();
    await deploy();
    const scaleDown = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] };
    await autoscale({ behavior: { scaleUp: { policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] }, scaleDown } });
    await world.until(() => ready(1));
    load = 800;
    const seen = new Map<number, number>();
    const note = async (): Promise<number> => {
      const count = await replicas();
      if (!seen.has(count)) seen.set(count, world.clock.now());
      return count;
    };
    await world.until(async () => (await note()) === 8);
    expect([...seen.keys()]).toEqual([1, 3, 5, 7, 8]);
    expect((seen.get(5) ?? 0) - (seen.get(3) ?? 0)).toBeGreaterThanOrEqual(59_000);
    seen.clear();
    await world.clock.advance(120_000);
    load = 100;
    await world.until(async () => (await note()) === 5);
    expect([...seen.keys()]).toEqual([8, 7, 6, 5]);
  });

  it('does nothing without samples but say so', async () => {
    await start();
    silent = true;
    await deploy(3);
    await autoscale();
    await world.until(async () => (await condition('ScalingActive'))?.status === 'False');
    const error = 'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API';
    expect(await condition('ScalingActive')).toMatchObject({ reason: 'FailedGetResourceMetric', message: `the HPA was unable to compute the replica count: ${error}` });
    await world.clock.advance(600_000);
    expect(await replicas()).toBe(3);
    const told = await events();
    expect(told).toContain(`FailedGetResourceMetric: ${error}`);
    expect(told).toContain(`FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: ${error}`);
    expect(told).toHaveLength(2);
  });
});

describe('a target', () => {
  it('at zero is left alone, without a look at it, until it is switched on', async () => {
    await start();
    await deploy(0);
    await autoscale();
    await world.until(async () => (await condition('ScalingActive'))?.reason === 'ScalingDisabled');
    await staysQuiet();
    load = 300;
    await world.client.kind(Deployment).scale(ref, 1);
    await world.until(async () => (await replicas()) === 3);
  });

  it('that does not exist is told of, and found when it comes', async () => {
    await start();
    await autoscale({ minReplicas: 2 });
    await world.until(async () => (await condition('AbleToScale'))?.reason === 'FailedGetScale');
    expect(await events()).toEqual(['FailedGetScale: deployments.apps "web" not found']);
    await staysQuiet();
    await deploy(1);
    await world.until(async () => (await replicas()) === 2);
    expect(await condition('AbleToScale')).toMatchObject({ status: 'True' });
  });

  it('that is switched off while its metrics are asked for stays off', async () => {
    let answer = (): void => {};
    let asked = 0;
    const slow = definePlugin({
      name: 'slow',
      setup: ({ add, clock }) =>
        add(CustomMetrics, {
          name: 'slow',
          externalMetric: () => {
            asked += 1;
            return new Promise((resolve) => (answer = () => resolve([{ value: 100, timestamp: clock.now() }])));
          },
        }),
    });
    await start(slow());
    await deploy(1);
    await world.until(() => ready(1));
    await autoscale({ metrics: [{ type: 'External', external: { metric: { name: 'length' }, target: { type: 'AverageValue', averageValue: '5' } } }] });
    await world.until(async () => asked === 1);
    await world.client.kind(Deployment).scale(ref, 0);
    answer();
    await world.until(async () => (await condition('ScalingActive'))?.reason === 'ScalingDisabled');
    await world.clock.advance(60_000);
    expect(await replicas()).toBe(0);
    // Nothing failed: it was looked at once more.
    expect((await events()).filter((text) => text.includes('Rescale'))).toEqual([]);
  });

  it('whose selector cannot be read is looked at again when it can', async () => {
    const Herd = defineKind({
      group: 'example.com', version: 'v1', kind: 'Herd', spec: z.object({ size: z.int().default(1), selector: z.string() }), scale: { specReplicas: '.spec.size', statusReplicas: '.spec.size', labelSelector: '.spec.selector' },
    });
    await start(definePlugin({ name: 'herds', setup: ({ add }) => add(Kinds, Herd as never) })());
    await world.client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: { ...ref, name: 'cow', labels: { farm: 'a' } }, spec: template.spec }));
    await world.client.kind(Herd).create(make({ apiVersion: 'example.com/v1', kind: 'Herd', metadata: ref, spec: { size: 1, selector: 'farm in (' } }));
    load = 400;
    await autoscale({ scaleTargetRef: { apiVersion: 'example.com/v1', kind: 'Herd', name: 'web' } });
    await world.until(async () => (await condition('AbleToScale'))?.reason === 'FailedGetScale');
    await world.client.kind(Herd).patch(ref, 'merge', { spec: { selector: 'farm=a' } });
    await world.until(async () => (await world.client.kind(Herd).get(ref)).spec.size === 4);
  });

  it('that two autoscalers claim is scaled by neither', async () => {
    await start();
    await deploy(2);
    await autoscale();
    await world.client.kind(HorizontalPodAutoscaler).create(
      make({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { ...ref, name: 'other' }, spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } } }),
    );
    load = 4000;
    await world.until(async () => (await condition('ScalingActive'))?.reason === 'AmbiguousSelector');
    expect(await replicas()).toBe(2);
  });

  it('may be of any kind with a scale subresource', async () => {
    const Farm = defineKind({
      group: 'example.com', version: 'v1', kind: 'Farm',
      spec: z.object({ size: z.int().default(1), selector: schemas.labelSelector }), status: z.object({ size: z.int().optional() }),
      scale: { specReplicas: '.spec.size', statusReplicas: '.status.size', labelSelector: '.spec.selector' },
    });
    const own = definePlugin({ name: 'farms', setup: ({ add }) => add(Kinds, Farm as never) });
    await start(own());
    await world.client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: { ...ref, name: 'cow', labels: { farm: 'a' } }, spec: template.spec }));
    await world.client.kind(Farm).create(make({ apiVersion: 'example.com/v1', kind: 'Farm', metadata: ref, spec: { size: 1, selector: { matchLabels: { farm: 'a' } } } }));
    load = 400;
    await autoscale({ scaleTargetRef: { apiVersion: 'example.com/v1', kind: 'Farm', name: 'web' } });
    await world.until(async () => (await world.client.kind(Farm).get(ref)).spec.size === 4);
  });
});

describe('several metrics', () => {
  const values = new Map<string, number | Error>();
  const functions = definePlugin({
    name: 'functions',
    setup: ({ add, clock }) => {
      const read = (name: string): number | undefined => {
        const value = values.get(name);
        if (value instanceof Error) throw value;
        return value;
      };
      const reading = (value: number) => ({ value, timestamp: clock.now() });
      add(CustomMetrics, {
        name: 'functions',
        podMetric: async ({ metric, pods }) => {
          const value = read(metric);
          return value === undefined ? undefined : new Map(pods.map(({ metadata }) => [metadata.name ?? '', reading(value / pods.length)]));
        },
        objectMetric: async ({ metric, object }) => (object.kind === 'Ingress' && values.has(metric) ? reading(read(metric) ?? 0) : undefined),
        externalMetric: async ({ metric, selector }) => {
          const value = read(metric);
          return value === undefined || selector?.matchLabels?.['queue'] !== 'mail' ? undefined : [reading(value / 2), reading(value / 2)];
        },
      });
    },
  });
  const metrics = [
    cpu(50),
    { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
    { type: 'Object', object: { describedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'main' }, metric: { name: 'hits' }, target: { type: 'Value', value: '100' } } },
    { type: 'External', external: { metric: { name: 'length', selector: { matchLabels: { queue: 'mail' } } }, target: { type: 'AverageValue', averageValue: '5' } } },
  ];

  it('want what the highest of them wants', async () => {
    await start(functions());
    values.clear();
    for (const [name, value] of [['rps', 20], ['hits', 100], ['length', 10]] as const) values.set(name, value);
    await deploy(2);
    await world.until(() => ready(2));
    await autoscale({ metrics });
    await world.until(async () => (await autoscaler()).status?.currentMetrics?.length === 4);
    expect((await autoscaler()).status?.currentMetrics).toEqual([
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 25, averageValue: '50m' } } },
      { type: 'Pods', pods: { metric: { name: 'rps' }, current: { averageValue: '10' } } },
      { type: 'Object', object: { metric: { name: 'hits' }, describedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'main' }, current: { value: '100' } } },
      { type: 'External', external: { metric: { name: 'length', selector: { matchLabels: { queue: 'mail' } } }, current: { averageValue: '5' } } },
    ]);
    await world.clock.advance(600_000);
    expect(await replicas()).toBe(2);
    values.set('length', 27);
    await world.until(async () => (await replicas()) === 6);
    expect(await events()).toContain('SuccessfulRescale: New size: 6; reason: external metric length above target');
  });

  it('scale up although one fails, and not down', async () => {
    await start(functions());
    values.clear();
    values.set('rps', 60);
    values.set('hits', new Error('the ingress is silent'));
    await deploy(2);
    await world.until(() => ready(2));
    await autoscale({ metrics: metrics.slice(1, 3) });
    await world.until(async () => (await replicas()) === 6);
    expect(await events()).toContain('FailedGetObjectMetric: failed to get object metric value: unable to get metric hits: functions: the ingress is silent');
    values.set('rps', 10);
    await world.clock.advance(1_200_000);
    expect(await replicas()).toBe(6);
    expect(await condition('ScalingActive')).toMatchObject({ status: 'False', reason: 'FailedGetObjectMetric' });
    values.set('hits', 100);
    await world.until(async () => (await condition('ScalingActive'))?.status === 'True');
  });
});

describe('to and from zero', () => {
  const optIn = { [SCALE_TO_ZERO_ANNOTATION]: 'true', [IDLE_ANNOTATION]: '60' };
  const serve = async () =>
    world.client.kind(Service).create(
      make({ apiVersion: 'v1', kind: 'Service', metadata: { ...ref, annotations: { [HOLD_ANNOTATION]: 'true' } }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } }),
    );
  /** What a proxy tells of the use of the Service. */
  const use = async (service: Service): Promise<void> => {
    const { namespace = '', name = '', uid = '' } = service.metadata;
    const lease = demandLease({ service: { namespace, name, uid }, holder: 'n1', lastUse: world.clock.now(), leaseSeconds: 10 });
    const leases = world.client.kind(Lease);
    const found = await leases.find({ namespace, name: lease.metadata.name ?? '' });
    await (found === undefined ? leases.create(lease) : leases.patch({ namespace, name: lease.metadata.name ?? '' }, 'merge', { spec: lease.spec }));
  };
  const behavior = { scaleDown: { stabilizationWindowSeconds: 0 } };

  it('the last replica goes when it was idle, the first comes at once when it is asked for', async () => {
    await start();
    const service = await serve();
    await deploy(1);
    await autoscale({ minReplicas: 0, behavior }, optIn);
    await world.until(() => ready(1));
    for (let i = 0; i < 30; i += 1) {
      await use(service);
      await world.clock.advance(5000);
      expect(await replicas()).toBe(1);
    }
    load = 0;
    const since = world.clock.now();
    await world.until(async () => (await replicas()) === 0);
    expect(world.clock.now() - since).toBeGreaterThanOrEqual(54_000);
    await world.until(async () => (await condition('ScalingActive'))?.reason === 'ScaledToZero');
    await staysQuiet();
    const asked = world.clock.now();
    await use(service);
    await world.until(async () => (await replicas()) === 1);
    expect(world.clock.now() - asked).toBeLessThan(1000);
    expect(await events()).toContain('SuccessfulRescale: New size: 1; reason: requests are waiting for a first replica');
  });

  it('what nobody tells the use of keeps its last replica', async () => {
    await start();
    load = 0;
    await deploy(1);
    await autoscale({ minReplicas: 0, behavior }, optIn);
    await world.clock.advance(1_200_000);
    expect(await replicas()).toBe(1);
  });

  it('without the annotation zero is refused', async () => {
    await start();
    await expect(autoscale({ minReplicas: 0 })).rejects.toMatchObject({ reason: 'Invalid' });
  });
});
