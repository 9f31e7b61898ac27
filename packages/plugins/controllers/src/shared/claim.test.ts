import { controllerOf, type KubeObject, labelMatcher, type OwnerReference } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { controllerRefOf, planClaim } from './claim.js';

const owner = (uid: string, ends: boolean): KubeObject => make({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: uid, uid, ...(ends && { deletionTimestamp: '2026-01-01T00:00:00Z' }) } });
const matcher = labelMatcher({ matchLabels: { app: 'web' } });

interface Facts {
  readonly controller: 'none' | 'a' | 'b';
  readonly matches: boolean;
  readonly belongs: boolean;
  readonly ends: boolean;
}
const facts: fc.Arbitrary<Facts> = fc.record({ controller: fc.constantFrom('none' as const, 'a' as const, 'b' as const), matches: fc.boolean(), belongs: fc.boolean(), ends: fc.boolean() });
const plain: OwnerReference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'm', uid: 'm' };
const objectOf = ({ controller, matches, belongs, ends }: Facts, i: number): KubeObject =>
  make({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: belongs ? `mine-${i}` : `p${i}`,
      uid: `u${i}`,
      labels: { app: matches ? 'web' : 'db' },
      ownerReferences: [plain, ...(controller === 'none' ? [] : [controllerRefOf(owner(controller, false))])],
      ...(ends && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
  });
const belongs = ({ metadata }: KubeObject): boolean => metadata.name?.startsWith('mine-') ?? false;

/** What a server makes of a claim: it refuses a second controller, and forgets what is no owner. */
function carryOut(objects: Map<string, KubeObject>, by: KubeObject, plan: ReturnType<typeof planClaim>, most: number): void {
  const set = ({ metadata: { uid = '' } }: KubeObject, change: (references: readonly OwnerReference[]) => readonly OwnerReference[]): void => {
    const present = objects.get(uid) as KubeObject;
    objects.set(uid, { ...present, metadata: { ...present.metadata, ownerReferences: [...change(present.metadata.ownerReferences ?? [])] } });
  };
  const isFree = ({ metadata: { uid = '' } }: KubeObject): boolean => controllerOf(objects.get(uid) as KubeObject) === undefined;
  const acts = [
    ...plan.release.map((object) => () => set(object, (references) => references.filter(({ uid }) => uid !== by.metadata.uid))),
    ...plan.adopt.map((object) => () => isFree(object) && set(object, (references) => [...references, controllerRefOf(by)])),
  ];
  for (const act of acts.slice(0, most)) act();
}

describe('a claim', () => {
  it('keeps, takes and lets go exactly what it must, and touches nothing of others nor what is being deleted', () => {
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 12 }), fc.boolean(), (all, ownerEnds) => {
        const objects = all.map(objectOf);
        const { keep, adopt, release } = planClaim(owner('a', ownerEnds), matcher, objects, belongs);
        const names = (wanted: (one: Facts) => boolean): KubeObject[] => objects.filter((_, i) => wanted(all[i] as Facts));
        const fits = (one: Facts): boolean => one.matches && one.belongs;
        expect(keep).toEqual(names((one) => one.controller === 'a' && fits(one)));
        expect(adopt).toEqual(names((one) => one.controller === 'none' && fits(one) && !one.ends && !ownerEnds));
        expect(release).toEqual(names((one) => one.controller === 'a' && !fits(one) && !ownerEnds));
      }),
    );
  });

  it('of two owners with one selector, from late views and carried out in part, gives each object at most one controller, which stays; then nothing is left to claim', () => {
    const course = fc.array(fc.record({ by: fc.constantFrom('a', 'b'), late: fc.boolean(), most: fc.nat({ max: 4 }), relabel: fc.option(fc.nat({ max: 9 }), { nil: undefined }) }), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(facts, { minLength: 1, maxLength: 10 }), course, (all, steps) => {
        const objects = new Map(all.map((one, i) => [`u${i}`, objectOf(one, i)]));
        let before = [...objects.values()];
        for (const { by, late, most, relabel } of steps) {
          const self = owner(by, false);
          const seen = late ? before : [...objects.values()];
          before = [...objects.values()];
          const owned = new Map(before.map((object) => [object.metadata.uid, controllerOf(object)?.uid]));
          carryOut(objects, self, planClaim(self, matcher, seen), most);
          for (const object of objects.values()) {
            expect((object.metadata.ownerReferences ?? []).filter(({ controller }) => controller === true).length).toBeLessThanOrEqual(1);
            expect(object.metadata.ownerReferences).toContainEqual(plain);
            const old = owned.get(object.metadata.uid);
            if (old !== undefined && old !== by) expect(controllerOf(object)?.uid).toBe(old);
          }
          const changed = relabel === undefined ? undefined : objects.get(`u${relabel}`);
          if (changed !== undefined) objects.set(`u${relabel}`, { ...changed, metadata: { ...changed.metadata, labels: { app: matcher.matches(changed.metadata.labels) ? 'db' : 'web' } } });
        }
        for (const by of ['a', 'b', 'a', 'b']) carryOut(objects, owner(by, false), planClaim(owner(by, false), matcher, [...objects.values()]), Infinity);
        for (const by of ['a', 'b']) expect(planClaim(owner(by, false), matcher, [...objects.values()])).toMatchObject({ adopt: [], release: [] });
        for (const object of objects.values()) {
          const wanted = matcher.matches(object.metadata.labels);
          if (wanted && object.metadata.deletionTimestamp === undefined) expect(controllerOf(object)).toBeDefined();
          if (!wanted) expect(controllerOf(object)).toBeUndefined();
        }
      }),
      { numRuns: 200 },
    );
  });
});
