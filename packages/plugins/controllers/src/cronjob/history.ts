import { type CronJob, type Job, millisOfTime } from '@orrery/core';
import { finishedCondition } from '../shared/jobs.js';

/** The finished Jobs that are more than a CronJob keeps, oldest first (cleanupFinishedJobs). Those that are being deleted count as gone. Pure. */
export function beyondHistory({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const there = jobs.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const oldest = (type: string, limit: number | undefined): readonly Job[] => {
    if (limit === undefined) return [];
    const finished = there.filter((job) => finishedCondition(job)?.type === type);
    return finished.sort(byStart).slice(0, Math.max(0, finished.length - limit));
  };
  return [...oldest('Complete', spec.successfulJobsHistoryLimit), ...oldest('Failed', spec.failedJobsHistoryLimit)];
}

/** By the time they began; those that never did last; by name when that is the same. */
function byStart(a: Job, b: Job): number {
  const [x, y] = [a, b].map(({ status }) => (status?.startTime === undefined ? Infinity : (millisOfTime(status.startTime) ?? Infinity))) as [number, number];
  return x === y ? compareText(a.metadata.name ?? '', b.metadata.name ?? '') : x - y;
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
