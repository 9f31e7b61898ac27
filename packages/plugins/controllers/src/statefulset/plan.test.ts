import { scaledIntOrPercent, type Pod, type StatefulSet, timeOfMillis } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { ordinalOf, podName, podWith, revisionOf } from './identity.js';
import { planStatefulSet, type StatefulSetPlan, type Step } from './plan.js';
import { isUsable } from './status.js';

const NOW = Date.UTC(2026, 0, 1);
const REVISIONS = { current: 'web-old', update: 'web-new', collisionCount: 0 };

interface Scene {
  readonly replicas: number;
  readonly start: number;
  readonly parallel: boolean;
  readonly partition: number;
  readonly maxUnavailable: number | string | undefined;
  /** What is there at first, by ordinal: an old or a new pod in some condition. */
  readonly pods: readonly { readonly ordinal: number; readonly old: boolean; readonly condition: Condition }[];
}
type Condition = 'pending' | 'unready' | 'ready' | 'failed' | 'succeeded' | 'leaving';

const scene: fc.Arbitrary<Scene> = fc.record({
  replicas: fc.integer({ min: 0, max: 6 }),
  start: fc.integer({ min: 0, max: 2 }),
  parallel: fc.boolean(),
  partition: fc.integer({ min: 0, max: 7 }),
  maxUnavailable: fc.option(fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 100 }).map((percent) => `${percent}%`)), { nil: undefined }),
  pods: fc.uniqueArray(fc.record({ ordinal: fc.integer({ min: 0, max: 9 }), old: fc.boolean(), condition: fc.constantFrom<Condition>('pending', 'unready', 'ready', 'failed', 'succeeded', 'leaving') }), { selector: ({ ordinal }) => ordinal, maxLength: 10 }),
});

const setOf = ({ replicas, start, parallel, partition, maxUnavailable }: Scene): StatefulSet =>
  make({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: 'default', uid: 'set' },
    spec: {
      replicas,
      ordinals: { start },
      podManagementPolicy: parallel ? 'Parallel' : 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition, ...(maxUnavailable !== undefined && { maxUnavailable }) } },
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [] } },
    },
  });

/** The pods as the API has them, changed as the API would: names are taken once, and a deletion is of the pod that was meant. */
class Model {
  readonly pods = new Map<string, Pod>();
  #uids = 0;

  constructor(
    readonly set: StatefulSet,
    scene: Scene,
  ) {
    for (const { ordinal, old, condition } of scene.pods) {
      this.create(podWith(set, ordinal, old ? REVISIONS.current : REVISIONS.update));
      this.become(podName(set, ordinal), condition);
    }
  }

  create(pod: Pod): void {
    const name = pod.metadata.name ?? '';
    if (!this.pods.has(name)) this.pods.set(name, { ...pod, metadata: { ...pod.metadata, uid: `u${(this.#uids += 1)}` }, status: { phase: 'Pending' } });
  }

  become(name: string, condition: Condition): void {
    const pod = this.pods.get(name);
    if (pod === undefined) return;
    if (condition === 'leaving') return this.leave(pod);
    const phase = { pending: 'Pending', unready: 'Running', ready: 'Running', failed: 'Failed', succeeded: 'Succeeded' }[condition];
    const conditions = [{ type: 'Ready', status: condition === 'ready' ? 'True' : 'False', lastTransitionTime: timeOfMillis(NOW) }];
    this.pods.set(name, { ...pod, status: { phase, conditions } });
  }

  leave(pod: Pod): void {
    const name = pod.metadata.name ?? '';
    const present = this.pods.get(name);
    if (present !== undefined && present.metadata.uid === pod.metadata.uid) this.pods.set(name, { ...present, metadata: { ...present.metadata, deletionTimestamp: timeOfMillis(NOW) } } as Pod);
  }

  act(step: Step): void {
    if (step.do === 'createPod') this.create(podWith(this.set, step.ordinal, REVISIONS[step.revision]));
    else if (step.do === 'deletePod') this.leave(step.pod);
  }

