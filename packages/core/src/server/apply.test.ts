import { memoryStore } from '@orrery/store-memory';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Applied, type Client, ConfigMap, createOrchestrator, defineKind, Deployment, Kinds, definePlugin, type Orchestrator } from '../index.js';
import { VirtualClock } from '../testing/virtual-clock.js';

const Game = defineKind({ group: 'play.example.com', version: 'v1', kind: 'Game', spec: z.object({ seats: z.int().min(1).optional(), names: z.record(z.string(), z.string()).optional() }), status: z.object({ seats: z.int().optional() }) });

let orchestrator: Orchestrator;
let client: Client;
let clock: VirtualClock;
beforeEach(async () => {
  clock = new VirtualClock();
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), definePlugin({ name: 'games', setup: ({ add }) => add(Kinds, Game) })()], clock });
  await orchestrator.start();
  client = orchestrator.client;
});
afterEach(() => orchestrator.stop());

const maps = () => client.kind(ConfigMap);
const ref = { namespace: 'default', name: 'm' };
const apply = (manager: string, data: Record<string, string>, force = false): Promise<ConfigMap> => maps().apply({ metadata: ref, data }, { fieldManager: manager, force });
const managersOf = (map: ConfigMap): string[] => (map.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager}/${operation}`);

describe('server-side apply', () => {
  it('makes what is not there, changes what it names, and takes away what it does not name any more', async () => {
    const made = await apply('a', { x: '1', y: '2' });
    expect(made).toMatchObject({ data: { x: '1', y: '2' }, metadata: { name: 'm', uid: expect.any(String) as string } });
    expect(managersOf(made)).toEqual(['a/Apply']);
    expect((await apply('b', { z: '3' })).data).toEqual({ x: '1', y: '2', z: '3' });
    expect((await apply('a', { x: '4' })).data).toEqual({ x: '4', z: '3' });
  });

  it('writes nothing when it is so already, whenever it is asked again', async () => {
    const before = await apply('a', { x: '1' });
    await clock.advance(60_000);
    expect((await apply('a', { x: '1' })).metadata).toEqual(before.metadata);
  });

  it('names what others have, and takes it over only when forced', async () => {
    await apply('a', { x: '1' });
    await maps().patch(ref, 'merge', { data: { x: '2' } }, { fieldManager: 'kubectl-edit' });
    await expect(apply('b', { x: '3' })).rejects.toMatchObject({
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.x',
      details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.x' }] },
    });
    expect(managersOf(await apply('b', { x: '3' }, true))).toEqual(['b/Apply']);
  });

  it('what was there before the first apply belongs to nobody in particular', async () => {
    await maps().create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref, data: { x: '1', y: '1' } });
    await expect(apply('a', { x: '2' })).rejects.toMatchObject({ details: { causes: [{ message: 'conflict with "before-first-apply" using v1' }] } });
    expect((await apply('a', { x: '1' })).data).toEqual({ x: '1', y: '1' });
  });

  it('the status is managed apart, and neither write touches the other', async () => {
    const games = client.kind(Game);
    await games.apply({ metadata: ref, spec: { seats: 2 }, status: { seats: 9 } }, { fieldManager: 'user' });
    const told = await games.apply({ metadata: ref, status: { seats: 2 } }, { fieldManager: 'controller', subresource: 'status' });
    expect(told).toMatchObject({ spec: { seats: 2 }, status: { seats: 2 }, metadata: { generation: 1 } });
    expect(told.metadata.managedFields?.map(({ manager, subresource }) => [manager, subresource])).toEqual([['controller', 'status'], ['user', undefined]]);
  });

  it('forgets who manages what when asked with one empty entry', async () => {
    const made = await apply('a', { x: '1' });
    const { managedFields: _gone, ...metadata } = made.metadata;
    expect(managersOf(await maps().update({ ...made, metadata: { ...metadata, managedFields: [{}] } }))).toEqual([]);
    const kept = await apply('a', { x: '1' });
    expect(managersOf(await maps().update({ ...kept, metadata: { ...kept.metadata, managedFields: undefined } }))).toEqual(managersOf(kept));
  });

  it('is refused without a manager, for what does not fit, for another name, and for a version that has passed', async () => {
    const transport = { metadata: ref, data: {} };
    await expect(maps().apply(transport, { fieldManager: '' })).rejects.toMatchObject({ reason: 'Invalid' });
    await expect(maps().apply({ metadata: ref, bogus: 1 } as never, { fieldManager: 'a' })).rejects.toMatchObject({ reason: 'BadRequest', message: expect.stringContaining('.bogus: field not declared in schema') as string });
    await expect(maps().patch(ref, 'apply', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other' } }, { fieldManager: 'a' })).rejects.toMatchObject({ reason: 'BadRequest' });
    await expect(maps().patch(ref, 'apply', { kind: 'ConfigMap', metadata: {} }, { fieldManager: 'a' })).rejects.toMatchObject({ reason: 'BadRequest' });
    await expect(maps().patch(ref, 'apply', 'text', { fieldManager: 'a' })).rejects.toMatchObject({ reason: 'BadRequest' });
    const { metadata } = await apply('a', { x: '1' });
    await apply('a', { x: '2' });
    await expect(maps().apply({ metadata: { ...ref, resourceVersion: metadata.resourceVersion } as never, data: { x: '3' } }, { fieldManager: 'a' })).rejects.toMatchObject({ reason: 'Conflict' });
    await expect(client.kind(Game).apply({ metadata: ref, spec: { seats: 0 } }, { fieldManager: 'a' })).rejects.toMatchObject({ reason: 'Invalid' });
  });

  it('keeps no names of managers that are too long or cannot be read, whoever gives them', async () => {
    await expect(apply('m'.repeat(129), { x: '1' })).rejects.toMatchObject({ reason: 'Invalid', details: { causes: [{ field: 'fieldManager', message: 'Too long: may not be more than 128 bytes' }] } });
    await apply('m'.repeat(128), { x: '1' });
    await expect(apply('a\u0000b', { x: '1' })).rejects.toMatchObject({ reason: 'Invalid', message: expect.stringContaining('should only contain printable characters') as string });
    await expect(maps().patch(ref, 'merge', { data: { x: '2' } }, { fieldManager: 'm'.repeat(1_000_000) })).rejects.toMatchObject({ reason: 'Invalid' });
    expect(managersOf(await apply('größer/α 1', { x: '1' }))).toContain('größer/α 1/Apply');
  });

  it('merges lists by their keys', async () => {
    const container = (name: string, image: string): object => ({ name, image });
    const deployment = (containers: object[], more: object = {}): Applied<Deployment> => ({ metadata: { name: 'd' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers } }, ...more } });
    await client.kind(Deployment).apply(deployment([container('one', 'i1')], { replicas: 3 }), { fieldManager: 'user' });
    await client.kind(Deployment).apply({ metadata: { name: 'd' }, spec: { template: { spec: { containers: [container('side', 'i2')] } } } }, { fieldManager: 'injector' });
    const both = await client.kind(Deployment).apply(deployment([container('one', 'i3')]), { fieldManager: 'user' });
    expect(both.spec.template.spec.containers.map(({ name, image }) => `${name}=${image}`)).toEqual(['one=i3', 'side=i2']);
    expect(both.spec.replicas).toBe(1);
  });

  it('knows a number of replicas that was scaled from one that was written', async () => {
    const deployment = (replicas: number): Applied<Deployment> => ({ metadata: { name: 'd' }, spec: { replicas, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } } });
    await client.kind(Deployment).apply(deployment(3), { fieldManager: 'user' });
    await client.kind(Deployment).scale({ namespace: 'default', name: 'd' }, 5);
    await expect(client.kind(Deployment).apply(deployment(3), { fieldManager: 'user' })).rejects.toMatchObject({
      message: 'Apply failed with 1 conflict: conflict with "orrery" with subresource "scale" using apps/v1: .spec.replicas',
    });
  });

  it('many at the same time each have their own', async () => {
    await Promise.all(Array.from({ length: 30 }, (_, i) => apply(`m${i}`, { [`k${i}`]: '1' })));
    expect(Object.keys((await maps().get(ref)).data ?? {})).toHaveLength(30);
  });

  it('whatever was applied before, each manager sees what it named last, and nothing is left that nobody names', async () => {
    const data = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ manager: fc.constantFrom('x', 'y'), data }), { minLength: 1, maxLength: 8 }), async (steps) => {
        const last = new Map<string, Record<string, string>>();
        for (const step of steps) {
          await apply(step.manager, step.data, true);
          // What one takes over by force the others have no more.
          for (const [manager, had] of last) if (manager !== step.manager) for (const key of Object.keys(step.data)) if (had[key] !== step.data[key]) delete had[key];
          last.set(step.manager, { ...step.data });
        }
        const expected = Object.assign({}, ...last.values()) as Record<string, string>;
        expect((await maps().get(ref)).data ?? {}).toEqual(expected);
        await maps().delete(ref);
      }),
      { numRuns: 60 },
    );
  });
});
