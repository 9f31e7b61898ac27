import { ConfigMap, Namespace, Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { namespaces } from '../index.js';
import { make, World } from '../test-support/world.js';

let world: World;
afterEach(() => world.stop());

const room = { name: 'room' };
const config = (over: object = {}): ConfigMap => make({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'room', ...over } });
const start = async (): Promise<void> => {
  world = await World.start([namespaces()]);
  await world.client.kind(Namespace).create(make({ apiVersion: 'v1', kind: 'Namespace', metadata: room }));
};

describe('a namespace that is deleted', () => {
  it('takes its content along, pods first, and nobody can add to it meanwhile', async () => {
    await start();
    expect((await world.client.kind(Namespace).get(room)).spec.finalizers).toEqual(['kubernetes']);
    world.alive.delete('n2');
    await world.client.kind(Pod).create(make({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'room' }, spec: { containers: [{ name: 'c', image: 'i' }] } }));
    await world.until(async () => (await world.pods())[0]?.status?.phase === 'Running');
    world.alive.clear();
    await world.client.kind(ConfigMap).create(config());
    await world.client.kind(Namespace).delete(room);
    await world.clock.advance(20_000);
    const ending = await world.client.kind(Namespace).get(room);
    expect(ending.status?.phase).toBe('Terminating');
    expect(ending.status?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining')).toMatchObject({ status: 'True', reason: 'SomeResourcesRemain', message: 'Some resources are remaining: pods. has 1 resource instances' });
    expect((await world.client.kind(ConfigMap).list({ namespace: 'room' })).items).toHaveLength(1);
    await expect(world.client.kind(ConfigMap).create(config({ name: 'late' }))).rejects.toMatchObject({ reason: 'Forbidden' });
    await world.client.kind(Pod).delete({ namespace: 'room', name: 'p' }, { gracePeriodSeconds: 0 });
    await world.until(async () => (await world.client.kind(Namespace).find(room)) === undefined);
    expect((await world.client.kind(ConfigMap).list({ namespace: 'room' })).items).toEqual([]);
  });

  it('says which finalizers hold it, and writes nothing while it waits', async () => {
    await start();
    await world.client.kind(ConfigMap).create(config({ finalizers: ['example.com/held'] }));
    await world.client.kind(Namespace).delete(room);
    await world.clock.advance(20_000);
    const { status } = await world.client.kind(Namespace).get(room);
    expect(status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')).toMatchObject({
      status: 'True',
      reason: 'SomeFinalizersRemain',
      message: 'Some content in the namespace has finalizers remaining: example.com/held in 1 resource instances',
    });
    const revision = await world.revision();
    await world.clock.advance(60_000);
    expect(await world.revision()).toBe(revision);
    await world.client.kind(ConfigMap).patch({ namespace: 'room', name: 'c' }, 'merge', { metadata: { finalizers: null } });
    await world.until(async () => (await world.client.kind(Namespace).find(room)) === undefined);
  });

  it('keeps its finalizer whatever an ordinary update says', async () => {
    await start();
    const namespace = await world.client.kind(Namespace).get(room);
    await world.client.kind(Namespace).update({ ...namespace, spec: {} });
    expect((await world.client.kind(Namespace).get(room)).spec.finalizers).toEqual(['kubernetes']);
  });
});
