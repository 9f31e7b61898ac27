import { ControllerRevision, Event, PersistentVolumeClaim, Pod, StatefulSet } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { garbageCollection } from '../garbage-collector/plugin.js';
import { findRevision, historyOf, revertTo } from '../history/rollback.js';
import { make, World } from '../test-support/world.js';
import { statefulSets } from './plugin.js';

let world: World;
afterEach(() => world.stop());

const ref = { namespace: 'default', name: 'web' };
const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });
const claimTemplate = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
const statefulSet = (replicas: number, over: object = {}): StatefulSet =>
  make({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: ref,
    spec: { replicas, serviceName: 'web', selector: { matchLabels: { app: 'web' } }, template: template('web:1'), ...over },
  });

const sets = () => world.client.kind(StatefulSet);
const get = (): Promise<StatefulSet> => sets().get(ref);
const patch = (spec: object) => sets().patch(ref, 'merge', { spec });
const setImage = (image: string) => patch({ template: template(image) });
const claims = async () => (await world.client.kind(PersistentVolumeClaim).list()).items;
const revisions = async () => (await world.client.kind(ControllerRevision).list()).items.toSorted((a, b) => a.revision - b.revision);
const byName = async (): Promise<Record<string, string>> => Object.fromEntries((await world.pods('app=web')).map(({ metadata, spec }) => [metadata.name, spec.containers[0]?.image] as [string, string]).sort());

const settled = async (): Promise<boolean> => {
  const { spec, status, metadata } = await get();
  return status?.observedGeneration === metadata.generation && status?.availableReplicas === spec.replicas && status?.replicas === spec.replicas;
};
const updated = async (): Promise<boolean> => {
  const { status, spec } = await get();
  return (await settled()) && status?.currentRevision === status?.updateRevision && status?.updatedReplicas === spec.replicas;
};

/** Names of pods in the order in which they appear and vanish. */
async function record(until: () => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  const abort = new AbortController();
  const watching = (async () => {
    for await (const { type, object } of world.client.kind(Pod).watch({}, abort.signal)) {
      if (type === 'ADDED') seen.push(`+${object.metadata.name}`);
      if (type === 'DELETED') seen.push(`-${object.metadata.name}`);
    }
  })().catch(() => undefined);
  await until();
  await world.clock.advance(1_000);
  abort.abort();
  await watching;
  return seen;
}

async function staysQuiet(): Promise<void> {
  await world.clock.advance(60_000);
  const before = await world.revision();
  await world.clock.advance(1_200_000);
  expect(await world.revision()).toBe(before);
}