  /** What the kubelet comes to in the end: those that leave are gone, those that start are ready. */
  kubelet(): void {
    for (const [name, pod] of this.pods) {
      if (pod.metadata.deletionTimestamp !== undefined) this.pods.delete(name);
      else if (pod.status?.phase === 'Pending' || pod.status?.phase === 'Running') this.become(name, 'ready');
    }
  }

  snapshot(): readonly Pod[] {
    return [...this.pods.values()];
  }
}

const planOf = (set: StatefulSet, pods: readonly Pod[]): StatefulSetPlan => planStatefulSet({ set, pods, claim: () => undefined, revisions: REVISIONS, now: NOW });
const stepsOf = (plan: StatefulSetPlan): Step[] => plan.stages.flat(2);

/** What must be true of every plan, whatever it was made from. */
function checkSafety({ replicas, start, parallel, partition, maxUnavailable }: Scene, set: StatefulSet, pods: readonly Pod[], plan: StatefulSetPlan): void {
  const usable = (pod: Pod | undefined): boolean => pod !== undefined && isUsable(set, pod, NOW);
  const at = (ordinal: number): Pod | undefined => pods.find(({ metadata }) => metadata.name === podName(set, ordinal));
  const wanted = Array.from({ length: replicas }, (_, place) => at(start + place));
  const steps = stepsOf(plan);
  if (!parallel) expect(steps.filter((step) => step.do === 'createPod').length).toBeLessThanOrEqual(1);
  const lost = steps.filter((step) => step.do === 'deletePod').map(({ pod }) => pod).filter((pod) => wanted.includes(pod));
  for (const step of steps) {
    if (step.do === 'createPod') {
      expect(step.ordinal).toBeGreaterThanOrEqual(start);
      expect(step.ordinal).toBeLessThan(start + replicas);
      expect(at(step.ordinal)).toBeUndefined();
      expect(step.revision).toBe(step.ordinal < start + partition ? 'current' : 'update');
      if (!parallel) expect(wanted.slice(0, step.ordinal - start).every(usable)).toBe(true);
    }
    if (step.do !== 'deletePod') continue;
    expect(step.pod.metadata.deletionTimestamp).toBeUndefined();
    const ordinal = ordinalOf(set, step.pod) ?? -1;
    const ended = step.pod.status?.phase === 'Failed' || step.pod.status?.phase === 'Succeeded';
    if (!wanted.includes(step.pod)) {
      // Scaling down in order: all that stay are well, and nothing above it is there.
      if (!parallel) expect([wanted.every(usable), pods.every((pod) => wanted.includes(pod) || (ordinalOf(set, pod) ?? -1) <= ordinal)]).toEqual([true, true]);
    } else if (!ended) {
      expect(revisionOf(step.pod)).not.toBe(REVISIONS.update);
      expect(ordinal - start).toBeGreaterThanOrEqual(partition);
      // One after the other: those that are new already are well.
      if (maxUnavailable === undefined) expect(wanted.slice(ordinal - start + 1).every(usable)).toBe(true);
    }
  }
  const voluntary = lost.filter(usable).length;
  const allowed = maxUnavailable === undefined ? 1 : Math.max(1, scaledIntOrPercent(maxUnavailable, replicas, false) ?? 1);
  const down = wanted.filter((pod) => !usable(pod)).length;
  expect(voluntary).toBeLessThanOrEqual(Math.max(0, maxUnavailable === undefined && parallel ? allowed : allowed - down));
  expect(plan.status.replicas).toBe(pods.length);
  for (const count of ['readyReplicas', 'availableReplicas', 'currentReplicas', 'updatedReplicas'] as const) expect(plan.status[count] ?? 0).toBeLessThanOrEqual(pods.length);
}

/** In the end every ordinal has a usable pod of the right revision, there are no others, and nothing is left to do. */
function checkRest({ replicas, start, partition }: Scene, model: Model): void {
  const names = [...model.pods.keys()].sort();
  expect(names).toEqual(Array.from({ length: replicas }, (_, place) => podName(model.set, start + place)).sort());
  for (const pod of model.pods.values()) {
    expect(isUsable(model.set, pod, NOW)).toBe(true);
    if ((ordinalOf(model.set, pod) ?? 0) - start >= partition) expect(revisionOf(pod)).toBe(REVISIONS.update);
  }
}

