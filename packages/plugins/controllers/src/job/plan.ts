import { type Job, type Pod, timeOfMillis } from '@orrery/core';
import { isPodTerminating } from '../shared/pods.js';
import { type Backoff, backoffAfter, backoffLeft } from './backoff.js';
import { deadlineLeft, type Finish, findFinish } from './finish.js';
import { firstOutside, joinRuns, withIndexes } from './indexes.js';
import { endedAt, replacesOnlyFailed } from './pod-facts.js';
import { indexedPods, podOf } from './pod-template.js';
import { surplusPods } from './surplus.js';
import { indexesOf, isIndexed, tally, type Tally, triesBefore } from './tally.js';

/** Most pods made or removed in one pass (MaxPodCreateDeletePerSync). */
export const MAX_PODS_PER_PASS = 500;

/** What a pass over a Job starts from. */
export interface JobView {
  /** One that is neither finished nor managed by somebody else. */
  readonly job: Job;
  /** Its pods; those that ended and are not tracked any more may be left out. */
  readonly pods: readonly Pod[];
  readonly backoff: Backoff;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What is to happen to pods. */
export type PodStep =
  /** The Job is over: what still runs is ended, and counted when it did. */
  | { readonly do: 'end'; readonly pods: readonly Pod[] }
  /** More run than should: some go, and do not count. */
  | { readonly do: 'drop'; readonly pods: readonly Pod[] }
  | { readonly do: 'make'; readonly pods: readonly Pod[] }
  | { readonly do: 'nothing' };

/** The first half of a pass: what the pods come to and what is to happen to them. What to write about it is {@link planStatus}'s to say. */
export interface JobPlan {
  readonly tally: Tally;
  readonly finish: Finish | undefined;
  readonly step: PodStep;
  /** When the Job began, if that is not written down yet. */
  readonly startTime: string | undefined;
  /** Holds once the status is written. */
  readonly backoff: Backoff;
  readonly againAfterMs: number | undefined;
}

/** Decides the first half of a pass (syncJob, manageJob). Pure. */
export function planJob({ job, pods, backoff: before, now }: JobView): JobPlan {
  const counts = tally(job, pods);
  const backoff = backoffAfter(before, counts.newSucceeded, counts.newFailed);
  const startTime = job.status?.startTime === undefined && job.spec.suspend !== true ? timeOfMillis(now) : undefined;
  const finish = findFinish(job, pods, counts, now);
  const base = { tally: counts, finish, startTime, backoff };
  if (finish !== undefined) return { ...base, step: counts.active.length === 0 ? NOTHING : { do: 'end', pods: counts.active }, againAfterMs: undefined };
  const { step, waitMs } = job.metadata.deletionTimestamp === undefined ? manage(job, pods, counts, backoff, now) : { step: NOTHING, waitMs: undefined };
  const waits = [waitMs, deadlineLeft(job, now)].filter((wait) => wait !== undefined);
  return { ...base, step, againAfterMs: waits.length === 0 ? undefined : Math.max(1, Math.min(...waits)) };
}

const NOTHING: PodStep = { do: 'nothing' };

interface Managed {
  readonly step: PodStep;
  /** Milliseconds until more can be done. */
  readonly waitMs: number | undefined;
}

function manage(job: Job, pods: readonly Pod[], counts: Tally, backoff: Backoff, now: number): Managed {
  const { active, indexes } = counts;
  const suspended = job.spec.suspend === true;
  const wanted = suspended ? 0 : wantedActive(job, counts);
  const drop = surplusPods(active, Math.max(0, active.length - wanted), indexes?.completions);
  if (drop.length > 0) return { step: { do: 'drop', pods: suspended ? drop : drop.slice(0, MAX_PODS_PER_PASS) }, waitMs: undefined };
  const missing = Math.min(wanted - active.length - (replacesOnlyFailed(job) ? counts.terminating : 0), MAX_PODS_PER_PASS);
  if (suspended || missing <= 0) return { step: NOTHING, waitMs: undefined };
  if (job.spec.backoffLimitPerIndex === undefined) {
    const waitMs = backoffLeft(backoff, now);
    if (waitMs > 0) return { step: NOTHING, waitMs };
  }
  if (!isIndexed(job) || indexes === undefined) return { step: { do: 'make', pods: Array.from({ length: missing }, () => podOf(job)) }, waitMs: undefined };
  return makeIndexed(job, pods, counts, missing, now);
}

/** How many pods should run (the middle of manageJob). */
function wantedActive({ spec }: Job, { active, succeeded }: Tally): number {
  const { completions, parallelism = 1 } = spec;
  // Without a number of completions the first success says that all is done: nothing new is begun, and what runs may end by itself.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

function makeIndexed(job: Job, pods: readonly Pod[], { active, indexes }: Tally, missing: number, now: number): Managed {
  if (indexes === undefined) return { step: NOTHING, waitMs: undefined };
  const { completions, succeeded, failed = [], waiting } = indexes;
  const busy = indexesOf(active, completions);
  if (replacesOnlyFailed(job)) for (const index of indexesOf(pods.filter(isPodTerminating), completions)) busy.add(index);
  const taken = joinRuns(withIndexes(succeeded, busy), failed);
  let waitMs = Infinity;
  const due = firstOutside(taken, missing, completions).filter((index) => {
    const last = waiting.get(index);
    const left = last === undefined ? 0 : backoffLeft({ failures: triesBefore(last) + 1, lastFailure: endedAt(last) }, now);
    if (left > 0) waitMs = Math.min(waitMs, left);
    return left === 0;
  });
  const make = indexedPods(job);
  const step: PodStep = due.length === 0 ? NOTHING : { do: 'make', pods: due.map((index) => make(index, waiting.get(index))) };
  return { step, waitMs: waitMs === Infinity ? undefined : waitMs };
}
