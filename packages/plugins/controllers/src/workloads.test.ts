import { Deployment, EndpointSlice, Event, Pod, ReplicaSet, Service } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { deployments, endpointSlices, replicaSets } from './index.js';
import { make, World } from './test-support/world.js';

let world: World;
afterEach(() => world.stop());

const start = async (): Promise<void> => {
  world = await World.start([deployments(), replicaSets(), endpointSlices()]);
};

const deployment = (replicas: number, image = 'web:1', over: object = {}): Deployment =>
  make({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } },
      ...over,
    },
  });

const ref = { namespace: 'default', name: 'web' };
const get = (): Promise<Deployment> => world.client.kind(Deployment).get(ref);
const sets = async (): Promise<readonly ReplicaSet[]> => (await world.client.kind(ReplicaSet).list()).items;
const condition = (object: Deployment, type: string) => object.status?.conditions?.find((one) => one.type === type);
const complete = async (): Promise<boolean> => {
  const object = await get();
  const { updatedReplicas, availableReplicas, replicas, observedGeneration } = object.status ?? {};
  const wanted = object.spec.replicas;
  return observedGeneration === object.metadata.generation && [updatedReplicas ?? 0, availableReplicas ?? 0, replicas ?? 0].every((n) => n === wanted) && condition(object, 'Progressing')?.reason === 'NewReplicaSetAvailable';
};
const setImage = (image: string) => world.client.kind(Deployment).patch(ref, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });

/** Nothing is written any more, however long one waits. */
async function staysQuiet(): Promise<void> {
  await world.clock.advance(60_000);
  const before = await world.revision();
  await world.clock.advance(1_200_000);
  expect(await world.revision()).toBe(before);
}

describe('a deployment', () => {
  it('makes a set and pods, reports itself complete, and is then quiet', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(3));
    await world.until(complete);
    const object = await get();
    expect(object.metadata).toMatchObject({ generation: 1, annotations: { 'deployment.kubernetes.io/revision': '1' } });
    expect(object.status).toMatchObject({ replicas: 3, readyReplicas: 3, availableReplicas: 3, updatedReplicas: 3, terminatingReplicas: 0, observedGeneration: 1 });
    expect(condition(object, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' });
    const [set] = await sets();
    expect(set?.metadata.name).toBe(`web-${set?.metadata.labels?.['pod-template-hash']}`);
    expect(condition(object, 'Progressing')?.message).toBe(`ReplicaSet "${set?.metadata.name}" has successfully progressed.`);
    const pods = await world.pods('app=web');
    expect(pods).toHaveLength(3);
    for (const pod of pods) expect(pod.metadata.name).toMatch(new RegExp(`^${set?.metadata.name}-[a-z0-9]{5}$`));
    await staysQuiet();
    const events = (await world.client.kind(Event).list()).items.map(({ reason, message }) => `${reason}: ${message}`);
    expect(events).toContain(`ScalingReplicaSet: Scaled up replica set ${set?.metadata.name} from 0 to 3`);
  });

  it('rolls without ever having fewer available or more pods than it may, and back again', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(4, 'web:1', { strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }));
    await world.until(complete);
    const [first] = await sets();
    await setImage('web:2');
    await world.until(async () => {
      const pods = (await world.pods('app=web')).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      expect(pods.length).toBeLessThanOrEqual(5);
      expect(pods.filter(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')).length).toBeGreaterThanOrEqual(3);
      return complete();
    });
    expect((await world.pods('app=web')).map(({ spec }) => spec.containers?.[0]?.image)).toEqual(Array(4).fill('web:2'));
    expect((await get()).metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' });
    // kubectl rollout undo: the template of the old set, put back.
    await setImage('web:1');
    await world.until(complete);
    expect((await get()).metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3' });
    const again = (await sets()).find(({ metadata }) => metadata.uid === first?.metadata.uid);
    expect(again?.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3', 'deployment.kubernetes.io/revision-history': '1' });
    expect(again?.spec.replicas).toBe(4);
    await staysQuiet();
  });

  it('keeps as many old sets as the history limit says', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(1, 'web:0', { revisionHistoryLimit: 2 }));
    for (let version = 1; version <= 4; version++) {
      await world.until(complete);
      await setImage(`web:${version}`);
    }
    await world.until(complete);
    await world.clock.advance(10_000);
    const kept = (await sets()).map(({ metadata }) => Number(metadata.annotations?.['deployment.kubernetes.io/revision'])).sort();
    expect(kept).toEqual([3, 4, 5]);
  });

  it('replaces everything at once with Recreate: no old pod is left when the first new one comes', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(3, 'web:1', { strategy: { type: 'Recreate' } }));
    await world.until(complete);
    await setImage('web:2');
    await world.until(async () => {
      const images = new Set((await world.pods('app=web')).map(({ spec }) => spec.containers?.[0]?.image));
      expect(images.size).toBeLessThanOrEqual(1);
      return complete();
    });
    expect((await world.pods('app=web')).map(({ spec }) => spec.containers?.[0]?.image)).toEqual(Array(3).fill('web:2'));
  });

  it('says when a rollout makes no progress, and when it does again', async () => {
    await start();
    world.behaviour = () => 'crash';
    await world.client.kind(Deployment).create(deployment(2, 'web:1', { progressDeadlineSeconds: 30 }));
    await world.until(async () => condition(await get(), 'Progressing')?.reason === 'ProgressDeadlineExceeded');
    const object = await get();
    expect(condition(object, 'Progressing')).toMatchObject({ status: 'False' });
    expect(condition(object, 'Progressing')?.message).toMatch(/^ReplicaSet "web-.*" has timed out progressing\.$/);
    expect(condition(object, 'Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
    await staysQuiet();
    world.behaviour = () => 'run';
    await setImage('web:2');
    await world.until(complete);
  });

  it('does not roll while paused, but scales; and says so', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(2));
    await world.until(complete);
    await world.client.kind(Deployment).patch(ref, 'merge', { spec: { paused: true } });
    await setImage('web:2');
    await world.client.kind(Deployment).scale(ref, 5);
    await world.until(async () => (await world.pods('app=web')).length === 5);
    await staysQuiet();
    expect((await world.pods('app=web')).map(({ spec }) => spec.containers?.[0]?.image)).toEqual(Array(5).fill('web:1'));
    expect(condition(await get(), 'Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused', message: 'Deployment is paused' });
    await world.client.kind(Deployment).patch(ref, 'merge', { spec: { paused: false } });
    await world.until(complete);
    expect((await world.pods('app=web')).map(({ spec }) => spec.containers?.[0]?.image)).toEqual(Array(5).fill('web:2'));
  });

  it('goes on rolling when somebody else has already given its set the new size', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(2));
    await world.until(complete);
    const [set] = await sets();
    const fresh = await world.client.kind(ReplicaSet).get({ namespace: 'default', name: set?.metadata.name ?? '' });
    const annotations = { ...fresh.metadata.annotations, 'deployment.kubernetes.io/desired-replicas': '7' };
    await world.client.kind(ReplicaSet).update({ ...fresh, metadata: { ...fresh.metadata, annotations } });
    await setImage('web:2');
    await world.until(complete);
    await staysQuiet();
  });

  it('waits for minReadySeconds before it goes on', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(2, 'web:1', { minReadySeconds: 20 }));
    const began = world.clock.now();
    await world.until(complete);
    expect(world.clock.now() - began).toBeGreaterThanOrEqual(20_000);
    expect(world.clock.now() - began).toBeLessThan(25_000);
  });

  it('adopts a set that nobody has, and gives one back that no longer matches', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(1));
    await world.until(complete);
    const [set] = await sets();
    const name = set?.metadata.name ?? '';
    await world.client.kind(ReplicaSet).patch({ namespace: 'default', name }, 'merge', { metadata: { ownerReferences: null } });
    await world.until(async () => (await sets())[0]?.metadata.ownerReferences?.[0]?.uid !== undefined);
    expect(await sets()).toHaveLength(1);
    await world.client.kind(ReplicaSet).patch({ namespace: 'default', name }, 'merge', { metadata: { labels: { app: 'other' } } });
    await world.until(async () => (await sets()).length === 2 || (await sets())[0]?.metadata.ownerReferences === undefined);
    const released = (await sets()).find(({ metadata }) => metadata.labels?.['app'] === 'other');
    expect(released?.metadata.ownerReferences ?? []).toEqual([]);
  });
});