const ROUNDS = 200;

describe('the plan of a StatefulSet', () => {
  it('is safe in every state, settles, and then plans nothing', () => {
    fc.assert(
      fc.property(scene, (one) => {
        const model = new Model(setOf(one), one);
        for (let round = 0; round < ROUNDS; round += 1) {
          const plan = planOf(model.set, model.snapshot());
          checkSafety(one, model.set, model.snapshot(), plan);
          const steps = stepsOf(plan);
          const before = JSON.stringify(model.snapshot());
          for (const step of steps) model.act(step);
          model.kubelet();
          if (steps.length === 0 && JSON.stringify(model.snapshot()) === before) return checkRest(one, model);
        }
        throw new Error('It does not settle.');
      }),
      { numRuns: 500 },
    );
  });

  it('settles all the same when plans are made from the past, are carried out in part, and pods change unseen', () => {
    const chance = fc.infiniteStream(fc.nat({ max: 99 }));
    fc.assert(
      fc.property(scene, chance, (one, random) => {
        const next = (): number => random.next().value as number;
        const model = new Model(setOf(one), one);
        let seen = model.snapshot();
        for (let round = 0; round < 60; round += 1) {
          // Stale: what the kubelet did last may be missing. What the controller itself did never is.
          if (next() < 60) seen = model.snapshot();
          const plan = planOf(model.set, seen);
          checkSafety(one, model.set, seen, plan);
          const steps = stepsOf(plan);
          // Intermediate: a restart in the middle of a plan.
          const done = steps.slice(0, next() < 70 ? steps.length : next() % (steps.length + 1));
          for (const step of done) model.act(step);
          if (done.length > 0) seen = model.snapshot();
          // Unobserved: a pod changes, perhaps several times, before anybody looks.
          for (const name of [...model.pods.keys()]) {
            const dice = next();
            if (dice < 8) model.become(name, (['failed', 'succeeded', 'unready', 'leaving'] as const)[dice % 4] ?? 'failed');
            else if (dice < 60) model.kubelet();
          }
        }
        for (let round = 0; round < ROUNDS; round += 1) {
          model.kubelet();
          const steps = stepsOf(planOf(model.set, model.snapshot()));
          if (steps.length === 0) break;
          for (const step of steps) model.act(step);
        }
        checkRest(one, model);
      }),
      { numRuns: 200 },
    );
  });

  it('works on at most 500 pods at a time, however many are wanted', () => {
    const one: Scene = { replicas: 2_000_000_000, start: 0, parallel: true, partition: 0, maxUnavailable: undefined, pods: [] };
    expect(stepsOf(planOf(setOf(one), []))).toHaveLength(500);
    expect(stepsOf(planOf(setOf({ ...one, parallel: false }), []))).toHaveLength(1);
  });

  it('takes pods away at once that the old revision broke, as that makes nothing worse', () => {
    const broken = [0, 1, 2].map((ordinal) => ({ ordinal, old: true, condition: 'unready' as const }));
    const one: Scene = { replicas: 3, start: 0, parallel: true, partition: 0, maxUnavailable: 1, pods: broken };
    const model = new Model(setOf(one), one);
    expect(stepsOf(planOf(model.set, model.snapshot())).map((step) => step.do === 'deletePod' && step.pod.metadata.name)).toEqual(['web-2', 'web-1', 'web-0']);
  });

  it('calls the update done when, and only when, all pods are new and ready', () => {
    fc.assert(
      fc.property(scene, (one) => {
        const model = new Model(setOf(one), one);
        const pods = model.snapshot();
        const { status } = planOf(model.set, pods);
        const done = pods.length === one.replicas && pods.every((pod) => revisionOf(pod) === REVISIONS.update && pod.metadata.deletionTimestamp === undefined && pod.status?.conditions?.[0]?.status === 'True' && pod.status.phase === 'Running');
        expect(status.currentRevision === REVISIONS.update).toBe(done);
      }),
      { numRuns: 500 },
    );
  });
});
