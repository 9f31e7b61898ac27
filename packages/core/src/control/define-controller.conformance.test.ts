import { MemoryStore } from '@orrery/store-memory';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Client, ConfigMap, controllerOf, type Controller, defineController, defineKind, type KindOf, type KubeObject, withConditionSet, type Condition } from '../index.js';
import { type ControllerFixture, controllerConformance } from '../testing/controller/index.js';

const Team = defineKind({
  group: 'play.example.com',
  version: 'v1',
  kind: 'Team',
  spec: z.object({ players: z.int().min(0).max(50), motto: z.string() }),
  status: z.object({ players: z.int().optional(), observedGeneration: z.int().optional(), conditions: z.array(z.custom<Condition>()).optional() }),
});
type Team = KindOf<typeof Team>;
const FINALIZER = 'play.example.com/team';

/** What teams hold outside of the cluster. */
const outside = new Set<string>();

const teamController = (): Controller =>
  defineController({
    name: 'team',
    for: Team,
    owns: [ConfigMap],
    reconcile: async (team, { client, owned, controlled, writeStatus, clock }) => {
      outside.add(team.metadata.uid ?? '');
      const { players, motto } = team.spec;
      const maps = client.kind(ConfigMap);
      const here = new Map(owned(ConfigMap).map((map) => [map.metadata.name, map]));
      for (let i = 0; i < players; i += 1) {
        const name = `${team.metadata.name}-${i}`;
        const found = here.get(name);
        if (found === undefined) await maps.create(controlled({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { motto } }));
        else if (found.data?.['motto'] !== motto) await maps.update({ ...found, data: { motto } });
        here.delete(name);
      }
      for (const map of here.values()) await maps.delete({ namespace: map.metadata.namespace, name: map.metadata.name ?? '' }, { preconditions: { uid: map.metadata.uid ?? '' } });
      const conditions = withConditionSet(team.status?.conditions, { type: 'Ready', status: 'True', reason: 'Complete', message: '' }, clock.now());
      await writeStatus({ players, conditions });
    },
    finalize: { finalizer: FINALIZER, run: async (team) => void outside.delete(team.metadata.uid ?? '') },
  });

const ref = { namespace: 'default', name: 'reds' };
const change = (spec: Partial<Team['spec']>) => ({ name: JSON.stringify(spec), run: async (client: Client) => void (await client.kind(Team).patch(ref, 'merge', { spec })) });
const steps: Team['spec'][] = [
  { players: 3, motto: 'a' },
  { players: 6, motto: 'a' },
  { players: 6, motto: 'b' },
  { players: 1, motto: 'b' },
];

const fixture: ControllerFixture = {
  controller: teamController,
  kinds: [Team],
  seed: async (client) => void (await client.kind(Team).create({ apiVersion: 'play.example.com/v1', kind: 'Team', metadata: ref, spec: steps[0] as Team['spec'] })),
  changes: steps.slice(1).map((step, i) => change(Object.fromEntries(Object.entries(step).filter(([field, value]) => (steps[i] as unknown as Record<string, unknown>)[field] !== value)))),
  async check(client, changes) {
    const team = await client.kind(Team).get(ref);
    const { players, motto } = steps[changes] as Team['spec'];
    const own = (await client.kind(ConfigMap).list({ namespace: 'default' })).items.filter((map) => controllerOf(map)?.uid === team.metadata.uid);
    expect(own.map(({ metadata, data }) => `${metadata.name}=${data?.['motto']}`).sort()).toEqual(Array.from({ length: players }, (_, i) => `reds-${i}=${motto}`));
    expect(team.status).toMatchObject({ players, observedGeneration: team.metadata.generation, conditions: [{ type: 'Ready', status: 'True' }] });
    expect(team.metadata.finalizers).toEqual([FINALIZER]);
  },
  async foreign(client) {
    const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'not-a-team', controller: true };
    const object: KubeObject = await client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'reds-foreign', namespace: 'default', ownerReferences: [other] } });
    return [{ kind: ConfigMap, object }];
  },
};

controllerConformance('made by defineController', () => ({ fixture, store: (clock) => new MemoryStore({ clock }) }), { describe, it });
