import { type Deployment, type DeploymentStatus, equalJson, podTemplateHash, type ReplicaSet, timeOfMillis } from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';
import { DESIRED, inheritedAnnotations, MAX, nextRevision, REVISION, revisionOf } from './annotations.js';
import { conditionOf, PROGRESS, withCondition } from './conditions.js';
import { isRollingUpdate, maxSurge, replicasOf } from './fenceposts.js';
import { actualReplicas, active, byAge, HASH_LABEL, resized, splitByTemplate } from './replica-sets.js';
import { newSetReplicas, planRollingStep, type Resize } from './rolling.js';
import { isScalingEvent, planScale } from './scaling.js';
import { calculateStatus, hasProgressDeadline, isComplete, pausedStatus, progressCheckAfter, rolloutStatus } from './status.js';

/** What a pass decides from. `now` in milliseconds since the epoch. */
export interface DeploymentView {
  readonly deployment: Deployment;
  /** The sets the deployment manages. */
  readonly sets: readonly ReplicaSet[];
  /** Whether a set still has pods that have not ended, beyond what its status counts (those being deleted). Only asked by Recreate. */
  hasPods(set: ReplicaSet): boolean;
  readonly now: number;
}

/** A set to write, and what it was. */
export interface SetUpdate {
  readonly from: ReplicaSet;
  readonly to: ReplicaSet;
}

/** Everything one pass wants done, in this order. */
export interface DeploymentPlan {
  readonly create?: ReplicaSet;
  readonly updates: readonly SetUpdate[];
  readonly deletes: readonly ReplicaSet[];
  /** The deployment with its new status and revision; the same object when both are as they were. */
  readonly deployment: Deployment;
  /** Look again then, though nothing changes. */
  readonly againAfterMs?: number;
}

/** The working state of a pass: what the sets will be once the plan is carried out. */
interface Draft {
  readonly view: DeploymentView;
  deployment: Deployment;
  newSet: ReplicaSet | undefined;
  oldSets: readonly ReplicaSet[];
  create?: ReplicaSet;
  deletes: readonly ReplicaSet[];
  /** By name, what the API has. */
  readonly before: ReadonlyMap<string, ReplicaSet>;
}

/** One pass over a deployment, as DeploymentController.syncDeployment makes it. Pure. Throws RangeError for a strategy that cannot be computed. */
export function planDeployment(view: DeploymentView): DeploymentPlan {
  const { deployment, now } = view;
  const { newSet, oldSets } = splitByTemplate(deployment, view.sets);
  const draft: Draft = { view, deployment, newSet, oldSets, deletes: [], before: new Map(view.sets.map((set) => [set.metadata.name ?? '', set])) };
  if (deployment.metadata.deletionTimestamp !== undefined) return finish(draft, calculateStatus(deployment, newSet, oldSets, now));
  setStatus(draft, pausedStatus(deployment, now));
  if (deployment.spec.paused === true || isScalingEvent(deployment, view.sets)) return planSync(draft);
  return isRollingUpdate(deployment) ? planRolling(draft) : planRecreate(draft);
}

/** Paused, or scaled: the sizes follow, the rollout does not move. */
function planSync(draft: Draft): DeploymentPlan {
  syncNewSet(draft);
  const resizes = planScale(draft.deployment, draft.newSet, draft.oldSets);
  resize(draft, resizes);
  // Sized right by somebody else: without the note of it, this would count as scaling for ever, and the rollout would never go on.
  if (resizes.length === 0) resize(draft, active(allOf(draft)).map((set) => ({ set, replicas: replicasOf(set) })));
  if (draft.deployment.spec.paused === true) cleanUp(draft);
  return finish(draft, calculateStatus(draft.deployment, draft.newSet, draft.oldSets, draft.view.now));
}

function planRolling(draft: Draft): DeploymentPlan {
  const newSet = ensureNewSet(draft);
  const step = planRollingStep(draft.deployment, newSet, draft.oldSets);
  resize(draft, step.resizes);
  if (step.acted === 'none' && isComplete(draft.deployment, draft.deployment.status ?? {})) cleanUp(draft);
  return finishRollout(draft);
}

/** All old pods go before the first new one comes. */
function planRecreate(draft: Draft): DeploymentPlan {
  syncNewSet(draft);
  const old = active(draft.oldSets);
  if (old.length > 0) {
    resize(draft, old.map((set) => ({ set, replicas: 0 })));
    return finishRollout(draft);
  }
  if (actualReplicas(draft.oldSets) > 0 || draft.oldSets.some((set) => draft.view.hasPods(set))) return finishRollout(draft);
  const newSet = ensureNewSet(draft);
  resize(draft, [{ set: newSet, replicas: replicasOf(draft.deployment) }]);
  if (isComplete(draft.deployment, draft.deployment.status ?? {})) cleanUp(draft);
  return finishRollout(draft);
}

