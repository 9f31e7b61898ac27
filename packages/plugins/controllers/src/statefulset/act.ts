import { ApiError, errorMessage, PersistentVolumeClaim, Pod, type ReconcileContext, type StatefulSet } from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { type Failure, isNamespaceEnding } from '../shared/pod-control.js';
import { slowStart } from '../shared/slow-start.js';
import { podName, podWith } from './identity.js';
import type { PodSteps, StatefulSetPlan, Step } from './plan.js';
import type { Revisions } from './status.js';

/** The set whose pods are made, as it is and as it was in its current revision. */
export interface Making {
  readonly set: StatefulSet;
  /** The set with the template of a revision. */
  as(revision: 'current' | 'update'): StatefulSet;
  readonly revisions: Revisions;
}

/** Carries out a plan, stage after stage, and stops at the first failure. */
export async function carryOut(context: ReconcileContext, making: Making, plan: StatefulSetPlan): Promise<Failure | undefined> {
  for (const stage of plan.stages) {
    const failure = plan.together ? await together(context, making, stage) : await inTurn(context, making, stage);
    if (failure !== undefined) return isNamespaceEnding(failure.error) ? undefined : failure;
  }
  return undefined;
}

async function inTurn(context: ReconcileContext, making: Making, stage: readonly PodSteps[]): Promise<Failure | undefined> {
  try {
    for (const steps of stage) await doAll(context, making, steps);
    return undefined;
  } catch (error) {
    return { error };
  }
}

async function together(context: ReconcileContext, making: Making, stage: readonly PodSteps[]): Promise<Failure | undefined> {
  let next = 0;
  return (await slowStart(stage.length, () => doAll(context, making, stage[next++] as PodSteps))).failure;
}

async function doAll(context: ReconcileContext, making: Making, steps: PodSteps): Promise<void> {
  for (const step of steps) await doStep(context, making, step);
}

async function doStep(context: ReconcileContext, making: Making, step: Step): Promise<void> {
  const { client } = context;
  const { set } = making;
  switch (step.do) {
    case 'createClaim':
      return createClaim(context, set, step.pod, step.claim);
    case 'ownClaim': {
      const { claim, owners, contested } = step;
      const name = claim.metadata.name ?? '';
      if (contested) {
        const message = `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a managing controller, the retention policy is ignored for this claim`;
        context.events.event(set, 'Warning', 'ConflictingController', message);
      }
      await goneIsFine(client.kind(PersistentVolumeClaim).update({ ...claim, metadata: { ...claim.metadata, ownerReferences: [...owners] } }));
      return;
    }
    case 'createPod': {
      const name = podName(set, step.ordinal);
      const pod = podWith(making.as(step.revision), step.ordinal, making.revisions[step.revision]);
      return told(context, set, 'create', name, () => client.kind(Pod).create(pod));
    }
    case 'labelPod': {
      const { namespace, name = '', uid } = step.pod.metadata;
      return told(context, set, 'update', name, () => goneIsFine(client.kind(Pod).patch({ namespace, name }, 'merge', { metadata: { uid, labels: step.labels } })));
    }
    case 'deletePod': {
      const { namespace, name = '', uid = '' } = step.pod.metadata;
      return told(context, set, 'delete', name, () => client.kind(Pod).delete({ namespace, name }, { preconditions: { uid } }));
    }
  }
}

/** Does something to a pod, and tells how it went (recordPodEvent). */
async function told({ events }: ReconcileContext, set: StatefulSet, verb: 'create' | 'update' | 'delete', pod: string, doing: () => Promise<unknown>): Promise<void> {
  const what = `${verb} Pod ${pod} in StatefulSet ${set.metadata.name}`;
  try {
    await doing();
  } catch (error) {
    // Gone, or replaced by another of the same name: the one that was to go has gone.
    if (verb === 'delete' && (ApiError.is(error, 'NotFound') || ApiError.is(error, 'Conflict'))) return;
    // Whose it is shows when the caches do; a namespace that ends takes the set along.
    if (!ApiError.is(error, 'AlreadyExists') && !isNamespaceEnding(error)) events.event(set, 'Warning', FAILED[verb], `${what} failed error: ${errorMessage(error)}`);
    throw error;
  }
  events.event(set, 'Normal', SUCCESSFUL[verb], `${what} successful`);
}

const SUCCESSFUL = { create: 'SuccessfulCreate', update: 'SuccessfulUpdate', delete: 'SuccessfulDelete' } as const;
/** Reasons of events about what could not be done to a pod. */
export const FAILED = { create: 'FailedCreate', update: 'FailedUpdate', delete: 'FailedDelete' } as const;

async function createClaim({ client, events }: ReconcileContext, set: StatefulSet, pod: string, claim: PersistentVolumeClaim): Promise<void> {
  const { name } = claim.metadata;
  try {
    await client.kind(PersistentVolumeClaim).create(claim);
  } catch (error) {
    // It is there; the caches did not show it yet.
    if (ApiError.is(error, 'AlreadyExists')) return;
    if (!isNamespaceEnding(error)) events.event(set, 'Warning', FAILED.create, `create Claim ${name} for Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${errorMessage(error)}`);
    throw error;
  }
  events.event(set, 'Normal', SUCCESSFUL.create, `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`);
}
