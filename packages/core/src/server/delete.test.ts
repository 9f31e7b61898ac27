import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeleteOptions, PropagationPolicy } from '../contracts/transport.js';
import type { KindDefinition } from '../model/kind.js';
import { ConfigMap } from '../model/kinds/configmap.js';
import { Namespace } from '../model/kinds/namespace.js';
import type { KubeObject } from '../model/object.js';
import { millisOfTime } from '../model/timestamp.js';
import { Pod } from '../model/kinds/pod.js';
import { planDeletion } from './delete.js';

const now = Date.UTC(2026, 0, 1);
const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { nodeName: 'n', containers: [] }, status: { phase: 'Running' } } as unknown as Pod;
const deletedAt = (gracePeriodSeconds: number): string | undefined => planDeletion(Pod, pod, { gracePeriodSeconds }, now).object.metadata.deletionTimestamp;

describe('planDeletion', () => {
  it('tells a time that can be told, whatever grace is asked for', () => {
    expect(deletedAt(30)).toBe('2026-01-01T00:00:30Z');
    expect(deletedAt(-1)).toBe('2026-01-01T00:00:01Z');
    for (const seconds of [1e12, Number.MAX_SAFE_INTEGER, 1e300]) expect(deletedAt(seconds)).toBe('9999-12-31T23:59:59Z');
  });
});

describe('deletion requests one after the other', () => {
  const FOR_COLLECTOR = ['foregroundDeletion', 'orphan'];
  const kinds = fc.constantFrom<KindDefinition>(Pod as unknown as KindDefinition, ConfigMap as unknown as KindDefinition, Namespace as unknown as KindDefinition);
  const finalizers = fc.uniqueArray(fc.constantFrom('example.com/a', 'example.com/b', ...FOR_COLLECTOR), { maxLength: 3 });
  const request: fc.Arbitrary<DeleteOptions> = fc
    .record({ grace: fc.option(fc.integer({ min: -1, max: 60 }), { nil: undefined }), policy: fc.option(fc.constantFrom<PropagationPolicy>('Foreground', 'Background', 'Orphan'), { nil: undefined }) })
    .map(({ grace, policy }) => ({ ...(grace !== undefined && { gracePeriodSeconds: grace }), ...(policy !== undefined && { propagationPolicy: policy }) }));
  /** What happens between two requests: a finalizer goes, the pod ends, or nothing. */
  const between = fc.constantFrom('nothing', 'nothing', 'finalizer', 'ended');
  const objectOf = (kind: KindDefinition, held: readonly string[], bound: boolean): KubeObject =>
    ({
      apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'x', generation: 1, ...(held.length > 0 && { finalizers: held }) },
      spec: { ...(bound && { nodeName: 'n' }), terminationGracePeriodSeconds: 30, containers: [], ...(kind.kind === 'Namespace' && bound && { finalizers: ['kubernetes'] }) }, status: { phase: 'Running' },
    }) as unknown as KubeObject;

  it('remove only what nothing holds, never give more time nor take the mark or a finalizer of others back, and asked again change nothing', () => {
    fc.assert(
      fc.property(kinds, finalizers, fc.boolean(), fc.array(fc.tuple(request, between, fc.nat({ max: 20 })), { minLength: 1, maxLength: 8 }), (kind, held, bound, steps) => {
        let object = objectOf(kind, held, bound);
        let time = now;
        for (const [options, then, seconds] of steps) {
          const plan = planDeletion(kind, object, options, time);
          const { metadata: before } = object;
          const { metadata: after } = plan.object;
          const others = (names: readonly string[] = []): readonly string[] => names.filter((name) => !FOR_COLLECTOR.includes(name));
          if (plan.action === 'remove') {
            expect([others(before.finalizers), kind.rules.isHeld?.(object) ?? false]).toEqual([[], false]);
            expect(options.propagationPolicy === 'Foreground' || options.propagationPolicy === 'Orphan').toBe(false);
            return;
          }
          expect(others(after.finalizers)).toEqual(others(before.finalizers));
          expect(after.deletionTimestamp).toBeDefined();
          // Somebody or something must hold it, or it could have gone.
          expect((after.finalizers ?? []).length > 0 || (after.deletionGracePeriodSeconds ?? 0) > 0 || kind.rules.isHeld?.(plan.object) === true).toBe(true);
          if (before.deletionTimestamp !== undefined) {
            expect(after.deletionGracePeriodSeconds).toBeLessThanOrEqual(before.deletionGracePeriodSeconds ?? 0);
            expect(after.generation).toBe(before.generation);
          }
          if (plan.action === 'nothing') expect(plan.object).toBe(object);
          expect(millisOfTime(after.deletionTimestamp ?? '') ?? 0).toBeLessThanOrEqual(Math.max(millisOfTime(before.deletionTimestamp ?? '') ?? 0, time + (after.deletionGracePeriodSeconds ?? 0) * 1000));
          expect(planDeletion(kind, plan.object, options, time).action).toBe('nothing');
          object = plan.object;
          time += seconds * 1000;
          if (then === 'finalizer') object = { ...object, metadata: { ...object.metadata, finalizers: (object.metadata.finalizers ?? []).slice(1) } };
          if (then === 'ended') object = { ...object, status: { phase: 'Succeeded' } } as KubeObject;
        }
      }),
      { numRuns: 500 },
    );
  });
});
