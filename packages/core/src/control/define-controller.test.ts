import { memoryStore } from '@orrery/store-memory';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConfigMap, Controllers, type ControllerDefinition, createOrchestrator, defineController, defineKind, definePlugin, type KindOf, Kinds, Namespace, type Orchestrator, Secret } from '../index.js';
import { VirtualClock } from '../testing/virtual-clock.js';

const Game = defineKind({ group: 'play.example.com', version: 'v1', kind: 'Game', spec: z.object({ seats: z.int() }), status: z.object({ seats: z.int().optional() }) });
type Game = KindOf<typeof Game>;

let clock: VirtualClock;
let orchestrator: Orchestrator;
const start = async (definition: Omit<ControllerDefinition<Game>, 'name' | 'for'>): Promise<void> => {
  const plugin = definePlugin({
    name: 'games',
    setup: ({ add }) => {
      add(Kinds, Game);
      add(Controllers, defineController({ name: 'game', for: Game, ...definition }));
    },
  });
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), plugin()], clock });
  await orchestrator.start();
};
const games = () => orchestrator.client.kind(Game);
const create = (): Promise<Game> => games().create({ apiVersion: 'play.example.com/v1', kind: 'Game', metadata: { name: 'chess' }, spec: { seats: 2 } });
const ref = { namespace: 'default', name: 'chess' };

beforeEach(() => {
  clock = new VirtualClock();
});
afterEach(() => orchestrator.stop());