describe('a replica set', () => {
  it('replaces pods that vanish or end, and lets go of pods that no longer match', async () => {
    await start();
    await world.client.kind(Deployment).create(deployment(3));
    await world.until(complete);
    const [a, b] = await world.pods('app=web');
    await world.client.kind(Pod).delete({ namespace: 'default', name: a?.metadata.name ?? '' });
    await world.client.kind(Pod).patch({ namespace: 'default', name: b?.metadata.name ?? '' }, 'merge', { metadata: { labels: { app: 'aside' } } });
    await world.until(async () => (await world.pods('app=web')).length === 3 && complete());
    const [aside] = await world.pods('app=aside');
    expect(aside?.metadata.ownerReferences ?? []).toEqual([]);
    await staysQuiet();
  });
});

describe('endpoint slices', () => {
  it('follow the pods of a service, and are not written when nothing changed', async () => {
    await start();
    await world.client.kind(Service).create(make({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { app: 'web' }, clusterIP: '10.0.0.1', ports: [{ port: 80, targetPort: 8080 }] } }));
    const ready = async (): Promise<number> => (await world.client.kind(EndpointSlice).list()).items.flatMap(({ endpoints }) => endpoints).filter(({ conditions }) => conditions?.ready === true).length;
    await world.until(async () => (await world.client.kind(EndpointSlice).list()).items.length === 1);
    await world.client.kind(Deployment).create(deployment(3));
    await world.until(async () => (await ready()) === 3);
    await world.client.kind(Deployment).scale(ref, 1);
    await world.until(async () => (await ready()) === 1 && (await world.pods()).length === 1);
    const [slice, ...others] = (await world.client.kind(EndpointSlice).list()).items;
    expect(others).toEqual([]);
    expect(slice?.metadata.labels).toEqual({ 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' });
    expect(slice?.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
    await staysQuiet();
  });
});
