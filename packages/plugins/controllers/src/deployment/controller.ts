import {
  ApiError,
  type Controller,
  controllerOf,
  Deployment,
  equalJson,
  errorMessage,
  type Informer,
  keyOf,
  type Lister,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  type ReconcileResult,
  ReplicaSet,
  timeOfMillis,
  watching,
} from '@orrery/core';
import { claim, goneIsFine, planClaim } from '../shared/claim.js';
import { ownerKeys } from '../shared/keys.js';
import { byController, CONTROLLER_INDEX, isPodTerminal, orphansOf } from '../shared/pods.js';
import { selectorOf } from '../shared/selection.js';
import { PROGRESS, withCondition } from './conditions.js';
import { replicasOf } from './fenceposts.js';
import { planDeployment, type SetUpdate } from './plan.js';
import { sameTemplate } from './replica-sets.js';
import { hasProgressDeadline } from './status.js';

const SELF = { group: 'apps', kind: 'Deployment' } as const;
const INDEXES = { [CONTROLLER_INDEX]: byController };

interface Caches {
  readonly deployments: Lister<Deployment>;
  readonly sets: Lister<ReplicaSet>;
  readonly pods: Lister<Pod>;
}

/** Options of the deployment controller. */
export interface DeploymentControllerOptions {
  /** Deployments worked on at the same time; default 5, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Moves deployments from one template to the next: it makes and sizes ReplicaSets, one per template, and reports how the rollout goes. */
export function deploymentController(options: DeploymentControllerOptions = {}): Controller {
  return {
    name: 'deployment',
    workers: options.workers ?? 5,
    start: (setup) => {
      const deployments: Informer<Deployment> = setup.informer(Deployment);
      const sets = setup.informer(ReplicaSet, { indexes: INDEXES });
      const pods = setup.informer(Pod, { indexes: INDEXES });
      const caches: Caches = { deployments: deployments.lister, sets: sets.lister, pods: pods.lister };
      const owners = { list: (namespace: string) => deployments.lister.list(namespace), selector: selectorOf };
      return {
        watches: [
          watching({ kind: Deployment, keys: (deployment) => [keyOf(deployment)] }),
          watching({ kind: ReplicaSet, informer: { indexes: INDEXES }, keys: (set, old, deleted) => ownerKeys(SELF, set, old, deleted, owners) }),
          watching({ kind: Pod, informer: { indexes: INDEXES }, keys: (pod, _old, deleted) => (deleted ? recreatesWaitingFor(pod, caches) : []) }),
        ],
        reconcile: (key, context) => reconcile(key, context, caches),
      };
    },
  };
}

/** A Recreate rollout goes on when the last old pod is gone; nothing else about pods matters here. */
function recreatesWaitingFor(pod: Pod, { deployments, sets }: Caches): ObjectKey[] {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'ReplicaSet') return [];
  const { namespace = '' } = pod.metadata;
  const set = sets.get(`${namespace}/${owner.name}`);
  const above = set === undefined ? undefined : controllerOf(set);
  if (above?.kind !== 'Deployment') return [];
  const key = `${namespace}/${above.name}`;
  return deployments.get(key)?.spec.strategy?.type === 'Recreate' ? [key] : [];
}