/** The set of the current template, made if there is none (getNewReplicaSet). */
function ensureNewSet(draft: Draft): ReplicaSet {
  const existing = syncNewSet(draft);
  if (existing !== undefined) return existing;
  const created = newReplicaSet(draft.deployment, draft.oldSets);
  draft.newSet = created;
  draft.create = created;
  setRevision(draft, revisionOf(created));
  note(draft, PROGRESS.created, `Created new replica set "${created.metadata.name}"`);
  return created;
}

/** Brings revision, inherited annotations and minReadySeconds of the current set up to date, if there is one. */
function syncNewSet(draft: Draft): ReplicaSet | undefined {
  const { deployment, newSet, oldSets } = draft;
  if (newSet === undefined) return undefined;
  const annotations = inheritedAnnotations(deployment, newSet, nextRevision(oldSets));
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  let synced = newSet;
  if (!equalJson(annotations, newSet.metadata.annotations ?? {})) synced = { ...synced, metadata: { ...synced.metadata, annotations } };
  if ((newSet.spec.minReadySeconds ?? 0) !== minReadySeconds) synced = { ...synced, spec: { ...synced.spec, minReadySeconds } };
  draft.newSet = synced;
  setRevision(draft, revisionOf(synced));
  if (conditionOf(draft.deployment.status, 'Progressing') === undefined) note(draft, PROGRESS.found, `Found new replica set "${synced.metadata.name}"`);
  return synced;
}

/** A set for the deployment's template, as large as the strategy allows at once. */
export function newReplicaSet(deployment: Deployment, oldSets: readonly ReplicaSet[]): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = podTemplateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const empty: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(deployment.metadata.namespace !== undefined && { namespace: deployment.metadata.namespace }),
      labels,
      ownerReferences: [controllerRefOf(deployment)],
    },
    spec: {
      replicas: 0,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  const annotations = {
    ...inheritedAnnotations(deployment, empty, nextRevision(oldSets)),
    [DESIRED]: String(replicasOf(deployment)),
    [MAX]: String(replicasOf(deployment) + maxSurge(deployment)),
  };
  return { ...empty, metadata: { ...empty.metadata, annotations }, spec: { ...empty.spec, replicas: newSetReplicas(deployment, [...oldSets, empty], empty) } };
}

/** Removes what the history limit does not keep: the oldest revisions without pods. */
function cleanUp(draft: Draft): void {
  const limit = draft.deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit === 2_147_483_647) return;
  const alive = draft.oldSets.filter((set) => set.metadata.deletionTimestamp === undefined);
  const surplus = alive.length - limit;
  if (surplus <= 0) return;
  const oldest = [...alive].sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b)).slice(0, surplus);
  // As the API has them: one that only this pass scales down may have pods that its status does not tell of yet.
  draft.deletes = oldest
    .map((set) => draft.before.get(set.metadata.name ?? '') ?? set)
    .filter(({ status, spec, metadata }) => (status?.replicas ?? 0) === 0 && spec.replicas === 0 && (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0));
}

const allOf = ({ newSet, oldSets }: Draft): readonly ReplicaSet[] => (newSet === undefined ? oldSets : [...oldSets, newSet]);

function resize(draft: Draft, resizes: readonly Resize[]): void {
  const { deployment } = draft;
  for (const { set, replicas } of resizes) {
    const next = resized(deployment, set, replicas);
    if (set === draft.newSet) {
      draft.newSet = next;
      if (draft.create !== undefined) draft.create = next;
    } else draft.oldSets = draft.oldSets.map((old) => (old === set ? next : old));
  }
}

function setStatus(draft: Draft, status: DeploymentStatus): void {
  if (!equalJson(status, draft.deployment.status ?? {})) draft.deployment = { ...draft.deployment, status };
}

function setRevision(draft: Draft, revision: number): void {
  const { deployment } = draft;
  const text = String(revision);
  if (deployment.metadata.annotations?.[REVISION] === text) return;
  draft.deployment = { ...deployment, metadata: { ...deployment.metadata, annotations: { ...deployment.metadata.annotations, [REVISION]: text } } };
}

function note(draft: Draft, reason: string, message: string): void {
  if (!hasProgressDeadline(draft.deployment)) return;
  setStatus(draft, withCondition(draft.deployment.status ?? {}, { type: 'Progressing', status: 'True', reason, message }, timeOfMillis(draft.view.now)));
}

function finishRollout(draft: Draft): DeploymentPlan {
  return finish(draft, rolloutStatus(draft.deployment, draft.newSet, draft.oldSets, draft.view.now));
}

function finish(draft: Draft, status: DeploymentStatus): DeploymentPlan {
  setStatus(draft, status);
  const deleted = new Set(draft.deletes.map(({ metadata }) => metadata.name));
  const updates: SetUpdate[] = [];
  for (const to of allOf(draft)) {
    const from = draft.before.get(to.metadata.name ?? '');
    if (from !== undefined && from !== to && !deleted.has(to.metadata.name)) updates.push({ from, to });
  }
  const again = progressCheckAfter(draft.deployment, draft.deployment.status ?? {}, draft.view.now);
  return {
    ...(draft.create !== undefined && { create: draft.create }),
    updates,
    deletes: draft.deletes,
    deployment: draft.deployment,
    ...(again !== undefined && { againAfterMs: again }),
  };
}
