import { defaultFilters, fixedProfiles, mostAllocated, SchedulerEngine } from '@orrery/scheduler';
import { type KindClient, type KubeObject, Node, Pod, watching } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import type { Sabotage } from './cluster.js';
import { allControllers } from './control-plane.js';
import { simulate } from './simulate.js';

/** Broken parts, each with what the oracles must say of it. */
const mutants: readonly { readonly name: string; readonly says: RegExp; readonly sabotage: Sabotage }[] = [
  {
    name: 'a store that drops an event now and then',
    says: /it brought \[.*instead of|a cache is wrong/,
    sabotage: { store: (random) => ({ watch: (_prefix, { events }) => (events.length > 0 && random.chance(0.01) ? { breach: 'drop' } : undefined) }) },
  },
  {
    name: 'a store that repeats an event now and then',
    says: /came after/,
    sabotage: { store: (random) => ({ watch: (_prefix, { events }) => (events.length > 0 && random.chance(0.01) ? { breach: 'repeat' } : undefined) }) },
  },
  {
    name: 'a scheduler that does not count what nodes have',
    says: /oversubscribes node/,
    sabotage: {
      scheduler: ({ client, informers, events, clock, random, log }) => {
        const filters = defaultFilters().filter(({ name }) => name !== 'NodeResourcesFit');
        const scores = [{ plugin: mostAllocated(), weight: 1 }];
        const profiles = fixedProfiles({ schedulerName: 'default-scheduler', filters, scores });
        return [new SchedulerEngine({ client, pods: informers.get(Pod), nodes: informers.get(Node), events: events('default-scheduler'), profiles, clock, random, log })];
      },
    },
  },
  {
    name: 'an agent that never tells that a pod has ended',
    says: /is being deleted/,
    sabotage: {
      agent: (parts) => {
        const deaf = <T extends KubeObject>(verbs: KindClient<T>): KindClient<T> => ({ ...bound(verbs), delete: async () => ({}) as T });
        return { ...parts, client: { kind: (kind) => deaf(parts.client.kind(kind)), apply: (...given) => parts.client.apply(...given), bind: (...given) => parts.client.bind(...given) } };
      },
    },
  },
  {
    name: 'a controller that writes for ever',
    says: /not quiet/,
    sabotage: {
      controllers: () => [
        ...allControllers(),
        {
          name: 'chatty',
          start: () => ({
            watches: [watching({ kind: Node, keys: ({ metadata }) => [metadata.name ?? ''] })],
            reconcile: async (name, { client, clock }) => {
              await client.kind(Node).patch({ name }, 'merge', { metadata: { annotations: { 'example.com/seen': String(clock.now()) } } });
              return { againAfterMs: 60_000 };
            },
          }),
        },
      ],
    },
  },
  {
    name: 'nobody who collects garbage',
    says: /is left over/,
    sabotage: { controllers: () => allControllers().filter(({ name }) => name !== 'garbage-collector') },
  },
];

const bound = <T extends KubeObject>(verbs: KindClient<T>): KindClient<T> =>
  Object.fromEntries(
    ['kind', 'create', 'get', 'find', 'list', 'update', 'updateStatus', 'patch', 'delete', 'deleteCollection', 'watch', 'scale'].map((name) => {
      const member = verbs[name as keyof KindClient<T>];
      return [name, typeof member === 'function' ? member.bind(verbs) : member];
    }),
  ) as unknown as KindClient<T>;

const SEEDS = 5;

describe('the oracles notice', () => {
  for (const { name, says, sabotage } of mutants) {
    it(`${name}, within ${SEEDS} seeds`, async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violations } = await simulate({ seed, nodes: 6, pods: 40, minutes: 4, sabotage, faults: { changes: 10 } });
        if (violations.some((violation) => says.test(violation))) return;
      }
      expect.fail(`${SEEDS} seeds did not show it`);
    });
  }
});