describe('defineController', () => {
  it('holds an object until what was made for it is undone, however often that fails', async () => {
    const seen: string[] = [];
    let failures = 3;
    await start({
      reconcile: async ({ metadata }) => void seen.push(`made ${metadata.finalizers?.join()}`),
      finalize: {
        finalizer: 'play.example.com/game',
        run: async () => {
          seen.push('undo');
          if (failures-- > 0) throw new Error('not yet');
        },
      },
    });
    await create();
    await clock.advance(1_000);
    expect(seen).toEqual(['made play.example.com/game']);
    await games().delete(ref);
    await clock.advance(60_000);
    expect(seen).toEqual(['made play.example.com/game', 'undo', 'undo', 'undo', 'undo']);
    expect(await games().find(ref)).toBeUndefined();
  });

  it('may report while it undoes, and then lets go at once', async () => {
    let runs = 0;
    await start({
      reconcile: async () => {},
      finalize: {
        finalizer: 'play.example.com/game',
        run: async (_game, { writeStatus }) => {
          runs += 1;
          await writeStatus({ seats: 0 });
        },
      },
    });
    await create();
    await clock.advance(100);
    await games().delete(ref);
    await clock.advance(60_000);
    expect(await games().find(ref)).toBeUndefined();
    expect(runs).toBe(1);
  });

  it('leaves the finalizers of others alone, and undoes nothing that it never made', async () => {
    const undone: string[] = [];
    await start({ reconcile: async () => {}, finalize: { finalizer: 'play.example.com/game', run: async ({ metadata }) => void undone.push(metadata.name ?? '') } });
    await games().create({ apiVersion: 'play.example.com/v1', kind: 'Game', metadata: { name: 'chess', finalizers: ['example.com/other'] }, spec: { seats: 2 } });
    await clock.advance(100);
    await games().delete(ref);
    await clock.advance(100);
    expect((await games().get(ref)).metadata.finalizers).toEqual(['example.com/other']);
    expect(undone).toEqual(['chess']);
  });

  it('writes a status only when it differs, and no generation where the kind has no place for it', async () => {
    await start({ reconcile: async ({ spec }, { writeStatus }) => void (await writeStatus({ seats: spec.seats })) });
    await create();
    await clock.advance(100);
    const { metadata, status } = await games().get(ref);
    expect(status).toEqual({ seats: 2 });
    await games().patch(ref, 'merge', { metadata: { labels: { touched: 'yes' } } });
    await clock.advance(100);
    expect(Number((await games().get(ref)).metadata.resourceVersion)).toBe(Number(metadata.resourceVersion) + 1);
  });

  it('may report more than once in a look, each time over what it wrote before', async () => {
    const written: unknown[] = [];
    let looks = 0;
    await start({
      reconcile: async ({ spec }, { writeStatus }) => {
        looks += 1;
        if (looks > 1) return;
        for (const seats of [1, spec.seats, 1]) written.push((await writeStatus({ seats })).status);
        written.push((await writeStatus({})).status);
      },
    });
    await create();
    await clock.advance(60_000);
    expect(written).toEqual([{ seats: 1 }, { seats: 2 }, { seats: 1 }, {}]);
    expect((await games().get(ref)).status).toEqual({});
  });

  it('looks at the owner when something it controls is changed, taken away or given to another', async () => {
    let looks = 0;
    await start({
      owns: [ConfigMap],
      reconcile: async (_game, { client, owned, controlled }) => {
        looks += 1;
        if (owned(ConfigMap).length === 0) await client.kind(ConfigMap).create(controlled({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'board-' } }));
      },
    });
    await create();
    await clock.advance(100);
    const [board] = (await orchestrator.client.kind(ConfigMap).list()).items;
    expect(board?.metadata.ownerReferences).toMatchObject([{ kind: 'Game', name: 'chess', controller: true, blockOwnerDeletion: true }]);
    const before = looks;
    await orchestrator.client.kind(ConfigMap).patch({ namespace: 'default', name: board?.metadata.name ?? '' }, 'merge', { metadata: { ownerReferences: [] } });
    await clock.advance(100);
    expect(looks).toBeGreaterThan(before);
    expect((await orchestrator.client.kind(ConfigMap).list()).items).toHaveLength(2);
  });

  it('applies under its own name, and leaves to others what is theirs', async () => {
    await start({
      owns: [ConfigMap],
      reconcile: async ({ spec }, { apply }) => void (await apply(ConfigMap, { metadata: { name: 'board' }, data: { seats: String(spec.seats) } })),
    });
    await create();
    await clock.advance(100);
    const board = { namespace: 'default', name: 'board' };
    await orchestrator.client.kind(ConfigMap).patch(board, 'merge', { data: { colour: 'red', seats: '7' } });
    await clock.advance(100);
    const { data, metadata } = await orchestrator.client.kind(ConfigMap).get(board);
    expect(data).toEqual({ colour: 'red', seats: '2' });
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Game', name: 'chess', controller: true }]);
    const before = metadata.resourceVersion;
    await games().patch(ref, 'merge', { metadata: { labels: { touched: 'yes' } } });
    await clock.advance(100);
    expect((await orchestrator.client.kind(ConfigMap).get(board)).metadata.resourceVersion).toBe(before);
  });

  it('refuses to own what the garbage collector would take away at once', async () => {
    expect(() => defineController({ name: 'game', for: Game, owns: [Namespace], reconcile: async () => {} })).toThrow(RangeError);
    const errors: unknown[] = [];
    await start({
      owns: [ConfigMap],
      reconcile: async (_game, { controlled }) => {
        try {
          controlled({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'board', namespace: 'kube-system' } });
        } catch (error) {
          errors.push(error);
        }
      },
    });
    await create();
    await clock.advance(100);
    expect(errors[0]).toBeInstanceOf(RangeError);
  });

  it('refuses to read what it does not follow', async () => {
    const errors: unknown[] = [];
    await start({
      reads: [Namespace],
      reconcile: async (_game, { lister }) => {
        expect(lister(Namespace).size).toBeGreaterThan(0);
        try {
          lister(Secret);
        } catch (error) {
          errors.push(error);
        }
      },
    });
    await create();
    await clock.advance(100);
    expect(errors[0]).toBeInstanceOf(RangeError);
  });
});
