import { controllerOf, type Pod, type ReplicaSet, timeOfMillis } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controllerRefOf, planClaim } from '../shared/claim.js';
import { isPodActive, isPodReady, isPodTerminating } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { BURST, planReplicas, podFor } from './plan.js';
import { planStatus } from './status.js';

const OTHER = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'other', uid: 'other', controller: true };
const isOwnedBy = (set: ReplicaSet, pod: Pod): boolean => controllerOf(pod)?.uid === set.metadata.uid;
const matches = (pod: Pod): boolean => pod.metadata.labels?.['app'] === 'web';

/** A set and pods: its own, those that nobody looks after, and those of another set with the same selector. */
class SetWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['ReplicaSet', 'Pod'];
  /** A round may only wait for a pod to be available: what that changes is written in the next. */
  readonly patience = 2;

  constructor(replicas: number) {
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } };
    this.api.create<ReplicaSet>(make({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web' }, spec: { replicas, minReadySeconds: 3, selector: { matchLabels: { app: 'web' } }, template } }));
  }

  get set(): ReplicaSet {
    return this.api.get<ReplicaSet>('ReplicaSet', 'web') as ReplicaSet;
  }

  get pods(): readonly Pod[] {
    return this.api.list('Pod');
  }

  look(caches: ModelCaches): readonly Write[] {
    const set = caches.get<ReplicaSet>('ReplicaSet', 'web') as ReplicaSet;
    const seen = caches.list<Pod>('Pod');
    const wanted = set.spec.replicas ?? 1;
    const claim = planClaim(set, selectorOf(set), seen.filter(isPodActive));
    const active = [...claim.keep, ...claim.adopt];
    expect([...active, ...claim.release].filter((pod) => controllerOf(pod) !== undefined && !isOwnedBy(set, pod))).toEqual([]);
    const { create, remove } = planReplicas(wanted, active, () => seen.filter((pod) => isOwnedBy(set, pod)), this.api.now);
    expect(active.length + create).toBeLessThanOrEqual(Math.max(wanted, active.length));
    expect(new Set(remove.filter((pod) => active.includes(pod))).size).toBe(remove.length);
    expect(active.length - remove.length).toBeGreaterThanOrEqual(Math.min(wanted, active.length));
    // One that serves goes only when none is left that does not.
    if (remove.some(isPodReady)) expect(active.filter((pod) => !remove.includes(pod)).every(isPodReady)).toBe(true);
    const { status, againAfterMs = 0 } = planStatus(set, active, seen.filter((pod) => isOwnedBy(set, pod) && isPodTerminating(pod)).length, undefined, this.api.now);
    const isNew = JSON.stringify(status) !== JSON.stringify(set.status);
    const pod = (write: () => boolean): Write => ({ kind: 'Pod', write });
    return [
      ...claim.release.map((one) => pod(() => this.#setOwner(one, undefined))),
      ...claim.adopt.map((one) => pod(() => this.#setOwner(one, set))),
      ...Array.from({ length: create }, () => pod(() => this.#make(set, wanted))),
      ...remove.map((one) => pod(() => this.api.remove(one, { grace: true }))),
      ...(isNew || againAfterMs > 0 ? [{ kind: 'ReplicaSet', write: () => this.#report(set, status, againAfterMs) }] : []),
    ];
  }

  happen(chance: Chance): void {
    const pod = oneOf(chance, this.pods);
    const dice = chance(100);
    if (dice < 12) this.api.change(this.set, (set) => ({ ...set, spec: { ...set.spec, replicas: chance(7) } }));
    else if (dice < 20) this.api.create<Pod>(make({ apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'loose-', labels: { app: 'web' }, ...(chance(2) === 0 && { ownerReferences: [OTHER] }) }, spec: { containers: [] }, status: { phase: 'Pending' } }));
    else if (pod === undefined) return;
    else if (dice < 45) this.#become(pod, 'Running', true);
    else if (dice < 55) this.#become(pod, 'Running', false);
    else if (dice < 65) this.#become(pod, 'Failed', false);
    else if (dice < 80) this.api.remove(pod, { grace: true });
    else if (dice < 90) this.api.end(pod);
    else this.api.change(pod, (present) => ({ ...present, metadata: { ...present.metadata, labels: { app: matches(present) ? 'db' : 'web' } } }));
  }

  others(): void {
    for (const pod of this.pods) {
      if (pod.metadata.deletionTimestamp !== undefined) this.api.end(pod);
      else if (pod.status?.phase === 'Pending' || (pod.status?.phase === 'Running' && !isPodReady(pod))) this.#become(pod, 'Running', true);
    }
  }

  #make(set: ReplicaSet, wanted: number): boolean {
    const made = this.api.create<Pod>({ ...podFor(set), status: { phase: 'Pending' } });
    // The truth, not what the cache shows: it may be late with what others did, but not with what it did itself.
    expect(this.pods.filter((pod) => isPodActive(pod) && isOwnedBy(set, pod) && matches(pod)).length).toBeLessThanOrEqual(wanted);
    return made !== undefined;
  }

  #report(set: ReplicaSet, status: NonNullable<ReplicaSet['status']>, againAfterMs: number): boolean {
    const accepted = this.api.update({ ...set, status } as ReplicaSet);
    this.api.now += againAfterMs;
    return accepted;
  }

  #setOwner(pod: Pod, set: ReplicaSet | undefined): boolean {
    this.api.change(pod, (present) => {
      // Adopted is only what has no owner by now: the server refuses a second controller.
      if (set !== undefined && controllerOf(present) !== undefined) return present;
      const others = (present.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== this.set.metadata.uid);
      return { ...present, metadata: { ...present.metadata, ownerReferences: set === undefined ? others : [...others, controllerRefOf(set)] } };
    });
    return true;
  }

  #become(pod: Pod, phase: string, ready: boolean): void {
    if (pod.status?.phase === 'Failed') return;
    this.api.change(pod, (present) => ({ ...present, status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: timeOfMillis(this.api.now) }] } }));
  }

  checkRest(strangers: readonly string[]): void {
    const { set, pods } = this;
    const own = pods.filter((pod) => isPodActive(pod) && isOwnedBy(set, pod));
    expect(own.map(matches)).toEqual(Array(set.spec.replicas ?? 1).fill(true));
    expect(pods.filter((pod) => isPodActive(pod) && matches(pod) && controllerOf(pod) === undefined)).toEqual([]);
    const { replicas, readyReplicas = 0, availableReplicas = 0, observedGeneration } = set.status ?? {};
    expect([replicas, readyReplicas, availableReplicas, observedGeneration]).toEqual([own.length, own.length, own.length, set.metadata.generation]);
    expect(pods.filter((pod) => controllerOf(pod)?.uid === OTHER.uid).map(({ metadata }) => metadata.name)).toEqual(strangers);
  }
}

/** A pod is ready when the troubles are over, and becomes available only while the world settles. */
const availableLate: [number, (readonly [number, number])[]] = [0, [[4, 117_370], [4, 73_945], [7, 0], [9, 0], [0, 0], [4, 103_411]]];

describe('the plans of a ReplicaSet', () => {
  it('never make more pods than asked for, take none too many nor any of others, settle, and then plan nothing', () => {
    fc.assert(
      fc.property(fc.nat({ max: 6 }), courses, (replicas, course) => {
        const world = new SetWorld(replicas);
        // Whoever makes pods that have no names of their own must know what it made: a new process lists afresh.
        endure(world, course, { staleStarts: false });
        world.others();
        const strangers = world.pods.filter((pod) => controllerOf(pod)?.uid === OTHER.uid).map(({ metadata }) => metadata.name ?? '');
        settle(world);
        world.checkRest(strangers);
      }),
      { numRuns: 300, examples: [availableLate] },
    );
  });

  it('make and remove at most 500 pods in one pass', () => {
    expect(planReplicas(2_000_000, [], () => [], 0)).toEqual({ create: BURST, remove: [] });
    const pods = Array.from({ length: 1_200 }, (_, i) => make<Pod>({ metadata: { name: `p${i}`, uid: `p${i}` }, spec: { containers: [] } }));
    expect(planReplicas(100, pods, () => pods, 0).remove).toHaveLength(BURST);
    expect(planReplicas(1_000, pods, () => pods, 0).remove).toHaveLength(200);
  });
});