async function reconcile(key: ObjectKey, context: ReconcileContext, caches: Caches): Promise<ReconcileResult> {
  const deployment = caches.deployments.get(key);
  if (deployment === undefined) return;
  const { client, clock, events } = context;
  const matcher = selectorOf(deployment);
  if (selectsAll(deployment)) {
    events.event(deployment, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
    await observe(context, deployment);
    return;
  }
  const { namespace = '', uid = '' } = deployment.metadata;
  const candidates = [...caches.sets.byIndex(CONTROLLER_INDEX, uid), ...caches.sets.byIndex(CONTROLLER_INDEX, orphansOf(namespace))];
  const sets = await claim(client, { owner: Deployment, object: ReplicaSet }, deployment, planClaim(deployment, matcher, candidates));
  const hasPods = (set: ReplicaSet): boolean => caches.pods.byIndex(CONTROLLER_INDEX, set.metadata.uid ?? '').some((pod) => !isPodTerminal(pod));
  const plan = planDeployment({ deployment, sets, hasPods, now: clock.now() });

  if (plan.create !== undefined && !(await create(context, deployment, plan.create, caches))) return;
  for (const update of plan.updates) await write(context, deployment, update);
  for (const { metadata } of plan.deletes) {
    const { resourceVersion } = metadata;
    const preconditions = { uid: metadata.uid ?? '', ...(resourceVersion !== undefined && { resourceVersion }) };
    await goneIsFine(client.kind(ReplicaSet).delete({ namespace, name: metadata.name ?? '' }, { preconditions, propagationPolicy: 'Background' }));
  }
  if (plan.deployment !== deployment) await client.kind(Deployment).updateStatus(plan.deployment);
  return plan.againAfterMs === undefined ? undefined : { againAfterMs: plan.againAfterMs };
}

function selectsAll({ spec: { selector } }: Deployment): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}

async function observe({ client }: ReconcileContext, deployment: Deployment): Promise<void> {
  const { generation = 0 } = deployment.metadata;
  if ((deployment.status?.observedGeneration ?? 0) >= generation) return;
  await client.kind(Deployment).updateStatus({ ...deployment, status: { ...deployment.status, observedGeneration: generation } });
}

/** False: the rest of the plan does not hold; what to do instead has been written down. */
async function create(context: ReconcileContext, deployment: Deployment, set: ReplicaSet, caches: Caches): Promise<boolean> {
  const { client, events } = context;
  const name = set.metadata.name ?? '';
  try {
    await client.kind(ReplicaSet).create(set);
  } catch (error) {
    if (ApiError.is(error, 'AlreadyExists')) return resolveCollision(context, deployment, set, caches);
    if (ApiError.is(error) && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true) return false;
    if (ApiError.is(error, 'Conflict')) throw error;
    const message = `Failed to create new replica set "${name}": ${errorMessage(error)}`;
    events.event(deployment, 'Warning', PROGRESS.createFailed, message);
    if (hasProgressDeadline(deployment)) {
      const facts = { type: 'Progressing', status: 'False', reason: PROGRESS.createFailed, message };
      await client.kind(Deployment).updateStatus({ ...deployment, status: withCondition(deployment.status ?? {}, facts, timeOfMillis(context.clock.now())) });
    }
    throw error;
  }
  const replicas = replicasOf(set);
  if (replicas > 0) events.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
  return true;
}

/** The name is taken: by our own set, which the cache does not show yet, or by another template with the same hash. */
async function resolveCollision({ client, log }: ReconcileContext, deployment: Deployment, set: ReplicaSet, caches: Caches): Promise<boolean> {
  const { namespace, name = '' } = set.metadata;
  const taken = caches.sets.get(keyOf(set)) ?? (await client.kind(ReplicaSet).find({ namespace, name }));
  const ours = taken !== undefined && controllerOf(taken)?.uid === deployment.metadata.uid && sameTemplate(taken.spec.template, deployment.spec.template);
  if (ours) throw ApiError.alreadyExists(ReplicaSet, name);
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  log.info('two templates have the same hash; the next set gets another name', { deployment: keyOf(deployment), set: name, collisionCount });
  await client.kind(Deployment).updateStatus({ ...deployment, status: { ...deployment.status, collisionCount } });
  return false;
}

async function write({ client, events }: ReconcileContext, deployment: Deployment, { from, to }: SetUpdate): Promise<void> {
  if (equalJson(from, to)) return;
  await client.kind(ReplicaSet).update(to);
  const [before, after] = [replicasOf(from), replicasOf(to)];
  if (before === after) return;
  const direction = after > before ? 'up' : 'down';
  events.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled ${direction} replica set ${to.metadata.name} from ${before} to ${after}`);
}
