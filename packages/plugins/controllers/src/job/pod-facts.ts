import { type Job, millisOfTime, type Pod } from '@orrery/core';
import { readyCondition } from '../shared/pods.js';

// What the Job controller reads off a pod (pkg/controller/job).

/** Keeps a pod until its end is in the counters of its Job. */
export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';
/** The index that a pod works on, as an annotation and as a label. */
export const INDEX_KEY = 'batch.kubernetes.io/job-completion-index';
/** How often pods of an index failed before this one, as far as that counts. */
export const FAILURES_ANNOTATION = 'batch.kubernetes.io/job-index-failure-count';
/** How often they failed without its counting. */
export const IGNORED_FAILURES_ANNOTATION = 'batch.kubernetes.io/job-index-ignored-failure-count';

const MAX_INT32 = 2 ** 31 - 1;

/** Whether the pod is not in the counters yet. */
export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(TRACKING_FINALIZER) === true;

/** The index a pod works on; undefined when it has none, or one that is not below `completions`. */
export function indexOf(pod: Pod, completions: number): number | undefined {
  const text = pod.metadata.annotations?.[INDEX_KEY];
  if (text === undefined || !/^\+?\d+$/.test(text)) return undefined;
  const index = Number(text);
  return index < completions ? index : undefined;
}

/** Whether a terminating pod may not be replaced before it ended. */
export const replacesOnlyFailed = ({ spec }: Job): boolean => spec.podReplacementPolicy === 'Failed' || spec.podFailurePolicy !== undefined;

/**
 * Whether a pod counts as failed. Where terminating pods are replaced at once, they count when they begin to end: those whose node is gone never get to the phase Failed.
 */
export function isFailed(pod: Pod, job: Job): boolean {
  const phase = pod.status?.phase;
  if (phase === 'Failed') return true;
  return !replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && phase !== 'Succeeded';
}

/** When a pod ended, in milliseconds since the epoch: by its containers, or when it stopped being ready, or was deleted, or else was made. */
export function endedAt(pod: Pod): number {
  const containers = (pod.status?.containerStatuses ?? []).map(({ state }) => millisOf(state?.terminated?.finishedAt));
  if (containers.length > 0 && containers.every((time) => time !== undefined)) return Math.max(...(containers as number[]));
  const ready = readyCondition(pod);
  const notReady = ready?.status === 'False' ? millisOf(ready.lastTransitionTime) : undefined;
  if (notReady !== undefined) return notReady;
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata;
  const deleted = millisOf(deletionTimestamp);
  return deleted !== undefined ? deleted - deletionGracePeriodSeconds * 1000 : (millisOf(creationTimestamp) ?? 0);
}

const millisOf = (time: string | undefined): number | undefined => (time === undefined ? undefined : millisOfTime(time));

/** How often pods of this one's index failed before it: those that count, and those that do not. */
export const failuresBefore = (pod: Pod): { readonly counted: number; readonly ignored: number } => ({
  counted: countIn(pod, FAILURES_ANNOTATION),
  ignored: countIn(pod, IGNORED_FAILURES_ANNOTATION),
});

/** Annotations are anybody's to write: what is no count is 0. */
function countIn(pod: Pod, annotation: string): number {
  const text = pod.metadata.annotations?.[annotation];
  const count = text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : 0;
  return count <= MAX_INT32 ? count : 0;
}
