import { MemoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ApiClient, ApiServer, builtinKinds, type Client, defineKind, type KindDefinition, KindRegistry, type KubeObject, Pod, SharedInformers, silentLogger, type WatchEvent } from '../index.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { VirtualClock } from '../testing/virtual-clock.js';

// Kinds that come, change and go while a server runs.

const AT = { group: 'example.com', plural: 'toys' };
const toy = (version: string, more: Partial<KindDefinition> = {}): KindDefinition => ({ ...(defineKind({ group: 'example.com', version, kind: 'Toy', spec: z.object({ size: z.int().optional() }) }) as unknown as KindDefinition), ...more });
const user = { name: 'test', groups: [] };

let clock: VirtualClock;
let kinds: KindRegistry;
let server: ApiServer;
let client: Client;
let stop: AbortController;
let running: Promise<void>;
beforeEach(async () => {
  clock = new VirtualClock();
  kinds = new KindRegistry(builtinKinds);
  server = new ApiServer({ store: new MemoryStore({ clock }), kinds, clock, random: new SeededRandom(1), log: silentLogger, admissions: { items: () => [], version: 0 } as never });
  client = new ApiClient({ transport: server, kinds, user });
  stop = new AbortController();
  await new Promise<void>((resolve) => {
    running = server.run(stop.signal, resolve);
  });
});
afterEach(async () => {
  stop.abort();
  await running;
});

const make = (kind: KindDefinition, name: string, size: number): Promise<KubeObject> => client.kind(kind).create({ apiVersion: kind.apiVersion, kind: 'Toy', metadata: { name, namespace: 'default' }, spec: { size } } as KubeObject);

describe('kinds that are offered', () => {
  it('come and go: what is stored is there again when they come back', async () => {
    const [first, second] = [toy('v1'), toy('v1')];
    await server.offer(AT, [first]);
    await make(first, 'a', 1);
    await server.offer(AT, []);
    await expect(client.kind(first).list()).rejects.toMatchObject({ reason: 'NotFound' });
    expect(kinds.byKind('example.com/v1', 'Toy')).toBeUndefined();
    await server.offer(AT, [second]);
    expect((await client.kind(second).list()).items).toHaveLength(1);
  });

  it('have several versions, of which each reads what another wrote as the kind says', async () => {
    const read = (apiVersion: string) => (stored: KubeObject) => (stored.apiVersion === apiVersion ? stored : { ...stored, apiVersion });
    const [v2, v1] = ['v2', 'v1'].map((version) => toy(version, { rules: { read: read(`example.com/${version}`) } })) as [KindDefinition, KindDefinition];
    await server.offer(AT, [v2, v1]);
    expect(kinds.byResource('example.com', 'toys')).toBe(v2);
    const heard: WatchEvent[] = [];
    const ending = new AbortController();
    const watching = (async () => {
      for await (const events of server.watch({ user, ref: { group: 'example.com', version: 'v2', resource: 'toys' } }, ending.signal)) heard.push(...events);
    })();
    await clock.settle();
    await make(v1, 'a', 1);
    await clock.settle();
    expect(await client.kind(v2).get({ namespace: 'default', name: 'a' })).toMatchObject({ apiVersion: 'example.com/v2', spec: { size: 1 } });
    expect((await client.kind(v1).list()).items).toMatchObject([{ apiVersion: 'example.com/v1' }]);
    expect(heard).toMatchObject([{ type: 'ADDED', object: { apiVersion: 'example.com/v2' } }]);
    ending.abort();
    await watching;
  });

  it('are exchanged: watches of the old one end, and the new one is asked from then on', async () => {
    const [old, next] = [toy('v1'), toy('v1', { rules: { validateCreate: () => [{ type: 'FieldValueForbidden', field: 'spec', message: 'Forbidden: no more toys' }] } })];
    await server.offer(AT, [old]);
    let isOver = false;
    const watching = (async () => {
      for await (const _ of server.watch({ user, ref: { group: 'example.com', version: 'v1', resource: 'toys' } }, stop.signal)) expect.fail('there was nothing to tell');
      isOver = true;
    })();
    await clock.settle();
    await server.offer(AT, [next]);
    await watching;
    expect(isOver).toBe(true);
    await expect(make(next, 'a', 1)).rejects.toMatchObject({ reason: 'Invalid' });
  });

  it('are told of, and those that go as well; informers end with them and begin anew', async () => {
    const told: string[] = [];
    kinds.onAnnounced(({ version }) => told.push(`+${version}`));
    kinds.onWithdrawn(({ version }) => told.push(`-${version}`));
    const informers = new SharedInformers({ client, clock, random: new SeededRandom(2), log: silentLogger, kinds });
    const [v1, again] = [toy('v1'), toy('v1')];
    await server.offer(AT, [v1]);
    await make(v1, 'a', 1);
    const informer = informers.get(v1);
    const deleted: string[] = [];
    informer.subscribe({ deleted: ({ metadata }) => deleted.push(metadata.name ?? '') });
    await informer.synced();
    expect(informer.lister.list()).toHaveLength(1);
    await server.offer(AT, []);
    expect(deleted).toEqual(['a']);
    expect(informers.all()).toEqual([]);
    await server.offer(AT, [again]);
    const next = informers.get(again);
    expect(next).not.toBe(informer);
    await next.synced();
    expect(next.lister.list()).toHaveLength(1);
    await server.offer(AT, [toy('v1'), toy('v2')]);
    await server.offer(AT, [toy('v2')]);
    expect(told).toEqual(['+v1', '-v1', '+v1', '-v1', '+v2']);
    await informers.close();
  });

  it('are refused when their names are taken, and nothing changes', async () => {
    await server.offer(AT, [toy('v1')]);
    const before = kinds.list();
    await expect(server.offer({ group: 'example.com', plural: 'others' }, [toy('v1', { plural: 'others' })])).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await expect(server.offer(AT, [Pod as unknown as KindDefinition])).rejects.toThrow(RangeError);
    await expect(server.offer(AT, [toy('v1'), toy('v1')])).rejects.toThrow('twice');
    expect(kinds.list()).toBe(before);
    stop.abort();
    await running;
    await expect(server.offer(AT, [])).rejects.toMatchObject({ code: 'CLOSED' });
  });
});
