import { type Admission, Admissions, ConfigMap, definePlugin, type KubeObject, type OwnerReference, Pod, ReplicaSet, Secret } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { garbageCollection, replicaSets } from '../index.js';
import { make, World } from '../test-support/world.js';

let world: World;
beforeEach(async () => {
  world = await World.start([garbageCollection(), replicaSets()]);
});
afterEach(() => world.stop());

const map = (name: string, owners: OwnerReference[] = []): Promise<ConfigMap> =>
  world.client.kind(ConfigMap).create(make({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', ...(owners.length > 0 && { ownerReferences: owners }) } }));
const secret = (name: string, owners: OwnerReference[]): Promise<Secret> =>
  world.client.kind(Secret).create(make({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default', ownerReferences: owners } }));
const owned = (owner: KubeObject, blockOwnerDeletion = false): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name ?? '',
  uid: owner.metadata.uid ?? '',
  ...(blockOwnerDeletion && { blockOwnerDeletion }),
});
const names = async (): Promise<string[]> => {
  const [maps, secrets] = await Promise.all([world.client.kind(ConfigMap).list({ namespace: 'default' }), world.client.kind(Secret).list({ namespace: 'default' })]);
  return [...maps.items, ...secrets.items].map(({ metadata }) => metadata.name ?? '').sort();
};
const at = (name: string) => ({ namespace: 'default', name });
const settle = (): Promise<void> => world.clock.advance(10_000);

describe('the garbage collector', () => {
  it('deletes, level by level, what lost its only owner', async () => {
    const a = await map('a');
    const b = await secret('b', [owned(a)]);
    await map('c', [owned(b)]);
    await map('other');
    await settle();
    expect(await names()).toEqual(['a', 'b', 'c', 'other']);
    await world.client.kind(ConfigMap).delete(at('a'), { propagationPolicy: 'Background' });
    await world.until(async () => (await names()).length === 1);
    expect(await names()).toEqual(['other']);
  });

  it('deletes what names an owner that never was, or another of the same name', async () => {
    const a = await map('a');
    await map('ghost', [{ ...owned(a), name: 'nobody' }]);
    await map('namesake', [{ ...owned(a), uid: 'another' }]);
    await world.until(async () => (await names()).join() === 'a');
  });

  it('keeps what has another owner, and takes the dead reference away', async () => {
    const [a, b] = [await map('a'), await map('b')];
    await map('c', [owned(a), owned(b)]);
    await world.client.kind(ConfigMap).delete(at('a'));
    await world.until(async () => (await world.client.kind(ConfigMap).get(at('c'))).metadata.ownerReferences?.length === 1);
    expect((await world.client.kind(ConfigMap).get(at('c'))).metadata.ownerReferences?.[0]?.name).toBe('b');
  });

  it('deletes dependents first in the foreground, and waits only for those that block', async () => {
    const a = await map('a');
    await world.client.kind(Secret).create(make({ apiVersion: 'v1', kind: 'Secret', metadata: { ...at('held'), finalizers: ['example.com/held'], ownerReferences: [owned(a, true)] } }));
    await map('quick', [owned(a, true)]);
    await world.client.kind(ConfigMap).delete(at('a'), { propagationPolicy: 'Foreground' });
    await settle();
    expect(await names()).toEqual(['a', 'held']);
    await world.client.kind(Secret).patch(at('held'), 'merge', { metadata: { finalizers: null } });
    await world.until(async () => (await names()).length === 0);
  });

  it('lets dependents go when asked to orphan them', async () => {
    const a = await map('a');
    await map('b', [owned(a)]);
    await world.client.kind(ConfigMap).delete(at('a'), { propagationPolicy: 'Orphan' });
    await world.until(async () => (await names()).join() === 'b');
    expect((await world.client.kind(ConfigMap).get(at('b'))).metadata.ownerReferences ?? []).toEqual([]);
  });

  it('gets out of a circle of owners', async () => {
    const a = await map('a');
    const b = await secret('b', [owned(a, true)]);
    await world.client.kind(ConfigMap).patch(at('a'), 'merge', { metadata: { ownerReferences: [owned(b, true)] } });
    await settle();
    expect(await names()).toEqual(['a', 'b']);
    await world.client.kind(ConfigMap).delete(at('a'), { propagationPolicy: 'Foreground' });
    await world.until(async () => (await names()).length === 0);
  });

  it('leaves what got another owner in the moment in which it was to be deleted; other changes do not save it', async () => {
    const changes: (() => Promise<unknown>)[] = [];
    const meanwhile: Admission = {
      name: 'meanwhile',
      handles: ({ operation, ref }) => operation === 'DELETE' && (ref.name === 'adopted' || ref.name === 'busy'),
      validate: async () => void (await changes.shift()?.()),
    };
    await world.stop();
    world = await World.start([garbageCollection(), definePlugin({ name: 'meanwhile', core: '^0.1.0', setup: ({ add }) => add(Admissions, meanwhile) })()]);
    const [a, b] = [await map('a'), await map('b')];
    await secret('adopted', [owned(a)]);
    const secrets = world.client.kind(Secret);
    changes.push(() => secrets.patch(at('adopted'), 'merge', { metadata: { ownerReferences: [owned(a), owned(b)] } }));
    await world.client.kind(ConfigMap).delete(at('a'), { propagationPolicy: 'Background' });
    await world.until(async () => (await secrets.get(at('adopted'))).metadata.ownerReferences?.length === 1);
    expect((await secrets.get(at('adopted'))).metadata.ownerReferences).toEqual([owned(b)]);
    await secret('busy', [owned(b)]);
    await secrets.patch(at('adopted'), 'merge', { metadata: { ownerReferences: null } });
    changes.push(() => secrets.patch(at('busy'), 'merge', { metadata: { labels: { written: 'again' } } }));
    await world.client.kind(ConfigMap).delete(at('b'), { propagationPolicy: 'Background' });
    await world.until(async () => (await names()).join() === 'adopted');
    expect(changes).toEqual([]);
  });

  it('never deletes on account of an owner of a kind it does not know', async () => {
    await map('a', [{ apiVersion: 'example.com/v1', kind: 'Unknown', name: 'x', uid: 'x' }]);
    await settle();
    expect(await names()).toEqual(['a']);
  });

  it('takes the pods of a deleted replica set along', async () => {
    await world.client.kind(ReplicaSet).create(
      make({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: at('web'), spec: { replicas: 3, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } }),
    );
    await world.until(async () => (await world.pods()).length === 3);
    await world.client.kind(ReplicaSet).delete(at('web'), { propagationPolicy: 'Foreground' });
    await world.until(async () => (await world.pods()).length === 0 && (await world.client.kind(ReplicaSet).find(at('web'))) === undefined);
    await settle();
    const revision = await world.revision();
    await world.clock.advance(600_000);
    expect(await world.revision()).toBe(revision);
    expect((await world.client.kind(Pod).list()).items).toEqual([]);
  });
});
