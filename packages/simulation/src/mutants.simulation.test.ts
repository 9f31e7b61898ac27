import { ClusterState, defaultFilters, fixedProfiles, mostAllocated, SchedulerEngine } from '@orrery/scheduler';
import { type FilterPlugin, type Informer, type KindClient, type KubeObject, Node, Pod, watching } from '@orrery/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Sabotage } from './cluster.js';
import { deploymentControllers } from './control-plane.js';
import type { Rates } from './faults.js';
import type { ProcessPart, ProcessParts } from './process.js';
import { simulate } from './simulate.js';

/** A scheduler that fills one node after the other, so that a mistake about what is left shows soon. */
const packing =
  (filters: readonly FilterPlugin[]) =>
  ({ client, informers, events, clock, random, log }: ProcessParts): readonly ProcessPart[] => {
    const profiles = fixedProfiles({ schedulerName: 'default-scheduler', filters, scores: [{ plugin: mostAllocated(), weight: 1 }] });
    return [new SchedulerEngine({ client, pods: informers.get(Pod), nodes: informers.get(Node), events: events('default-scheduler'), profiles, clock, random, log })];
  };

/** Broken parts, each with what the oracles must say of it. */
const mutants: readonly { readonly name: string; readonly says: RegExp; readonly sabotage: Sabotage; readonly faults?: Partial<Rates>; readonly lost?: number; breakMore?(): void }[] = [
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
      scheduler: packing(defaultFilters().filter(({ name }) => name !== 'NodeResourcesFit')),
    },
  },
  {
    name: 'a scheduler that counts a pod only when it sees it bound',
    says: /oversubscribes node/,
    sabotage: { scheduler: packing(defaultFilters()) },
    breakMore: () => {
      const assume = ClusterState.prototype.assume;
      // Remembered as decided, but weighing nothing.
      vi.spyOn(ClusterState.prototype, 'assume').mockImplementation(function (this: ClusterState, pod, node) {
        assume.call(this, { ...pod, spec: { ...pod.spec, containers: [] } }, node);
      });
    },
  },
  {
    name: 'controllers that do not wait for their own writes',
    says: /is one too many/,
    sabotage: {
      controllerParts: (parts) => ({ ...parts, informers: { get: (kind, options) => boasting(parts.informers.get(kind, options)) } }),
    },
    faults: { storeUnknown: 0, replyLost: 0, controllerRestarts: 0, watchDelay: 0.1 },
  },
  {
    name: 'nobody who evicts pods from a lost node',
    says: /was not evicted from the lost node/,
    sabotage: { controllers: () => deploymentControllers().filter(({ name }) => name !== 'taint-eviction') },
    lost: 1,
  },
  {
    name: 'nobody who notices that a node is lost',
    says: /is lost, but Ready is True/,
    sabotage: { controllers: () => deploymentControllers().filter(({ name }) => name !== 'node-lifecycle') },
    lost: 1,
  },
  {
    name: 'an agent that never tells that a pod has ended',
    says: /is being deleted/,
    sabotage: {
      agent: (parts) => {
        const deaf = <T extends KubeObject>(verbs: KindClient<T>): KindClient<T> => ({ ...bound(verbs), delete: async () => ({}) as T });
        return { ...parts, client: { kind: (kind) => deaf(parts.client.kind(kind)), apply: (...given) => parts.client.apply(...given), bind: (...given) => parts.client.bind(...given), evict: (...given) => parts.client.evict(...given) } };
      },
    },
  },
  {
    name: 'a controller that writes for ever',
    says: /not quiet/,
    sabotage: {
      controllers: () => [
        ...deploymentControllers(),
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
    sabotage: { controllers: () => deploymentControllers().filter(({ name }) => name !== 'garbage-collector') },
  },
];

const bound = <T extends KubeObject>(verbs: KindClient<T>): KindClient<T> =>
  Object.fromEntries(
    ['kind', 'create', 'get', 'find', 'list', 'update', 'updateStatus', 'patch', 'delete', 'deleteCollection', 'watch', 'scale'].map((name) => {
      const member = verbs[name as keyof KindClient<T>];
      return [name, typeof member === 'function' ? member.bind(verbs) : member];
    }),
  ) as unknown as KindClient<T>;

/** An informer that says that it has seen everything. */
const boasting = <T extends KubeObject>(informer: Informer<T>): Informer<T> => ({
  kind: informer.kind,
  lister: informer.lister,
  subscribe: (handler) => informer.subscribe(handler),
  synced: (signal) => informer.synced(signal),
  observed: (revision, signal) => informer.observed(revision, signal),
  health: () => ({ ...informer.health(), revision: Number.POSITIVE_INFINITY }),
});

const SEEDS = 5;

describe('the oracles notice', () => {
  afterEach(() => vi.restoreAllMocks());

  for (const { name, says, sabotage, faults, lost = 0, breakMore } of mutants) {
    it(`${name}, within ${SEEDS} seeds`, async () => {
      breakMore?.();
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violations } = await simulate({ seed, nodes: 6, pods: 40, minutes: 4, lost, sabotage, faults: { changes: 10, ...faults } });
        if (violations.some((violation) => says.test(violation))) return;
      }
      expect.fail(`${SEEDS} seeds did not show it`);
    });
  }
});
