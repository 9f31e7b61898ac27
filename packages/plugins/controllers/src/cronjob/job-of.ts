import { type CronJob, type Job, millisOfTime, type TimeZone, timeOfMillis, timeZone, utc } from '@orrery/core';
import { controllerRefOf } from '../shared/claim.js';
import { cronJobName } from './due.js';

/** The time of the schedule that a Job was made for, as an annotation. */
export const SCHEDULED_ANNOTATION = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

/** The Job of a CronJob for a time of its schedule, in milliseconds since the epoch (getJobFromTemplate2). Pure. */
export function jobOf(cronJob: CronJob, time: number): Job {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const zone = timeZone(cronJob.spec.timeZone ?? '') ?? utc;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: cronJobName(cronJob.metadata.name ?? '', time),
      ...(cronJob.metadata.namespace !== undefined && { namespace: cronJob.metadata.namespace }),
      ...(metadata?.labels !== undefined && { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [SCHEDULED_ANNOTATION]: timeIn(zone, time) },
      ownerReferences: [controllerRefOf(cronJob)],
    },
    spec,
  };
}

/** The time of the schedule that a Job was made for, in milliseconds since the epoch; undefined for one that somebody else made. */
export function scheduledTimeOf({ metadata }: Job): number | undefined {
  const text = metadata.annotations?.[SCHEDULED_ANNOTATION];
  return text === undefined ? undefined : millisOfTime(text);
}

/** RFC 3339 with the offset that clocks in the zone have then. */
function timeIn(zone: TimeZone, time: number): string {
  const offset = Math.round(zone.offsetAt(time) / 60_000);
  if (offset === 0) return timeOfMillis(time);
  const size = Math.abs(offset);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${timeOfMillis(time + offset * 60_000).slice(0, -1)}${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
