import type { Deployment, ReplicaSet } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { maxSurge, maxUnavailable, replicasOf } from './fenceposts.js';
import { planRollingStep } from './rolling.js';
import { resized } from './replica-sets.js';
import { isScalingEvent, planScale } from './scaling.js';

const limit = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`));
const scene = fc.record({ replicas: fc.integer({ min: 0, max: 40 }), surge: limit, unavailable: limit, old: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 3 }) });

const deploymentOf = (replicas: number, surge: number | string, unavailable: number | string): Deployment =>
  make({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: { replicas, template: {}, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } } } });
const setOf = (name: string, replicas: number, available: number): ReplicaSet =>
  make({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name }, spec: { replicas }, status: { replicas, availableReplicas: available } });

describe('a rolling update', () => {
  it('never has more pods than surge allows, never fewer available than it must, settles, and then plans nothing', () => {
    fc.assert(
      fc.property(scene, fc.infiniteStream(fc.integer({ min: 0, max: 10 })), ({ replicas, surge, unavailable }, steps) => {
        const deployment = deploymentOf(replicas, surge, unavailable);
        const [most, least] = [replicas + maxSurge(deployment), replicas - maxUnavailable(deployment)];
        let [newSize, newUp, old] = [0, 0, replicas];
        for (let pass = 0; pass < 2_000; pass++) {
          const [newSet, oldSet] = [setOf('new', newSize, newUp), setOf('old', old, old)];
          const { acted, resizes } = planRollingStep(deployment, newSet, [oldSet]);
          for (const { set, replicas: size } of resizes) {
            if (set === newSet) newSize = size;
            else old = size;
          }
          newUp = Math.min(newUp, newSize);
          expect(newSize + old).toBeLessThanOrEqual(Math.max(most, replicas));
          expect(newUp + old).toBeGreaterThanOrEqual(least);
          if (acted === 'none' && newUp === newSize) {
            expect([newSize, old]).toEqual([replicas, 0]);
            return;
          }
          // Some of the new pods become available; every now and then all of them.
          newUp = Math.min(newSize, newUp + (pass % 5 === 0 ? newSize : Number(steps.next().value)));
        }
        throw new Error('It does not settle.');
      }),
    );
  });

  it('removes unhealthy old pods without asking for availability, but never more than asked', () => {
    fc.assert(
      fc.property(scene, ({ replicas, surge, unavailable, old }) => {
        const deployment = deploymentOf(replicas, surge, unavailable);
        const sets = old.map((size, i) => setOf(`old${i}`, size, 0));
        const { resizes } = planRollingStep(deployment, setOf('new', replicas, replicas), sets);
        for (const { set, replicas: size } of resizes) {
          expect(size).toBeGreaterThanOrEqual(0);
          expect(size).toBeLessThan(replicasOf(set));
        }
      }),
    );
  });
});

describe('proportional scaling', () => {
  it('gives out exactly what there is to give, and settles after one round', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(scene, sizes, fc.integer({ min: 0, max: 60 }), ({ surge, unavailable }, [size = 1, ...old], next) => {
        // A rollout under way: the sets together have what the deployment asked for when they were sized.
        const before = deploymentOf(size + old.reduce((sum, count) => sum + count, 0), surge, unavailable);
        const deployment = deploymentOf(next, surge, unavailable);
        const newSet = resized(before, setOf('new', size, 0), size);
        const sets = old.map((count, i) => resized(before, setOf(`old${i}`, count, count), count));
        const resizes = planScale(deployment, newSet, sets);
        const after = [...sets, newSet].map((set) => {
          const resize = resizes.find((one) => one.set === set);
          return resize === undefined ? set : resized(deployment, set, resize.replicas);
        });
        const allowed = next === 0 ? 0 : next + maxSurge(deployment);
        expect(after.reduce((sum, set) => sum + replicasOf(set), 0)).toBe(allowed);
        expect(after.every((set) => replicasOf(set) >= 0)).toBe(true);
        expect(isScalingEvent(deployment, after)).toBe(false);
      }),
    );
  });
});
