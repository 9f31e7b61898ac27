import { OrreryError, type Store, type StoreLease } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import type { PlanesSabotage } from './planes-cluster.js';
import { planesCommandFor, simulatePlanes, type PlanesSimulationOptions } from './simulate-planes.js';

const SIZE = { nodes: 3, pods: 15, minutes: 2 };

async function holds(options: PlanesSimulationOptions): Promise<Readonly<Record<string, number>>> {
  const { ok, violations, tail, stats, takeover } = await simulatePlanes(options);
  const report = [`seed ${options.seed} failed; again: ${planesCommandFor(options)}`, ...violations.slice(0, 20), 'the last that happened:', ...tail].join('\n  ');
  expect(ok, report).toBe(true);
  expect(takeover).toBeDefined();
  return stats;
}

describe('several control planes on one store, some of them killed, stopped, frozen and cut off, keep the promises of one', () => {
  for (let from = 1; from <= 91; from += 10) {
    it(`seeds ${from} to ${from + 9}`, async () => {
      let fenced = 0;
      for (let seed = from; seed < from + 10; seed += 1) fenced += (await holds({ seed, planes: 2 + (seed % 2), ...SIZE }))['commits under a fence'] ?? 0;
      expect(fenced).toBeGreaterThan(100);
    });
  }

  it('the same for the same seed', async () => {
    const [first, second, other] = [await simulatePlanes({ seed: 7, ...SIZE }), await simulatePlanes({ seed: 7, ...SIZE }), await simulatePlanes({ seed: 8, ...SIZE })];
    expect(second.traceHash).toBe(first.traceHash);
    expect(other.traceHash).not.toBe(first.traceHash);
  });

  it('and leaders that were replaced do write, and are refused', async () => {
    let refused = 0;
    for (let seed = 1; seed <= 10; seed += 1) refused += (await simulatePlanes({ seed, planes: 3, ...SIZE, faults: { planeFreezes: 3 } })).stats['refused for their fence'] ?? 0;
    expect(refused).toBeGreaterThan(0);
  });
});

/** The store with other members. */
const changed = (store: Store, members: Partial<Store>): Store =>
  new Proxy(store, {
    get: (target, key) => {
      const member: unknown = members[key as keyof Store] ?? target[key as keyof Store];
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });

const withoutFences = (store: Store): Store => changed(store, { commit: ({ guards, writes }) => store.commit({ guards: guards.filter((guard) => 'key' in guard), writes }) });

const withLeases = (change: (lease: StoreLease) => StoreLease) => (store: Store): Store =>
  changed(store, {
    acquireLease: async (name, options) => {
      const lease = await store.acquireLease(name, options);
      return lease && change(lease);
    },
  });

/** Broken parts, each with what the oracles must say of it. */
const mutants: readonly { readonly name: string; readonly says: RegExp; readonly sabotage: PlanesSabotage }[] = [
  { name: 'a store that does not look at fences', says: /was written under epoch \d+ of lease .* after epoch/, sabotage: { engine: withoutFences } },
  { name: 'leaders that do not fence what they write', says: /written without a fence/, sabotage: { plane: withoutFences } },
  {
    name: 'leaders that are told that they renewed when nobody heard of it',
    says: /begins to act while/,
    sabotage: { plane: withLeases((lease) => ({ ...lease, renew: async () => {} })) },
  },
  {
    name: 'leaders that nobody can replace',
    says: /nobody leads/,
    sabotage: {
      plane: (store) => {
        let taken = 0;
        return changed(store, {
          acquireLease: async (name, options) => {
            const lease = await store.acquireLease(name, options);
            // What is taken after the first time takes long to be known.
            if (lease !== undefined && (taken += 1) > 1) throw new OrreryError('UNAVAILABLE', 'Not now (test).');
            return lease;
          },
        });
      },
    },
  },
];

const SEEDS = 8;

describe('the oracles notice', () => {
  for (const { name, says, sabotage } of mutants) {
    it(`${name}, within ${SEEDS} seeds`, async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const { violations } = await simulatePlanes({ seed, planes: 3, ...SIZE, faults: { planeFreezes: 2 }, sabotage });
        if (violations.some((violation) => says.test(violation))) return;
      }
      expect.fail(`${SEEDS} seeds did not show it`);
    });
  }
});
