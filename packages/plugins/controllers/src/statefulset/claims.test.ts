import type { OwnerReference, PersistentVolumeClaim, StatefulSet } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { correctedOwners, isStale } from './claims.js';

const policies = fc.constantFrom('Retain', 'Delete');
const ref = (kind: string, apiVersion: string, name: string, uid: string, controller?: boolean): OwnerReference => ({ apiVersion, kind, name, uid, ...(controller !== undefined && { controller }) });
const refs = fc.subarray([
  ref('StatefulSet', 'apps/v1', 'web', 'set', true),
  ref('Pod', 'v1', 'web-1', 'pod', true),
  ref('Backup', 'example.com/v1', 'nightly', 'backup'),
]);
const strangers = fc.subarray([ref('Operator', 'example.com/v1', 'db', 'operator', true), ref('StatefulSet', 'apps/v1', 'web', 'earlier', true), ref('Pod', 'v1', 'web-1', 'earlier pod', true), ref('StatefulSet', 'apps/v1', 'web', 'set')], { minLength: 1 });
const setOf = (whenDeleted: string, whenScaled: string, replicas: number): StatefulSet =>
  make({ metadata: { name: 'web', uid: 'set' }, apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { replicas, persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled }, selector: {} } });
const claimOf = (ownerReferences: readonly OwnerReference[]): PersistentVolumeClaim => make({ metadata: { name: 'data-web-1', ownerReferences } });
const pod = { name: 'web-1', uid: 'pod', ordinal: 1 };

describe('the owners of a claim', () => {
  it('are those that the policy asks for, others are left, and then there is nothing to correct', () => {
    fc.assert(
      fc.property(policies, policies, fc.boolean(), refs, (whenDeleted, whenScaled, scaled, before) => {
        const set = setOf(whenDeleted, whenScaled, scaled ? 1 : 2);
        const after = correctedOwners(set, pod, claimOf(before)) ?? before;
        const wanted = whenScaled === 'Delete' && scaled ? ['pod'] : whenDeleted === 'Delete' ? ['set'] : [];
        expect(after.filter(({ uid }) => uid !== 'backup').map(({ uid }) => uid)).toEqual(wanted);
        expect(after.filter(({ uid }) => uid === 'backup')).toEqual(before.filter(({ uid }) => uid === 'backup'));
        expect(correctedOwners(set, pod, claimOf(after))).toBeUndefined();
      }),
    );
  });

  it('of an earlier set or pod, or managed by somebody else, are never taken over', () => {
    fc.assert(
      fc.property(policies, policies, fc.boolean(), strangers, (whenDeleted, whenScaled, scaled, before) => {
        const set = setOf(whenDeleted, whenScaled, scaled ? 1 : 2);
        const after = correctedOwners(set, pod, claimOf(before)) ?? before;
        for (const one of before.filter(({ uid }) => uid.startsWith('earlier') || uid === 'operator')) expect(after).toContainEqual(one);
        const controllers = after.filter(({ controller }) => controller === true);
        if (before.some(({ uid }) => uid === 'operator') && (whenDeleted === 'Delete' || whenScaled === 'Delete')) expect(controllers).toEqual(before.filter(({ controller }) => controller === true));
        expect(correctedOwners(set, pod, claimOf(after))).toBeUndefined();
      }),
    );
  });
});

describe('a claim that goes with an earlier pod of its name', () => {
  it('holds up a new one only where claims go with their pods', () => {
    const claim = claimOf([ref('Pod', 'v1', 'web-1', 'earlier pod', true)]);
    const coming = { ...pod, uid: undefined };
    expect(isStale(setOf('Retain', 'Delete', 2), coming, claim)).toBe(true);
    expect(isStale(setOf('Retain', 'Retain', 2), coming, claim)).toBe(false);
    expect(isStale(setOf('Retain', 'Delete', 2), { ...pod, uid: 'earlier pod' }, claim)).toBe(false);
  });
});
