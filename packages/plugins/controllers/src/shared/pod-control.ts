import { ApiError, errorMessage, type KubeObject, Pod, type ReconcileContext } from '@orrery/core';
import { slowStart } from './slow-start.js';

/** The first thing that went wrong. */
export interface Failure {
  readonly error: unknown;
}

/** Creation in a namespace that ends fails until it is gone, and then the owner is gone too: nothing to report or to try again. */
export const isNamespaceEnding = (error: unknown): boolean => ApiError.is(error, 'Forbidden') && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true;

/** Makes pods for their owner in batches that grow, and tells of it (RealPodControl.CreatePods). */
export async function createPods({ client, events }: Pick<ReconcileContext, 'client' | 'events'>, owner: KubeObject, pods: readonly Pod[]): Promise<Failure | undefined> {
  const verbs = client.kind(Pod);
  let next = 0;
  const { failure } = await slowStart(pods.length, async () => {
    const made = await verbs.create(pods[next++] as Pod);
    events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`);
  });
  if (failure === undefined || isNamespaceEnding(failure.error)) return undefined;
  events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${errorMessage(failure.error)}`);
  return failure;
}

/** Deletes pods of an owner, all at once, and tells of it (RealPodControl.DeletePod). */
export async function deletePods({ client, events }: Pick<ReconcileContext, 'client' | 'events'>, owner: KubeObject, pods: readonly Pod[]): Promise<Failure | undefined> {
  const verbs = client.kind(Pod);
  const outcomes = await Promise.allSettled(
    pods.map(async ({ metadata }) => {
      const { namespace, name = '', uid = '' } = metadata;
      try {
        await verbs.delete({ namespace, name }, { preconditions: { uid } });
        events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return;
        // Replaced by another of the same name: this one needs no deleting.
        if (ApiError.is(error, 'Conflict') && (await verbs.find({ namespace, name }))?.metadata.uid !== uid) return;
        events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${errorMessage(error)}`);
        throw error;
      }
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  return failed && { error: failed.reason };
}
