import { type Job, millisOfTime, type Pod } from '@orrery/core';
import { trueCondition } from '../shared/jobs.js';
import { judgeFailure } from './failure-policy.js';
import { countIndexes } from './indexes.js';
import { isFailed } from './pod-facts.js';
import { enoughSucceeded } from './success-policy.js';
import type { Tally } from './tally.js';

/**
 * That a Job is over. `FailureTarget` and `SuccessCriteriaMet` come first and say how it will end; once all pods are gone and counted,
 * `Failed` or `Complete` follow, which never change again.
 */
export interface Finish {
  readonly type: 'FailureTarget' | 'SuccessCriteriaMet';
  readonly reason: string;
  readonly message: string;
}

/** Whether a Job is over by its limits and policies, or what has been said before (the part of syncJob before manageJob). Pure; `now` in milliseconds. */
export function findFinish(job: Job, pods: readonly Pod[], tally: Tally, now: number): Finish | undefined {
  const { spec } = job;
  for (const type of ['SuccessCriteriaMet', 'FailureTarget'] as const) {
    const said = trueCondition(job, type);
    if (said !== undefined) return { type, reason: said.reason ?? '', message: said.message ?? '' };
  }
  const failure = (reason: string, message: string): Finish => ({ type: 'FailureTarget', reason, message });
  if (spec.podFailurePolicy !== undefined) {
    for (const pod of pods) {
      const why = isFailed(pod, job) ? judgeFailure(spec.podFailurePolicy, pod).failsJob : undefined;
      if (why !== undefined) return failure('PodFailurePolicy', why);
    }
  }
  const limit = spec.backoffLimit ?? 0;
  if (tally.failed > limit || restartedTooOften(job, pods, limit)) return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const left = deadlineLeft(job, now);
  if (left !== undefined && left <= 0) return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  return tally.indexes === undefined ? undefined : finishByIndexes(job, tally.indexes, failure);
}

function finishByIndexes({ spec }: Job, { completions, succeeded, failed = [] }: NonNullable<Tally['indexes']>, failure: (reason: string, message: string) => Finish): Finish | undefined {
  const failures = countIndexes(failed);
  if (spec.maxFailedIndexes !== undefined && failures > spec.maxFailedIndexes) {
    return failure('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  if (failures > 0 && failures + countIndexes(succeeded) >= completions) return failure('FailedIndexes', 'Job has failed indexes');
  const message = enoughSucceeded(spec.successPolicy, completions, succeeded);
  return message === undefined ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message };
}

/** Containers that are restarted in their pods count as failures as well (pastBackoffLimitOnFailure). */
function restartedTooOften({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec.template.spec.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const { restartCount = 0 } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) restarts += restartCount;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** Milliseconds until the deadline of a Job that is not suspended; undefined without one. */
export function deadlineLeft(job: Job, now: number): number | undefined {
  const { spec, status } = job;
  if (spec.activeDeadlineSeconds === undefined || spec.suspend === true) return undefined;
  // A Job that goes on begins in this pass, whatever its status still says.
  const begins = status?.startTime === undefined || trueCondition(job, 'Suspended') !== undefined;
  const start = begins ? now : (millisOfTime(status.startTime ?? '') ?? now);
  return start + spec.activeDeadlineSeconds * 1000 - now;
}
