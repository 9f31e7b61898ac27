import { type Job, millisOfTime } from '@orrery/core';
import { finishedCondition } from '../shared/jobs.js';

/**
 * Milliseconds from `now` until a finished Job is to be removed, 0 or less when that is now; undefined for one that stays. It counts from when the Job finished,
 * so that clocks of who wrote that down and of who reads it should agree within the time it is kept. Pure.
 */
export function untilExpiry({ metadata, spec, status }: Job, now: number): number | undefined {
  const { ttlSecondsAfterFinished: seconds } = spec;
  const finished = finishedCondition({ status })?.lastTransitionTime;
  if (seconds === undefined || finished === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const since = millisOfTime(finished);
  return since === undefined ? undefined : since + seconds * 1000 - now;
}
