import { type Amounts, ApiError, type ResourceQuota } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Chance, courses } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { type Charge, planBatch } from './ledger.js';

const NAMES = ['pods', 'configmaps', 'requests.cpu'] as const;
type Hard = Partial<Record<(typeof NAMES)[number], string>>;

const quotaOf = (name: string, hard: Hard): ResourceQuota =>
  make({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, uid: name }, spec: { hard }, status: { hard, used: Object.fromEntries(Object.keys(hard).map((key) => [key, '0'])) } });
const hards: fc.Arbitrary<Hard> = fc.dictionary(fc.constantFrom(...NAMES), fc.nat({ max: 8 }).map(String)) as fc.Arbitrary<Hard>;
const wishes: fc.Arbitrary<Record<string, number>> = fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 0, max: 3 }));
/** Cpu is told in cores here, and counted in thousandths. */
const inUnits = (name: string, amount: number): number => (name === 'requests.cpu' ? amount * 1000 : amount);
const amountsOf = (wish: Readonly<Record<string, number>>): Amounts => Object.fromEntries(Object.entries(wish).map(([name, amount]) => [name, inUnits(name, amount)]));
const usedBy = ({ status }: ResourceQuota, name: string): number => Number(status?.used?.[name] ?? 0);
const limitOf = ({ status }: ResourceQuota, name: string): number => Number(status?.hard?.[name] ?? Infinity);

interface Wish {
  readonly wish: Readonly<Record<string, number>>;
  readonly charge: Charge;
}
const wishOf = (wish: Readonly<Record<string, number>>, dryRun = false): Wish => ({ wish, charge: { dryRun, amounts: () => amountsOf(wish), refuse: (why) => new ApiError('Forbidden', why) } });

describe('a batch of charges', () => {
  it('is borne by all quotas or by none, in its order, never beyond a limit, and only those without room are refused', () => {
    fc.assert(
      fc.property(fc.array(hards, { maxLength: 3 }), fc.array(fc.tuple(wishes, fc.boolean()), { maxLength: 12 }), (limits, requests) => {
        const quotas = limits.map((hard, i) => quotaOf(`q${i}`, hard));
        const batch = requests.map(([wish, dryRun]) => wishOf(wish, dryRun));
        const { changed, refused } = planBatch(quotas, batch);
        const left = quotas.map((quota) => Object.fromEntries(NAMES.map((name) => [name, limitOf(quota, name)])));
        for (const one of batch) {
          const fits = left.every((room) => NAMES.every((name) => (one.wish[name] ?? 0) === 0 || (one.wish[name] ?? 0) <= (room[name] ?? 0)));
          expect(refused.has(one)).toBe(!fits);
          if (fits && !one.charge.dryRun) for (const room of left) for (const name of NAMES) room[name] = (room[name] ?? 0) - (one.wish[name] ?? 0);
        }
        quotas.forEach((quota, i) => {
          const after = changed.find(({ metadata }) => metadata.name === quota.metadata.name) ?? quota;
          for (const name of Object.keys(quota.spec.hard ?? {})) expect(limitOf(quota, name) - usedBy(after, name)).toBe(left[i]?.[name]);
        });
        expect(changed.every((quota) => !quotas.includes(quota))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused with what its own judgement says, without harm to the others', () => {
    const missing = new ApiError('Forbidden', 'must specify cpu');
    const bad: Wish = { wish: {}, charge: { dryRun: false, refuse: () => missing, amounts: () => { throw missing; } } };
    const { changed, refused } = planBatch([quotaOf('q', { pods: '2' })], [bad, wishOf({ pods: 1 }), bad]);
    expect([...refused.values()]).toEqual([missing]);
    expect(changed.map((quota) => usedBy(quota, 'pods'))).toEqual([1]);
  });
});

/** A server that charges what is asked of it and makes it, by a cache of the quotas that lags. Others of its kind do the same; their writes are what happens. */
class ChargesWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['ResourceQuota'];
  /** What was let in. */
  readonly used: Record<string, number> = {};
  #asked: readonly Wish[] = [];

  constructor(limits: readonly Hard[]) {
    limits.forEach((hard, i) => this.api.create(quotaOf(`q${i}`, hard)));
  }

  get quotas(): readonly ResourceQuota[] {
    return this.api.list('ResourceQuota');
  }

  look(caches: ModelCaches): readonly Write[] {
    const { changed, refused } = planBatch(caches.list<ResourceQuota>('ResourceQuota'), this.#asked);
    const accepted = this.#asked.filter((one) => !refused.has(one));
    // Let in when the last quota is written. A quota that others wrote is told by the refusal of the write: all is decided anew.
    this.#asked = this.#asked.length > 0 && changed.length === 0 ? [] : this.#asked;
    return changed.map((quota, i) => ({ kind: 'ResourceQuota', write: () => this.#write(quota, i === changed.length - 1 ? accepted : undefined) }));
  }

  #write(quota: ResourceQuota, accepted: readonly Wish[] | undefined): boolean {
    if (!this.api.update(quota)) return false;
    if (accepted === undefined) return true;
    for (const { wish } of accepted) for (const [name, amount] of Object.entries(wish)) this.used[name] = (this.used[name] ?? 0) + amount;
    this.#asked = [];
    return true;
  }

  happen(chance: Chance): void {
    const wish = Object.fromEntries(NAMES.map((name) => [name, chance(3)]));
    if (chance(2) === 0) {
      this.#asked = [...this.#asked, wishOf(wish)];
      return;
    }
    const { changed, refused } = planBatch(this.quotas, [wishOf(wish)]);
    if (refused.size === 0) for (const quota of changed) this.api.update(quota);
    if (refused.size === 0) for (const [name, amount] of Object.entries(wish)) this.used[name] = (this.used[name] ?? 0) + amount;
  }

  others(): void {
    // The others have charged what they were asked for.
  }

  always(): void {
    for (const quota of this.quotas) {
      for (const name of Object.keys(quota.spec.hard ?? {})) {
        expect(usedBy(quota, name)).toBeLessThanOrEqual(limitOf(quota, name));
        // What is let in was charged before. (Of a charge that dies in the middle too much is charged, until the next count.)
        expect(this.used[name] ?? 0).toBeLessThanOrEqual(usedBy(quota, name));
      }
    }
  }
}

describe('charges of several servers', () => {
  it('never let in more than every quota allows, whatever their caches show and wherever they die', () => {
    fc.assert(
      fc.property(fc.array(hards, { minLength: 1, maxLength: 3 }), courses, (limits, course) => {
        const world = new ChargesWorld(limits);
        endure(world, course, { staleStarts: true });
        settle(world);
      }),
      { numRuns: 300 },
    );
  });
});
