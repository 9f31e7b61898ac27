// A kind of your own from one zod schema, and the controller that keeps it: a Game has as many ConfigMaps as it has players.
import { ConfigMap, Controllers, createOrchestrator, defineController, defineKind, definePlugin, Kinds } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { z } from 'zod';

const Game = defineKind({
  group: 'example.com',
  version: 'v1',
  kind: 'Game',
  spec: z.object({ title: z.string().min(1), players: z.int().min(0).max(100).default(1) }),
  status: z.object({ seats: z.int().optional() }),
});

const seats = defineController({
  name: 'game-seats',
  for: Game,
  owns: [ConfigMap],
  async reconcile(game, { client, owned, controlled, writeStatus }) {
    const have = owned(ConfigMap);
    for (let i = have.length; i < game.spec.players; i += 1) {
      await client.kind(ConfigMap).create(controlled({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: `${game.metadata.name}-` }, data: { seat: String(i) } }));
    }
    for (const { metadata } of have.slice(game.spec.players)) await client.kind(ConfigMap).delete({ namespace: metadata.namespace, name: metadata.name ?? '' });
    await writeStatus({ seats: have.length });
  },
});

const games = definePlugin({ name: 'games', setup: ({ add }) => (add(Kinds, Game), add(Controllers, seats)) });
const orchestrator = await createOrchestrator({ plugins: [memoryStore(), games()] });
await orchestrator.start();
const { client } = orchestrator;

const seated = async (count: number): Promise<void> => {
  for await (const { type, object } of client.kind(Game).watch({ namespace: 'default' }, AbortSignal.timeout(10_000))) {
    if (type !== 'BOOKMARK' && object.status?.seats === count) return console.log(`${object.spec.title}: ${count} seats`);
  }
};
await client.apply({ apiVersion: 'example.com/v1', kind: 'Game', metadata: { name: 'chess' }, spec: { title: 'Chess', players: 2 } });
await seated(2);
await client.kind(Game).patch({ name: 'chess' }, 'merge', { spec: { players: 4 } });
await seated(4);
await client.kind(Game).patch({ name: 'chess' }, 'merge', { spec: { players: -1 } }).catch((error: Error) => console.log(error.message));
await orchestrator.stop();