describe('a StatefulSet', () => {
  it('makes its pods one after the other, each with its name, labels, host name and claim, and is then quiet', async () => {
    world = await World.start([statefulSets()]);
    const seen = await record(async () => {
      await sets().create(statefulSet(3, { volumeClaimTemplates: [claimTemplate] }));
      await world.until(settled);
    });
    expect(seen).toEqual(['+web-0', '+web-1', '+web-2']);
    const pod = await world.client.kind(Pod).get({ namespace: 'default', name: 'web-1' });
    const { status } = await get();
    expect(pod.metadata.labels).toEqual({
      app: 'web',
      'apps.kubernetes.io/pod-index': '1',
      'statefulset.kubernetes.io/pod-name': 'web-1',
      'controller-revision-hash': status?.updateRevision,
    });
    expect(pod.metadata.generateName).toBeUndefined();
    expect(pod.spec).toMatchObject({ hostname: 'web-1', subdomain: 'web', volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-web-1' } }] });
    expect((await claims()).map(({ metadata }) => [metadata.name, metadata.labels, metadata.ownerReferences])).toEqual([0, 1, 2].map((n) => [`data-web-${n}`, { app: 'web' }, undefined]));
    expect(status).toMatchObject({ replicas: 3, readyReplicas: 3, availableReplicas: 3, currentReplicas: 3, updatedReplicas: 3, collisionCount: 0, observedGeneration: 1 });
    await staysQuiet();
    const events = (await world.client.kind(Event).list()).items.map(({ reason, message }) => `${reason}: ${message}`);
    expect(events).toContain('SuccessfulCreate: create Pod web-0 in StatefulSet web successful');
    expect(events).toContain('SuccessfulCreate: create Claim data-web-0 Pod web-0 in StatefulSet web success');
  });

  it('keeps a revision per template as Kubernetes writes it', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(make({ ...statefulSet(1), metadata: { ...ref, annotations: { 'kubernetes.io/change-cause': 'first' } } }));
    await world.until(settled);
    const [revision] = await revisions();
    const { spec, status } = await get();
    expect(revision).toMatchObject({ revision: 1, data: { spec: { template: { ...spec.template, $patch: 'replace' } } } });
    expect(revision?.metadata).toMatchObject({
      name: status?.updateRevision,
      labels: { app: 'web', 'controller.kubernetes.io/hash': status?.updateRevision?.slice('web-'.length) },
      annotations: { 'kubernetes.io/change-cause': 'first' },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', controller: true, blockOwnerDeletion: true }],
    });
  });

  it('waits for a pod that is not ready before it makes the next; in parallel it waits for none', async () => {
    world = await World.start([statefulSets()]);
    world.behaviour = ({ metadata }) => (metadata.name === 'web-1' ? 'pending' : 'run');
    await sets().create(statefulSet(3));
    await world.until(async () => (await get()).status?.readyReplicas === 1 && (await world.pods()).length === 2);
    await world.clock.advance(600_000);
    expect(await byName()).toEqual({ 'web-0': 'web:1', 'web-1': 'web:1' });
    await sets().create(make({ ...statefulSet(3, { podManagementPolicy: 'Parallel' }), metadata: { namespace: 'default', name: 'wide' }, spec: { ...statefulSet(3).spec, podManagementPolicy: 'Parallel', selector: { matchLabels: { app: 'wide' } }, template: { ...template('web:1'), metadata: { labels: { app: 'wide' } } } } }));
    await world.until(async () => (await world.pods('app=wide')).length === 3);
  });

  it('rolls from the last to the first, one at a time, and then makes the new revision the current one', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(3));
    await world.until(updated);
    const before = (await get()).status?.currentRevision;
    const seen = await record(async () => {
      await setImage('web:2');
      await world.until(updated);
    });
    expect(seen.filter((event) => event.startsWith('-') || seen.includes(`-${event.slice(1)}`))).toEqual(expect.arrayContaining(['-web-2', '+web-2', '-web-1', '+web-1', '-web-0', '+web-0']));
    expect(seen.slice(-6)).toEqual(['-web-2', '+web-2', '-web-1', '+web-1', '-web-0', '+web-0']);
    const { status } = await get();
    expect(status?.currentRevision).not.toBe(before);
    expect(status).toMatchObject({ currentReplicas: 3, updatedReplicas: 3 });
    await staysQuiet();
  });

  it('goes on in the middle of a roll-out after a restart of the controller, and takes away no pod twice', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(4));
    await world.until(updated);
    const seen = await record(async () => {
      await setImage('web:2');
      await world.until(async () => ((await get()).status?.updatedReplicas ?? 0) >= 2);
      await world.orchestrator.replace('controller-statefulset', statefulSets());
      await world.until(updated);
    });
    expect(seen.filter((event) => event.startsWith('-'))).toEqual(['-web-3', '-web-2', '-web-1', '-web-0']);
    await staysQuiet();
  });

  it('takes several away at once where maxUnavailable allows it, and those that are broken at once', async () => {
    world = await World.start([statefulSets()]);
    world.behaviour = ({ metadata, spec }) => (metadata.name === 'web-0' && spec.containers[0]?.image === 'web:1' ? 'crash' : 'run');
    await sets().create(statefulSet(5, { podManagementPolicy: 'Parallel', updateStrategy: { rollingUpdate: { maxUnavailable: 2 } } }));
    await world.until(async () => (await get()).status?.readyReplicas === 4);
    await setImage('web:2');
    await world.until(updated);
    expect(Object.values(await byName())).toEqual(Array(5).fill('web:2'));
    await staysQuiet();
  });

  it('leaves pods below the partition at the old revision, also when they are made anew', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(4, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }));
    await world.until(updated);
    await setImage('web:2');
    await world.until(async () => (await settled()) && (await get()).status?.updatedReplicas === 2);
    expect(await byName()).toEqual({ 'web-0': 'web:1', 'web-1': 'web:1', 'web-2': 'web:2', 'web-3': 'web:2' });
    const { uid } = (await world.client.kind(Pod).get({ namespace: 'default', name: 'web-0' })).metadata;
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'web-0' });
    await world.until(async () => {
      const pod = await world.client.kind(Pod).find({ namespace: 'default', name: 'web-0' });
      return pod !== undefined && pod.metadata.uid !== uid;
    });
    await world.until(settled);
    expect((await byName())['web-0']).toBe('web:1');
    const { status } = await get();
    expect(status?.currentRevision).not.toBe(status?.updateRevision);
    await patch({ updateStrategy: { rollingUpdate: { partition: 0 } } });
    await world.until(updated);
    await staysQuiet();
  });

  it('replaces only what somebody else deletes, with OnDelete', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(2, { updateStrategy: { type: 'OnDelete' } }));
    await world.until(settled);
    await setImage('web:2');
    await world.until(async () => (await get()).status?.observedGeneration === 2);
    await world.clock.advance(600_000);
    expect(await byName()).toEqual({ 'web-0': 'web:1', 'web-1': 'web:1' });
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'web-0' });
    await world.until(async () => (await byName())['web-0'] === 'web:2' && (await settled()));
    expect(await byName()).toEqual({ 'web-0': 'web:2', 'web-1': 'web:1' });
  });

  it('scales down from the last, and moves its ordinals when they start elsewhere', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(3));
    await world.until(settled);
    const down = await record(async () => {
      await sets().scale(ref, 1);
      await world.until(settled);
    });
    expect(down.filter((event) => event.startsWith('-'))).toEqual(['-web-2', '-web-1']);
    await patch({ replicas: 2, ordinals: { start: 5 } });
    await world.until(async () => (await settled()) && Object.keys(await byName()).join() === 'web-5,web-6');
    await staysQuiet();
  });

  it('makes pods anew that ended, and adopts and releases by label and name', async () => {
    world = await World.start([statefulSets()]);
    const orphan = { ...template('web:1'), metadata: { namespace: 'default', name: 'web-1', labels: { app: 'web' } } };
    const other = { ...template('web:1'), metadata: { namespace: 'default', name: 'other-1', labels: { app: 'web' } } };
    await world.client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', ...orphan }));
    await world.client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', ...other }));
    await sets().create(statefulSet(2));
    await world.until(updated);
    const { uid } = (await get()).metadata;
    const ownerOf = async (name: string) => (await world.client.kind(Pod).get({ namespace: 'default', name })).metadata.ownerReferences?.[0]?.uid;
    expect(await ownerOf('web-1')).toBe(uid);
    expect(await ownerOf('other-1')).toBeUndefined();
    const pod = await world.client.kind(Pod).get({ namespace: 'default', name: 'web-0' });
    world.behaviour = ({ metadata }) => (metadata.uid === pod.metadata.uid ? 'pending' : 'run');
    await world.client.kind(Pod).updateStatus({ ...pod, status: { ...pod.status, phase: 'Succeeded', conditions: [] } });
    await world.until(async () => (await settled()) && (await world.client.kind(Pod).get({ namespace: 'default', name: 'web-0' })).metadata.uid !== pod.metadata.uid);
  });

  it('counts a pod as available only after minReadySeconds, and goes on by itself then', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(2, { minReadySeconds: 30 }));
    await world.until(async () => (await get()).status?.readyReplicas === 1);
    expect((await get()).status?.availableReplicas).toBe(0);
    const start = world.clock.now();
    await world.until(settled);
    expect(world.clock.now() - start).toBeGreaterThanOrEqual(58_000);
  });

  it('forgets the oldest revisions beyond the limit, never one in use, and goes back to a kept one', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(1, { revisionHistoryLimit: 2 }));
    for (const image of ['web:2', 'web:3', 'web:4', 'web:5']) {
      await world.until(updated);
      await setImage(image);
      await world.until(async () => (await byName())['web-0'] === image);
    }
    await world.until(updated);
    await world.until(async () => (await revisions()).length === 3);
    expect((await revisions()).map(({ revision }) => revision)).toEqual([3, 4, 5]);
    expect(historyOf(await revisions()).map(({ revision }) => revision)).toEqual([3, 4, 5]);
    const previous = findRevision(await revisions());
    expect(previous?.revision).toBe(4);
    await sets().update(revertTo(StatefulSet, await get(), previous as ControllerRevision));
    await world.until(async () => (await updated()) && (await byName())['web-0'] === 'web:4');
    expect((await revisions()).map(({ revision }) => revision)).toEqual([3, 5, 6]);
    await staysQuiet();
  });

  it('takes another name for a revision whose name is taken, and counts that', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(1));
    await world.until(settled);
    const name = (await get()).status?.updateRevision ?? '';
    await sets().delete(ref, { propagationPolicy: 'Background' });
    await world.client.kind(Pod).delete({ namespace: 'default', name: 'web-0' });
    await world.client.kind(ControllerRevision).delete({ namespace: 'default', name });
    await world.client.kind(ControllerRevision).create(make({ apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata: { namespace: 'default', name }, revision: 7, data: { other: true } }));
    await sets().create(statefulSet(1));
    await world.until(settled);
    const { status } = await get();
    expect(status?.collisionCount).toBe(1);
    expect(status?.updateRevision).not.toBe(name);
  });
});

