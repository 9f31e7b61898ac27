import {
  ApiError,
  type Client,
  type Controller,
  controllerOf,
  equalJson,
  errorMessage,
  keyOf,
  type Lister,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  type ReconcileResult,
  ReplicaSet,
  watching,
} from '@orrery/core';
import { claim, planClaim } from '../shared/claim.js';
import { ownerKeys } from '../shared/keys.js';
import { createPods, deletePods, type Failure } from '../shared/pod-control.js';
import { byController, CONTROLLER_INDEX, isPodActive, isPodTerminating, orphansOf } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { planReplicas, podFor } from './plan.js';
import { planStatus, type ReplicaFailure } from './status.js';

const SELF = { group: 'apps', kind: 'ReplicaSet' } as const;
const INDEXES = { [CONTROLLER_INDEX]: byController };

/** Pods from which a set counts as large; a look at it costs as much as it has pods. */
const LARGE = 500;
/** A large set whose number of pods is right is looked at once in so many milliseconds a pod. */
const PAUSE_PER_POD_MS = 0.02;

interface Caches {
  readonly sets: Lister<ReplicaSet>;
  readonly pods: Lister<Pod>;
  /** By key, the monotonic time before which a large set need not be looked at again for its pods' sake. */
  readonly pauses: Map<ObjectKey, number>;
}

/** Options of the ReplicaSet controller. */
export interface ReplicaSetControllerOptions {
  /** Sets worked on at the same time; default 5, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Keeps as many pods of a template as a ReplicaSet asks for. */
export function replicaSetController(options: ReplicaSetControllerOptions = {}): Controller {
  return {
    name: 'replicaset',
    workers: options.workers ?? 5,
    start: (setup) => {
      const sets = setup.informer(ReplicaSet, { indexes: INDEXES });
      const pods = setup.informer(Pod, { indexes: INDEXES });
      const caches: Caches = { sets: sets.lister, pods: pods.lister, pauses: new Map() };
      const owners = { list: (namespace: string) => sets.lister.list(namespace), selector: selectorOf };
      return {
        watches: [
          watching({ kind: ReplicaSet, informer: { indexes: INDEXES }, keys: (set) => [keyOf(set)] }),
          watching({ kind: Pod, informer: { indexes: INDEXES }, keys: (pod, old, deleted) => ownerKeys(SELF, pod, old, deleted, owners) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches),
      };
    },
  };
}

async function reconcile(key: ObjectKey, context: ReconcileContext, caches: Caches): Promise<ReconcileResult> {
  const set = caches.sets.get(key);
  const { client, clock } = context;
  const pause = (caches.pauses.get(key) ?? 0) - clock.monotonic();
  if (pause <= 0 || set === undefined) caches.pauses.delete(key);
  if (set === undefined) return;
  // Thousands of pods that become ready one by one are counted in one go; a change of the set itself waits for nothing.
  if (pause > 0 && set.status?.observedGeneration === set.metadata.generation) return { againAfterMs: pause };
  const { namespace = '', uid = '', deletionTimestamp } = set.metadata;
  const owned = caches.pods.byIndex(CONTROLLER_INDEX, uid);
  const orphans = caches.pods.byIndex(CONTROLLER_INDEX, orphansOf(namespace));
  const matcher = selectorOf(set);
  const active = await claim(client, { owner: ReplicaSet, object: Pod }, set, planClaim(set, matcher, [...owned, ...orphans].filter(isPodActive)));
  const terminating = owned.filter((pod) => isPodTerminating(pod) && matcher.matches(pod.metadata.labels)).length;

  let failed: Failure | undefined;
  const wanted = set.spec.replicas ?? 1;
  if (deletionTimestamp === undefined && active.length !== wanted) {
    const plan = planReplicas(wanted, active, () => relatedPods(set, caches), clock.now());
    caches.pauses.delete(key);
    failed = plan.create > 0 ? await createPods(context, set, Array.from({ length: plan.create }, () => podFor(set))) : await deletePods(context, set, plan.remove);
  }
  if (active.length === wanted && wanted >= LARGE) caches.pauses.set(key, clock.monotonic() + wanted * PAUSE_PER_POD_MS);
  const failure: ReplicaFailure | undefined = failed && { reason: active.length < wanted ? 'FailedCreate' : 'FailedDelete', message: errorMessage(failed.error) };
  const { status, againAfterMs } = planStatus(set, active, terminating, failure, clock.now());
  if (!equalJson(status, set.status)) await writeStatus(client, set, status);
  if (failed !== undefined) throw failed.error;
  return againAfterMs === undefined ? undefined : { againAfterMs };
}

/** The pods of all sets of the same deployment, or else of this one. */
function relatedPods(set: ReplicaSet, { sets, pods }: Caches): readonly Pod[] {
  const above = controllerOf(set);
  const family = above === undefined ? [set] : sets.byIndex(CONTROLLER_INDEX, above.uid);
  return family.flatMap(({ metadata }) => pods.byIndex(CONTROLLER_INDEX, metadata.uid ?? ''));
}

async function writeStatus(client: Client, set: ReplicaSet, status: NonNullable<ReplicaSet['status']>): Promise<void> {
  try {
    await client.kind(ReplicaSet).updateStatus({ ...set, status });
  } catch (error) {
    // Deleted in between: there is nobody left to tell.
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
