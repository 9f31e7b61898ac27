import { createOrchestrator, definePlugin, type KindDefinition, type KubeObject, type Orchestrator, ServedKinds, Store, systemClock } from '@orrery/core';
import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CustomResourceDefinition, customResources } from '../index.js';

type Any = KubeObject & { spec?: Record<string, unknown>; status?: Record<string, unknown> };

let orchestrator: Orchestrator;
let store: MemoryStore;
/** On the store that there is: what was written stays. */
const start = async (): Promise<void> => {
  const kept = definePlugin({ name: 'kept-store', setup: ({ provide }) => provide(Store, () => store) });
  orchestrator = await createOrchestrator({ plugins: [kept(), customResources()] });
  await orchestrator.start();
};
beforeEach(() => {
  store = new MemoryStore({ clock: systemClock });
  return start();
});
afterEach(async () => {
  await orchestrator.stop();
  await store.close();
});

const schema = (spec: object = {}): object => ({ openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, ...spec } } } } });
const definition = (plural: string, kind: string, { names = {}, versions = [{ name: 'v1', served: true, storage: true, schema: schema() }] }: { names?: object; versions?: readonly object[] } = {}): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.com` },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural, kind, ...names }, versions },
});
const definitions = () => orchestrator.client.kind(CustomResourceDefinition);
const conditionsOf = async (name: string): Promise<Record<string, string>> =>
  Object.fromEntries(((await definitions().find({ name }))?.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
const kindOf = (version: string, kind = 'Toy'): KindDefinition | undefined => orchestrator.get(ServedKinds).list().find((one) => one.group === 'example.com' && one.version === version && one.kind === kind);
const served = async (version: string, kind?: string): Promise<KindDefinition> => {
  await expect.poll(() => kindOf(version, kind)).toBeDefined();
  return kindOf(version, kind) as KindDefinition;
};
const established = (name: string) => expect.poll(() => conditionsOf(name)).toMatchObject({ Established: 'True InitialNamesAccepted' });
const toy = (version: string, name: string, spec: object, more: object = {}): Any => ({ apiVersion: `example.com/${version}`, kind: 'Toy', metadata: { name, namespace: 'default', ...more }, spec: { ...spec } });

describe('definitions are served', () => {
  it('and say so; a stopped orchestrator has them again when it starts on the same store', async () => {
    await orchestrator.client.apply(definition('toys', 'Toy'));
    await established('toys.example.com');
    expect(await conditionsOf('toys.example.com')).toEqual({ NamesAccepted: 'True NoConflicts', Established: 'True InitialNamesAccepted' });
    const created = await orchestrator.client.kind(await served('v1')).create(toy('v1', 'a', { size: 1, unknown: 2 }));
    expect(created).toMatchObject({ metadata: { generation: 1 }, spec: { size: 1 } });
    expect((created as Any).spec).toEqual({ size: 1 });
    await orchestrator.stop();
    await start();
    // Served from the start on.
    const again = kindOf('v1') as KindDefinition;
    expect(await orchestrator.client.kind(again).get({ namespace: 'default', name: 'a' })).toMatchObject({ spec: { size: 1 } });
  });

  it('in all their versions, which read what the others wrote by their own schemas', async () => {
    const versions = [
      { name: 'v1beta1', served: true, storage: false, schema: schema() },
      { name: 'v1', served: true, storage: true, schema: schema({ color: { type: 'string', default: 'red' } }) },
      { name: 'v1alpha1', served: false, storage: false, schema: schema() },
    ];
    await orchestrator.client.apply(definition('toys', 'Toy', { versions }));
    const v1 = orchestrator.client.kind(await served('v1'));
    const beta = orchestrator.client.kind(await served('v1beta1'));
    expect(kindOf('v1alpha1')).toBeUndefined();
    expect(orchestrator.get(ServedKinds).list().filter(({ group }) => group === 'example.com').map(({ version }) => version)).toEqual(['v1', 'v1beta1']);
    await beta.create(toy('v1beta1', 'a', { size: 1 }));
    expect(await v1.get({ namespace: 'default', name: 'a' })).toMatchObject({ apiVersion: 'example.com/v1', spec: { size: 1, color: 'red' } });
    await v1.update({ ...(await v1.get({ namespace: 'default', name: 'a' })), spec: { size: 2, color: 'blue' } } as Any);
    expect(((await beta.get({ namespace: 'default', name: 'a' })) as Any).spec).toEqual({ size: 2 });
  });

  it('as they are changed: old objects get new defaults, stored versions are remembered', async () => {
    await orchestrator.client.apply(definition('toys', 'Toy'));
    await orchestrator.client.kind(await served('v1')).create(toy('v1', 'a', { size: 1 }));
    const versions = [
      { name: 'v2', served: true, storage: true, schema: schema({ level: { type: 'string', default: 'easy' } }) },
      { name: 'v1', served: true, storage: false, schema: schema() },
    ];
    await orchestrator.client.apply(definition('toys', 'Toy', { versions }));
    const v2 = orchestrator.client.kind(await served('v2'));
    expect(await v2.get({ namespace: 'default', name: 'a' })).toMatchObject({ spec: { size: 1, level: 'easy' } });
    await expect.poll(async () => (await definitions().get({ name: 'toys.example.com' })).status?.storedVersions).toEqual(['v1', 'v2']);
    await expect(orchestrator.client.apply(definition('toys', 'Toy', { versions: versions.slice(0, 1) }))).rejects.toThrow('status.storedVersions[0]');
  });

  it('unless their names are taken, until they are free', async () => {
    await orchestrator.client.apply(definition('toys', 'Toy', { names: { shortNames: ['ty'] } }));
    await established('toys.example.com');
    await orchestrator.client.apply(definition('tyres', 'Toy', { names: { singular: 'tyre', shortNames: ['ty'] } }));
    await expect.poll(() => conditionsOf('tyres.example.com')).toEqual({ NamesAccepted: 'False ListKindConflict', Established: 'False NotAccepted' });
    expect((await definitions().get({ name: 'tyres.example.com' })).status?.acceptedNames).toEqual({ plural: 'tyres', kind: '', singular: 'tyre' });
    expect(orchestrator.get(ServedKinds).list().some(({ plural }) => plural === 'tyres')).toBe(false);
    await definitions().delete({ name: 'toys.example.com' });
    await established('tyres.example.com');
    expect((await served('v1')).plural).toBe('tyres');
  });

  it('until they are deleted: their objects go first, those that take their time as well, and none is made meanwhile', async () => {
    await orchestrator.client.apply(definition('toys', 'Toy'));
    const toys = orchestrator.client.kind(await served('v1'));
    await established('toys.example.com');
    await toys.create(toy('v1', 'a', { size: 1 }, { finalizers: ['example.com/slow'] }));
    await toys.create(toy('v1', 'b', { size: 1 }));
    await definitions().delete({ name: 'toys.example.com' });
    await expect.poll(() => conditionsOf('toys.example.com')).toMatchObject({ Terminating: 'True InstanceDeletionInProgress' });
    await expect.poll(async () => (await toys.list()).items.map(({ metadata }) => metadata.name)).toEqual(['a']);
    await expect(toys.create(toy('v1', 'c', {}))).rejects.toMatchObject({ reason: 'MethodNotAllowed' });
    const left = await toys.get({ namespace: 'default', name: 'a' });
    await toys.update({ ...left, metadata: { ...left.metadata, finalizers: [] } });
    await expect.poll(() => definitions().find({ name: 'toys.example.com' }), { timeout: 5_000 }).toBeUndefined();
    await expect.poll(() => kindOf('v1')).toBeUndefined();
  });

  it('by every process that works on the same store', async () => {
    const kept = definePlugin({ name: 'kept-store', setup: ({ provide }) => provide(Store, () => store) });
    const other = await createOrchestrator({ plugins: [kept(), customResources()], leaderElection: false });
    await other.start();
    try {
      await orchestrator.client.apply(definition('toys', 'Toy'));
      await orchestrator.client.kind(await served('v1')).create(toy('v1', 'a', { size: 1 }));
      await expect.poll(() => other.get(ServedKinds).list().some(({ plural }) => plural === 'toys')).toBe(true);
      expect(await other.client.apply(toy('v1', 'a', { size: 2 }))).toMatchObject([{ action: 'configured' }]);
      await definitions().delete({ name: 'toys.example.com' });
      await expect.poll(() => other.get(ServedKinds).list().some(({ plural }) => plural === 'toys'), { timeout: 5_000 }).toBe(false);
    } finally {
      await other.stop();
    }
  });

  it('with subresources, columns and fields to select by', async () => {
    const version = {
      name: 'v1', served: true, storage: true, subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } }, selectableFields: [{ jsonPath: '.spec.color' }],
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' }, color: { type: 'string' } } }, status: { type: 'object', properties: { size: { type: 'integer', maximum: 9 } } } } } },
    };
    await orchestrator.client.apply(definition('toys', 'Toy', { versions: [version] }));
    const toys = orchestrator.client.kind(await served('v1'));
    const made = (await toys.create({ ...toy('v1', 'a', { size: 1, color: 'red' }), status: { size: 5 } } as Any)) as Any;
    expect([made.status, made.metadata.generation]).toEqual([undefined, 1]);
    const reported = (await toys.updateStatus({ ...made, spec: { size: 7 }, status: { size: 1 } } as Any)) as Any;
    expect([reported.spec, reported.status, reported.metadata.generation]).toEqual([{ size: 1, color: 'red' }, { size: 1 }, 1]);
    await expect(toys.updateStatus({ ...reported, status: { size: 10 } } as Any)).rejects.toThrow('status.size: Invalid value: 10: status.size in body should be less than or equal to 9');
    expect((await toys.list({ fieldSelector: 'spec.color=red' })).items).toHaveLength(1);
    expect((await toys.list({ fieldSelector: 'spec.color=blue' })).items).toHaveLength(0);
    await expect(toys.patch({ namespace: 'default', name: 'a' }, 'strategic', { spec: { size: 2 } })).rejects.toMatchObject({ reason: 'UnsupportedMediaType' });
    await expect(toys.create(JSON.parse('{"apiVersion":"example.com/v1","kind":"Toy","metadata":{"name":"p","namespace":"default"},"spec":{"__proto__":{"a":1}}}') as Any)).rejects.toMatchObject({ reason: 'BadRequest' });
    const deep = Array.from({ length: 150 }).reduce<object>((inner) => ({ a: inner }), {});
    await expect(toys.create(toy('v1', 'd', deep))).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});
