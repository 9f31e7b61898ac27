import { equalJson, type Job, type JobStatus, type Pod } from '@orrery/core';
import type { Finish } from './finish.js';
import { judgeFailure } from './failure-policy.js';
import { countIndexes, formatIndexes, hasIndex, withIndexes } from './indexes.js';
import { indexOf, isFailed, isTracked } from './pod-facts.js';
import type { Tally } from './tally.js';

/**
 * How ends of pods get into the counters exactly once, whatever is interrupted (KEP 2307): a pod that ended is written down as uncounted, only then loses its
 * finalizer, and when it is seen without one it moves from the list into a counter. Indexes that succeeded need no list: naming one twice changes nothing.
 */
export interface Counted {
  readonly status: JobStatus;
  /** What may lose its finalizer once the status is written. */
  readonly release: readonly Pod[];
}

/** Most entries of the lists, so that the status stays small and large Jobs do not keep others waiting (MaxUncountedPods). */
export const MAX_UNCOUNTED = 500;

/** What counting starts from. */
export interface CountView {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly tally: Tally;
  /** That the Job is over, if it is. */
  readonly finish: Finish | undefined;
}

/** How much is known to a controller that is about to count. */
export interface Knowledge {
  /** The revision that the cache of pods shows. */
  readonly podsRevision: number;
  /** The status of the Job as this controller wrote it last, if it did, and {@link knowsCounted} then. */
  readonly ownStatus: JobStatus | undefined;
}

/**
 * Whether the cache of pods shows of each pod in the Job's counters that it has no finalizer any more: an older one may still show it, and it would be counted twice.
 * A cache as new as the Job does. So does that of whoever knew it and wrote the status last: it has seen its own writes. (Not of whoever wrote it without knowing:
 * a new process may write what it sees in an old list.) Pure.
 */
export function knowsCounted({ metadata, status = {} }: Job, { podsRevision, ownStatus }: Knowledge): boolean {
  return podsRevision >= Number(metadata.resourceVersion) || equalJson(status, ownStatus);
}

/** Whether a plan may be carried out: one that counts nothing always may, others only by whoever knows what is counted already. Pure. */
export function isSafeToCount(job: Job, { tally, finish }: { readonly tally: Tally; readonly finish: Finish | undefined }, knowledge: Knowledge): boolean {
  const { succeeded = [], failed = [] } = job.status?.uncountedTerminatedPods ?? {};
  const counts = succeeded.length + failed.length + tally.newSucceeded.length + tally.newFailed.length > 0 || finish !== undefined;
  return !counts || knowsCounted(job, knowledge);
}

/** Moves what can be moved: from the lists into the counters, and what ended into the lists (trackJobStatusAndRemoveFinalizers). Pure. */
export function countEnds({ job, pods, tally, finish }: CountView): Counted {
  const settled = settle(job.status ?? {}, pods);
  const { indexes } = tally;
  const uncounted = { succeeded: [...(settled.uncountedTerminatedPods?.succeeded ?? [])], failed: [...(settled.uncountedTerminatedPods?.failed ?? [])] };
  const known = { succeeded: new Set(uncounted.succeeded), failed: new Set(uncounted.failed) };
  const newIndexes = new Set<number>();
  const release: Pod[] = [];
  for (const pod of inOrder(pods, indexes?.completions)) {
    if (newIndexes.size + uncounted.succeeded.length + uncounted.failed.length >= MAX_UNCOUNTED) break;
    const failed = isFailed(pod, job);
    if (!mayRelease(job, pod, tally, finish, failed)) continue;
    release.push(pod);
    const { uid = '' } = pod.metadata;
    const index = indexes && indexOf(pod, indexes.completions);
    if (pod.status?.phase === 'Succeeded' && !known.failed.has(uid)) {
      if (indexes === undefined) add(uncounted.succeeded, known.succeeded, uid);
      else if (index !== undefined && !hasIndex(indexes.counted, index)) newIndexes.add(index);
    } else if (failed || finish?.type === 'FailureTarget') {
      // Once the Job failed, what has not ended by itself counts as failed.
      const counts = judgeFailure(job.spec.podFailurePolicy, pod).counts && (indexes === undefined || index !== undefined);
      if (counts) add(uncounted.failed, known.failed, uid);
    }
  }
  const status: JobStatus = {
    ...settled,
    uncountedTerminatedPods: { ...(uncounted.succeeded.length > 0 && { succeeded: uncounted.succeeded }), ...(uncounted.failed.length > 0 && { failed: uncounted.failed }) },
    ...(indexes && indexCounters(indexes, newIndexes)),
  };
  return { status: withoutZeros(status), release };
}

/** Pods that were listed and have no finalizer any more are counted. `pods` must hold all that are tracked. */
function settle(status: JobStatus, pods: readonly Pod[]): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (succeeded.length + failed.length === 0) return status;
  const tracked = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid));
  const left = { succeeded: succeeded.filter((uid) => tracked.has(uid)), failed: failed.filter((uid) => tracked.has(uid)) };
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - left.succeeded.length,
    failed: (status.failed ?? 0) + failed.length - left.failed.length,
    uncountedTerminatedPods: left,
  };
}

/** Tracked pods; of Indexed Jobs by their index, so that those of a lower index are named first. */
function inOrder(pods: readonly Pod[], completions: number | undefined): readonly Pod[] {
  const tracked = pods.filter(isTracked);
  if (completions === undefined) return tracked;
  const place = (pod: Pod): number => indexOf(pod, completions) ?? -1;
  return tracked.sort((a, b) => place(a) - place(b));
}

/** Whether a pod's end is final for the Job (canRemoveFinalizer). */
function mayRelease(job: Job, pod: Pod, { indexes }: Tally, finish: Finish | undefined, failed: boolean): boolean {
  if (job.metadata.deletionTimestamp !== undefined || finish !== undefined || pod.status?.phase === 'Succeeded') return true;
  if (!failed) return false;
  const index = indexes && indexOf(pod, indexes.completions);
  return index === undefined || indexes?.waiting.get(index) !== pod;
}

function add(list: string[], known: Set<string>, uid: string): void {
  if (known.has(uid)) return;
  known.add(uid);
  list.push(uid);
}

function indexCounters({ counted, failed }: NonNullable<Tally['indexes']>, newIndexes: ReadonlySet<number>): JobStatus {
  const succeeded = withIndexes(counted, newIndexes);
  return { succeeded: countIndexes(succeeded), completedIndexes: formatIndexes(succeeded), ...(failed && { failedIndexes: formatIndexes(failed) }) };
}

/** As the server writes it: counters that are 0 and texts that are empty are left out. */
function withoutZeros(status: JobStatus): JobStatus {
  const { succeeded, failed, completedIndexes, ...rest } = status;
  return {
    ...rest,
    ...((succeeded ?? 0) > 0 && { succeeded }),
    ...((failed ?? 0) > 0 && { failed }),
    ...((completedIndexes ?? '') !== '' && { completedIndexes }),
  };
}
