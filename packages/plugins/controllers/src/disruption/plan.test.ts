import { equalJson, millisOfTime, type Pod, type PodDisruptionBudget, timeOfMillis } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPodReady } from '../shared/pods.js';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { DELETION_TIMEOUT_MS, isUpToDate, planBudget, planFailure } from './plan.js';

type Figure = { readonly minAvailable: number | string } | { readonly maxUnavailable: number | string };
const share = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`));
const figure: fc.Arbitrary<Figure> = fc.oneof(fc.record({ minAvailable: share }), fc.record({ maxUnavailable: share }));

/** A budget, pods that their owner makes anew, and drains that evict as fast as the budget lets them. */
class DrainWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['PodDisruptionBudget', 'Pod'];

  constructor(
    spec: Figure,
    readonly count: number,
    /** Pods fail of themselves, and users change the budget. */
    readonly rough: boolean,
  ) {
    this.api.create<PodDisruptionBudget>(make({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec }));
    this.others();
    this.others();
  }

  get budget(): PodDisruptionBudget {
    return this.api.get<PodDisruptionBudget>('PodDisruptionBudget', 'b') as PodDisruptionBudget;
  }

  get pods(): readonly Pod[] {
    return this.api.list('Pod');
  }

  look(caches: ModelCaches): readonly Write[] {
    const budget = caches.get<PodDisruptionBudget>('PodDisruptionBudget', 'b') as PodDisruptionBudget;
    const { status } = planBudget({ budget, pods: caches.list('Pod'), wanted: () => this.count, now: this.api.now });
    return isUpToDate(budget, status) ? [] : [{ kind: 'PodDisruptionBudget', write: () => this.api.update({ ...budget, status } as PodDisruptionBudget) }];
  }

  happen(chance: Chance): void {
    const pod = oneOf(chance, this.pods);
    const dice = chance(this.rough ? 100 : 80);
    if (dice < 10) this.others();
    else if (pod === undefined) return;
    else if (dice < 50) this.#evict(pod);
    else if (dice < 65) this.api.end(pod);
    else if (dice < 80) this.#become(pod, 'True');
    else if (dice < 90) this.#become(pod, 'False');
    else this.api.change(this.budget, (present) => ({ ...present, spec: chance(2) === 0 ? { minAvailable: chance(6) } : { maxUnavailable: chance(4) } }));
  }

  others(): void {
    for (const pod of this.pods) {
      if (pod.metadata.deletionTimestamp !== undefined) this.api.end(pod);
      else if (!isPodReady(pod)) this.#become(pod, 'True');
    }
    for (let i = this.pods.length; i < this.count; i += 1) this.api.create<Pod>(make({ apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'p' }, spec: { containers: [] }, status: { phase: 'Running' } }));
  }

  /** As the server does it: the budget's count goes down in the moment in which the pod is marked. */
  #evict(pod: Pod): void {
    const { status, metadata } = this.budget;
    if (pod.metadata.deletionTimestamp !== undefined || !isPodReady(pod) || status === undefined) return;
    if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0) || status.disruptionsAllowed <= 0) return;
    const disruptedPods = { ...status.disruptedPods, [pod.metadata.name ?? '']: timeOfMillis(this.api.now) };
    this.api.change(this.budget, (present) => ({ ...present, status: { ...status, disruptionsAllowed: status.disruptionsAllowed - 1, disruptedPods } }));
    this.api.remove(pod, { grace: true });
    if (!this.rough) expect(this.pods.filter((one) => one.metadata.deletionTimestamp === undefined && isPodReady(one)).length).toBeGreaterThanOrEqual(status.desiredHealthy);
  }

  #become(pod: Pod, status: 'True' | 'False'): void {
    this.api.change(pod, (present) => ({ ...present, status: { phase: 'Running', conditions: [{ type: 'Ready', status }] } }));
  }

  checkRest(): void {
    const { status } = this.budget;
    expect([status?.currentHealthy, status?.disruptedPods]).toEqual([this.count, undefined]);
    expect(status?.disruptionsAllowed).toBe(this.count === 0 || status?.expectedPods === 0 ? 0 : Math.max(0, this.count - (status?.desiredHealthy ?? 0)));
  }
}

describe('the plans of disruption budgets', () => {
  it('never let evictions leave fewer healthy pods than wanted, however late the caches of pods and budgets are; they settle, and then plan nothing', () => {
    fc.assert(
      fc.property(figure, fc.integer({ min: 0, max: 6 }), courses, (spec, count, course) => {
        const world = new DrainWorld(spec, count, false);
        // A new process lists afresh: what went while nobody looked is not counted again.
        endure(world, course, { staleStarts: false });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 300 },
    );
  });

  it('come to the same when pods fail, the budget changes, and new processes begin with the past', () => {
    fc.assert(
      fc.property(figure, fc.integer({ min: 0, max: 6 }), courses, (spec, count, course) => {
        const world = new DrainWorld(spec, count, true);
        endure(world, course, { staleStarts: true });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 200 },
    );
  });

  it('allow nothing when nothing can be computed, keep the evictions under way, and say so once', () => {
    const counts = fc.record({ currentHealthy: fc.nat({ max: 9 }), desiredHealthy: fc.nat({ max: 9 }), expectedPods: fc.nat({ max: 9 }), disruptionsAllowed: fc.nat({ max: 9 }) });
    const names = fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 });
    fc.assert(
      fc.property(fc.option(counts, { nil: undefined }), names, fc.nat({ max: 3 }), fc.array(fc.nat({ max: 2 * DELETION_TIMEOUT_MS }), { minLength: 1, maxLength: 4 }), (status, disrupted, generation, waits) => {
        let now = Date.UTC(2026, 0, 1);
        const disruptedPods = Object.fromEntries(disrupted.map((name) => [name, timeOfMillis(now)]));
        let budget = make<PodDisruptionBudget>({ metadata: { name: 'b', generation }, spec: { maxUnavailable: 1 }, ...(status && { status: { ...status, disruptedPods } }) });
        for (const wait of waits) {
          const planned = planFailure(budget, 'no scale', (now += wait));
          expect(planned).toMatchObject({ disruptionsAllowed: 0, currentHealthy: status?.currentHealthy ?? 0, desiredHealthy: status?.desiredHealthy ?? 0, expectedPods: status?.expectedPods ?? 0 });
          expect(planned.disruptedPods).toEqual(budget.status?.disruptedPods);
          expect(planned.conditions?.map(({ type, status: is, reason, message }) => [type, is, reason, message])).toEqual([['DisruptionAllowed', 'False', 'SyncFailed', 'no scale']]);
          expect(millisOfTime(planned.conditions?.[0]?.lastTransitionTime ?? '')).toBeLessThanOrEqual(now);
          budget = { ...budget, status: planned };
          expect(equalJson(planFailure(budget, 'no scale', now + 60_000), planned)).toBe(true);
        }
      }),
    );
  });
});
