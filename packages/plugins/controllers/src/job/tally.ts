import type { Job, Pod } from '@orrery/core';
import { isPodActive, isPodReady, isPodTerminating } from '../shared/pods.js';
import { judgeFailure } from './failure-policy.js';
import { countIndexes, hasIndex, type IndexRuns, parseIndexes, withIndexes } from './indexes.js';
import { endedAt, failuresBefore, indexOf, isFailed, isTracked } from './pod-facts.js';

/** What a Job's pods come to, together with what its status has counted already. */
export interface Tally {
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly terminating: number;
  /** Ended, and neither in the counters nor listed as uncounted. */
  readonly newSucceeded: readonly Pod[];
  readonly newFailed: readonly Pod[];
  /** All that succeeded, or all indexes that did. */
  readonly succeeded: number;
  /** All failures that count. */
  readonly failed: number;
  /** Of Indexed Jobs. */
  readonly indexes?: IndexTally;
}

/** What the indexes of an Indexed Job come to. */
export interface IndexTally {
  readonly completions: number;
  /** Those in the status. */
  readonly counted: IndexRuns;
  /** Those and the new ones. */
  readonly succeeded: IndexRuns;
  /** With a back-off limit per index: those that failed for good. */
  readonly failed: IndexRuns | undefined;
  /** With a back-off limit per index: the last pod of an index that waits for another try. It stays until there is one, because it knows how often the index failed. */
  readonly waiting: ReadonlyMap<number, Pod>;
}

/** Whether each completion has an index. */
export const isIndexed = ({ spec }: Job): boolean => spec.completionMode === 'Indexed';

/** Counts. `pods` may leave out those that ended and are not tracked any more. Pure. */
export function tally(job: Job, pods: readonly Pod[]): Tally {
  const { spec, status = {} } = job;
  const completions = isIndexed(job) ? (spec.completions ?? 0) : undefined;
  const listed = { succeeded: new Set(status.uncountedTerminatedPods?.succeeded), failed: new Set(status.uncountedTerminatedPods?.failed) };
  const isNew = (pod: Pod, known: ReadonlySet<string>): boolean =>
    isTracked(pod) && !known.has(pod.metadata.uid ?? '') && (completions === undefined || indexOf(pod, completions) !== undefined);
  const active = pods.filter(isPodActive);
  const newSucceeded = pods.filter((pod) => pod.status?.phase === 'Succeeded' && isNew(pod, listed.succeeded));
  const newFailed = pods.filter((pod) => isFailed(pod, job) && isNew(pod, listed.failed));
  const indexes = completions === undefined ? undefined : tallyIndexes(job, completions, pods, active);
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    newSucceeded,
    newFailed,
    succeeded: indexes === undefined ? (status.succeeded ?? 0) + newSucceeded.length + listed.succeeded.size : countIndexes(indexes.succeeded),
    failed: (status.failed ?? 0) + newFailed.filter((pod) => judgeFailure(spec.podFailurePolicy, pod).counts).length + listed.failed.size,
    ...(indexes !== undefined && { indexes }),
  };
}

function tallyIndexes(job: Job, completions: number, pods: readonly Pod[], active: readonly Pod[]): IndexTally {
  const { spec, status = {} } = job;
  const counted = parseIndexes(status.completedIndexes ?? '', completions);
  const succeeded = withIndexes(counted, indexesOf(pods.filter((pod) => pod.status?.phase === 'Succeeded' && isTracked(pod)), completions));
  const limit = spec.backoffLimitPerIndex;
  if (limit === undefined) return { completions, counted, succeeded, failed: undefined, waiting: new Map() };
  const ended = pods.filter((pod) => isTracked(pod) && indexOf(pod, completions) !== undefined && isLastTry(job, pod, limit));
  const failed = withIndexes(parseIndexes(status.failedIndexes ?? '', completions), indexesOf(ended, completions));
  const busy = indexesOf(active, completions);
  const waiting = new Map<number, Pod>();
  for (const pod of pods) {
    const index = isTracked(pod) && isFailed(pod, job) ? indexOf(pod, completions) : undefined;
    if (index === undefined || hasIndex(succeeded, index) || hasIndex(failed, index) || busy.has(index)) continue;
    const known = waiting.get(index);
    if (known === undefined || (triesBefore(known) <= triesBefore(pod) && endedAt(pod) >= endedAt(known))) waiting.set(index, pod);
  }
  return { completions, counted, succeeded, failed, waiting };
}

/** The indexes that these pods work on. */
export function indexesOf(pods: readonly Pod[], completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const pod of pods) {
    const index = indexOf(pod, completions);
    if (index !== undefined) indexes.add(index);
  }
  return indexes;
}

/** How many pods of its index ended before this one. */
export function triesBefore(pod: Pod): number {
  const { counted, ignored } = failuresBefore(pod);
  return counted + ignored;
}

/** Whether this failure is the one after which the index is given up (isIndexFailed). */
function isLastTry(job: Job, pod: Pod, limit: number): boolean {
  if (!isFailed(pod, job)) return false;
  const { action, counts } = judgeFailure(job.spec.podFailurePolicy, pod);
  return action === 'FailIndex' || (counts && failuresBefore(pod).counted >= limit);
}
