// A kind of your own from one zod schema, and the controller that keeps it: a Game has as many ConfigMaps as it has players.
import { ConfigMap, type Controller, Controllers, controllerOf, createOrchestrator, defineKind, definePlugin, Kinds, type KindOf, splitKey, watching } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { z } from 'zod';

const Game = defineKind({
  group: 'example.com',
  version: 'v1',
  kind: 'Game',
  spec: z.object({ title: z.string().min(1), players: z.int().min(0).max(100).default(1) }),
  status: z.object({ seats: z.int().optional() }),
});
type Game = KindOf<typeof Game>;

const seats: Controller = {
  name: 'game-seats',
  start({ informer }) {
    const games = informer(Game);
    const maps = informer(ConfigMap, { indexes: { 'game-seats/owner': (map) => [controllerOf(map)?.uid ?? ''] } });
    return {
      watches: [
        watching({ kind: Game, keys: ({ metadata }) => [`${metadata.namespace}/${metadata.name}`] }),
        watching({ kind: ConfigMap, keys: (map) => (controllerOf(map)?.kind === 'Game' ? [`${map.metadata.namespace}/${controllerOf(map)?.name}`] : []) }),
      ],
      async reconcile(key, { client }) {
        const game = games.lister.get(key);
        if (game === undefined) return;
        const { name = '', uid = '' } = game.metadata;
        const { namespace } = splitKey(key);
        const owner = { apiVersion: Game.apiVersion, kind: Game.kind, name, uid, controller: true };
        const have = maps.lister.byIndex('game-seats/owner', uid);
        for (let i = have.length; i < game.spec.players; i += 1) {
          const metadata = { generateName: `${name}-`, namespace, ownerReferences: [owner] };
          await client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { seat: String(i) } });
        }
        for (const { metadata } of have.slice(game.spec.players)) await client.kind(ConfigMap).delete({ namespace, name: metadata.name ?? '' });
        if (game.status?.seats !== have.length) await client.kind(Game).updateStatus({ ...game, status: { seats: have.length } });
      },
    };
  },
};

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
