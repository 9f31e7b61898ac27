import { controllerOf, type Deployment, equalJson, type Pod, type ReplicaSet, timeOfMillis } from '@orrery/core';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planReplicas, podFor } from '../replicaset/plan.js';
import { planStatus } from '../replicaset/status.js';
import { isPodActive, isPodReady, isPodTerminal, isPodTerminating } from '../shared/pods.js';
import { type Chance, courses, oneOf } from '../test-support/course.js';
import { endure, type ModelWorld, settle, type Write } from '../test-support/endure.js';
import { ModelApi, type ModelCaches } from '../test-support/model-api.js';
import { make } from '../test-support/world.js';
import { maxSurge, maxUnavailable, replicasOf } from './fenceposts.js';
import { planDeployment } from './plan.js';
import { sameTemplate, specReplicas } from './replica-sets.js';
import { isComplete } from './status.js';

interface Scene {
  readonly replicas: number;
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
  readonly recreate: boolean;
  readonly revisionHistoryLimit: number;
}
const limit = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`));
const scenes = (recreate: fc.Arbitrary<boolean>): fc.Arbitrary<Scene> =>
  fc.record({ replicas: fc.integer({ min: 1, max: 5 }), maxSurge: limit, maxUnavailable: limit, recreate, revisionHistoryLimit: fc.integer({ min: 0, max: 2 }) });

const template = (image: number) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: `web:${image}` }] } });

/** A deployment, its sets and their pods. Sets are looked after by the plans that ship, pods by kubelets that take their time. */
class RolloutWorld implements ModelWorld {
  readonly api = new ModelApi();
  readonly kinds = ['Deployment', 'ReplicaSet', 'Pod'];
  #begun = false;
  #image = 0;

  constructor(
    readonly scene: Scene,
    /** Pods fail and users change sizes, too. */
    readonly rough: boolean,
  ) {
    const { replicas, recreate, revisionHistoryLimit, ...rollingUpdate } = scene;
    const strategy = recreate ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate };
    this.api.create<Deployment>(make({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas, revisionHistoryLimit, progressDeadlineSeconds: 30, selector: { matchLabels: { app: 'web' } }, strategy, template: template(0) } }));
    settle(this);
    this.#begun = true;
  }

  get deployment(): Deployment {
    return this.api.get<Deployment>('Deployment', 'web') as Deployment;
  }

  get sets(): readonly ReplicaSet[] {
    return this.api.list('ReplicaSet');
  }

  podsOf(set: ReplicaSet, pods: readonly Pod[] = this.api.list('Pod')): readonly Pod[] {
    return pods.filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
  }

  look(caches: ModelCaches): readonly Write[] {
    const deployment = caches.get<Deployment>('Deployment', 'web') as Deployment;
    const sets = caches.list<ReplicaSet>('ReplicaSet');
    // It cannot wait for pods that it never heard of, as Kubernetes cannot: where they must not run together, this cache is current.
    const pods = this.scene.recreate && !this.rough ? this.api.list<Pod>('Pod') : caches.list<Pod>('Pod');
    const plan = planDeployment({ deployment, sets, hasPods: (set) => this.podsOf(set, pods).some((pod) => !isPodTerminal(pod)), now: this.api.now });
    const { create, updates, deletes } = plan;
    for (const { to } of updates) expect(replicasOf(to)).toBeGreaterThanOrEqual(0);
    // Only what has no pods goes, and never the set that the rollout is about.
    for (const set of deletes) expect(sets).toContain(set);
    for (const set of deletes) expect([replicasOf(set), set.status?.replicas ?? 0, sameTemplate(set.spec.template, deployment.spec.template)]).toEqual([0, 0, false]);
    return [
      ...(create === undefined ? [] : [{ kind: 'ReplicaSet', write: () => this.api.create(create) !== undefined }]),
      ...updates.filter(({ from, to }) => !equalJson(from, to)).map(({ to }) => ({ kind: 'ReplicaSet', write: () => this.api.update(to) })),
      ...deletes.map((set) => ({ kind: 'ReplicaSet', write: () => this.api.remove(set, { version: set.metadata.resourceVersion }) })),
      ...(plan.deployment === deployment ? [] : [{ kind: 'Deployment', write: () => this.api.update(plan.deployment) }]),
    ];
  }

  happen(chance: Chance): void {
    const set = oneOf(chance, this.sets);
    const pod = oneOf(chance, this.api.list<Pod>('Pod'));
    const dice = chance(this.rough ? 100 : 70);
    // Who goes back to a template whose set was scaled down, and has not said so yet, is told too much of it, in Kubernetes, too.
    if (dice < 8) this.#declare((spec) => ({ ...spec, template: template(this.rough ? chance(4) : (this.#image += 1)) }));
    else if (dice < 12) this.#declare((spec) => ({ ...spec, paused: spec.paused !== true }));
    else if (dice < 30) set && this.#manage(set);
    else if (dice < 48) set && this.#report(set);
    else if (dice < 70) pod && this.#kubelet(pod);
    else if (dice < 80) this.#declare((spec) => ({ ...spec, replicas: chance(7) }));
    else if (dice < 90) pod && this.#become(pod, 'False');
    else pod && this.api.remove(pod, { grace: true });
  }

  others(): void {
    if (this.deployment.spec.paused === true) this.#declare((spec) => ({ ...spec, paused: false }));
    for (const set of this.sets) this.#manage(set);
    for (const pod of this.api.list<Pod>('Pod')) this.#kubelet(pod);
    for (const set of this.sets) this.#report(set);
  }

  #declare(next: (spec: Deployment['spec']) => object): void {
    this.api.change(this.deployment, (deployment) => ({ ...deployment, spec: next(deployment.spec) as Deployment['spec'] }));
  }

  /** The set gets and loses pods; it says so later. */
  #manage(set: ReplicaSet): void {
    const pods = this.podsOf(set);
    const { create, remove } = planReplicas(replicasOf(set), pods.filter(isPodActive), () => pods, this.api.now);
    for (let i = 0; i < create; i += 1) this.api.create<Pod>({ ...podFor(set), spec: { containers: [], nodeName: 'n' }, status: { phase: 'Pending' } });
    for (const pod of remove) this.api.remove(pod, { grace: true });
  }

  #report(set: ReplicaSet): void {
    const pods = this.podsOf(set);
    const { status } = planStatus(set, pods.filter(isPodActive), pods.filter(isPodTerminating).length, undefined, this.api.now);
    this.api.change(set, (present) => ({ ...present, status }));
  }

  #kubelet(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) this.api.end(pod);
    else if (!isPodReady(pod)) this.#become(pod, 'True');
  }

  #become(pod: Pod, status: 'True' | 'False'): void {
    this.api.change(pod, (present) => ({ ...present, status: { phase: 'Running', conditions: [{ type: 'Ready', status, lastTransitionTime: timeOfMillis(this.api.now) }] } }));
  }

  /** Where nothing but the rollout itself takes pods away. */
  always(): void {
    if (this.rough || !this.#begun) return;
    const { deployment } = this;
    const pods = this.api.list<Pod>('Pod');
    if (this.scene.recreate) {
      expect(new Set(pods.filter((pod) => !isPodTerminal(pod)).map((pod) => controllerOf(pod)?.uid)).size).toBeLessThanOrEqual(1);
      return;
    }
    expect(specReplicas(this.sets)).toBeLessThanOrEqual(replicasOf(deployment) + maxSurge(deployment));
    // What is asked to go may be gone the next moment.
    const left = this.sets.reduce((sum, set) => sum + Math.min(replicasOf(set), this.podsOf(set, pods).filter((pod) => isPodActive(pod) && isPodReady(pod)).length), 0);
    expect(left).toBeGreaterThanOrEqual(replicasOf(deployment) - maxUnavailable(deployment));
  }

  /** All pods are of the newest template, and of others there are as many sets as are kept. */
  checkRest(): void {
    const { deployment } = this;
    const current = this.sets.filter((set) => sameTemplate(set.spec.template, deployment.spec.template));
    expect(current).toHaveLength(1);
    expect(this.sets.length).toBeLessThanOrEqual(1 + this.scene.revisionHistoryLimit);
    const pods = this.api.list<Pod>('Pod');
    expect(pods.filter(isPodReady)).toHaveLength(replicasOf(deployment));
    expect(pods.map((pod) => controllerOf(pod)?.uid)).toEqual(pods.map(() => current[0]?.metadata.uid));
    expect(isComplete(deployment, deployment.status ?? {})).toBe(true);
    expect(deployment.status?.conditions?.find(({ type }) => type === 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  }
}

describe('the plan of a Deployment', () => {
  it('never has more pods than surge allows nor fewer available than it must, however late its caches are and wherever it dies', () => {
    fc.assert(
      fc.property(scenes(fc.constant(false)), courses, (scene, course) => {
        const world = new RolloutWorld(scene, false);
        // Whoever makes sets must know which it made: a new process lists afresh.
        endure(world, course, { staleStarts: false });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 500 },
    );
  });

  it('never has pods of two templates at a time when they are to be recreated', () => {
    fc.assert(
      fc.property(scenes(fc.constant(true)), courses, (scene, course) => {
        const world = new RolloutWorld(scene, false);
        endure(world, course, { staleStarts: false });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 500 },
    );
  });

  it('settles and then plans nothing, though pods fail, sizes change, and rollouts are paused', () => {
    fc.assert(
      fc.property(scenes(fc.boolean()), courses, (scene, course) => {
        const world = new RolloutWorld(scene, true);
        endure(world, course, { staleStarts: true });
        settle(world);
        world.checkRest();
      }),
      { numRuns: 500 },
    );
  });
});