describe('claims of a StatefulSet', () => {
  const policy = (whenDeleted: string, whenScaled: string) => ({ volumeClaimTemplates: [claimTemplate], persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
  const owners = async () => Object.fromEntries((await claims()).map(({ metadata }) => [metadata.name, (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind}/${name}`).join()]));

  it('outlive pods and set when they are retained', async () => {
    world = await World.start([statefulSets(), garbageCollection()]);
    await sets().create(statefulSet(2, policy('Retain', 'Retain')));
    await world.until(settled);
    await sets().scale(ref, 1);
    await world.until(settled);
    await sets().delete(ref, { propagationPolicy: 'Background' });
    await world.until(async () => (await world.pods()).length === 0);
    await world.clock.advance(60_000);
    expect((await claims()).map(({ metadata }) => metadata.name)).toEqual(['data-web-0', 'data-web-1']);
  });

  it('go with the set where whenDeleted says so', async () => {
    world = await World.start([statefulSets(), garbageCollection()]);
    await sets().create(statefulSet(2, policy('Delete', 'Retain')));
    await world.until(settled);
    expect(await owners()).toEqual({ 'data-web-0': 'StatefulSet/web', 'data-web-1': 'StatefulSet/web' });
    await sets().scale(ref, 1);
    await world.until(settled);
    expect(Object.keys(await owners())).toEqual(['data-web-0', 'data-web-1']);
    await sets().delete(ref, { propagationPolicy: 'Background' });
    await world.until(async () => (await claims()).length === 0);
  });

  it('go with a pod that is scaled away where whenScaled says so, and a pod that comes again waits until they are gone', async () => {
    world = await World.start([statefulSets(), garbageCollection()]);
    await sets().create(statefulSet(3, policy('Retain', 'Delete')));
    await world.until(settled);
    expect(await owners()).toEqual({ 'data-web-0': '', 'data-web-1': '', 'data-web-2': '' });
    const before = (await claims()).find(({ metadata }) => metadata.name === 'data-web-2')?.metadata.uid;
    await sets().scale(ref, 1);
    await world.until(async () => (await world.pods()).length === 1);
    await sets().scale(ref, 3);
    await world.until(settled);
    const after = (await claims()).find(({ metadata }) => metadata.name === 'data-web-2')?.metadata.uid;
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
    expect(Object.keys(await owners())).toEqual(['data-web-0', 'data-web-1', 'data-web-2']);
  });

  it('follow a change of the policy', async () => {
    world = await World.start([statefulSets()]);
    await sets().create(statefulSet(1, policy('Retain', 'Retain')));
    await world.until(settled);
    await patch({ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' } });
    await world.until(async () => (await owners())['data-web-0'] === 'StatefulSet/web');
    await patch({ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } });
    await world.until(async () => (await owners())['data-web-0'] === '');
    await staysQuiet();
  });
});
