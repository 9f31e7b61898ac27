import { ConfigMap, controllerReference, defineKind, type KubeObject, Namespace, ResourceQuota } from '@orrery/core';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { garbageCollection } from './garbage-collector/plugin.js';
import { namespaces } from './namespace/plugin.js';
import { resourceQuotas } from './quota/plugin.js';
import { make, World } from './test-support/world.js';

let world: World;
afterEach(() => world.stop());

it('kinds that are added while running are collected, counted and emptied with their namespace', async () => {
  world = await World.start([garbageCollection(), namespaces(), resourceQuotas()]);
  await world.client.kind(Namespace).create(make<Namespace>({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'play' }, spec: {} }));
  const Game = defineKind({ group: 'play.example.com', version: 'v1', kind: 'Game', spec: z.object({ seats: z.int().default(1) }) });
  await world.orchestrator.addKind(Game);
  const games = world.client.kind(Game);
  await world.client.kind(ResourceQuota).create(make<ResourceQuota>({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: 'play' }, spec: { hard: { 'count/games.play.example.com': '1' } } }));
  const used = async (): Promise<string | undefined> => (await world.client.kind(ResourceQuota).get({ namespace: 'play', name: 'q' })).status?.used?.['count/games.play.example.com'];
  await world.until(async () => (await used()) === '0');
  const game = (name: string): Parameters<typeof games.create>[0] => ({ apiVersion: 'play.example.com/v1', kind: 'Game', metadata: { name, namespace: 'play' }, spec: { seats: 1 } });
  const owner = await games.create(game('chess'));
  await expect(games.create(game('go'))).rejects.toMatchObject({ reason: 'Forbidden' });
  const child: KubeObject = await world.client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'board', namespace: 'play', ownerReferences: [controllerReference(owner)] } });
  await games.delete({ namespace: 'play', name: 'chess' });
  await world.until(async () => (await world.client.kind(ConfigMap).find({ namespace: 'play', name: child.metadata.name ?? '' })) === undefined, 'collected', 60_000);
  await world.until(async () => (await used()) === '0', 'given back', 10_000);
  await games.create(game('go'));
  await world.client.kind(Namespace).delete({ name: 'play' });
  await world.until(async () => (await world.client.kind(Namespace).find({ name: 'play' })) === undefined, 'emptied', 60_000);
  expect((await games.list()).items).toEqual([]);
});
