import { type CronJob, type CronJobStatus, type CronSchedule, type Job, millisOfTime, parseCronSchedule, timeOfMillis, timeZone } from '@orrery/core';
import { finishedCondition } from '../shared/jobs.js';
import { type Due, type DueView, findDue, untilNext } from './due.js';
import { beyondHistory } from './history.js';
import { jobOf, scheduledTimeOf } from './job-of.js';

/** What a pass over a CronJob starts from. */
export interface CronView {
  readonly cronJob: CronJob;
  /** The Jobs it controls. */
  readonly jobs: readonly Job[];
  /** UIDs in `status.active` of Jobs that are really gone. */
  readonly gone: ReadonlySet<string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Times up to this one are not made up for, because the schedule was another one then; milliseconds since the epoch. */
  readonly since?: number | undefined;
}

/** Something to tell about a CronJob. */
export interface CronEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** What the event is about when it holds for several passes, which is told once. */
  readonly once?: string;
}

/** What is to happen. */
export interface CronPlan {
  /** What is known before anything is done; what is done changes it further. */
  readonly status: CronJobStatus;
  /** Jobs that go: those beyond the history. */
  readonly forget: readonly Job[];
  /** Jobs that go so that a new one can take their place: without that none is made. */
  readonly replace: readonly ActiveJob[];
  readonly make: { readonly job: Job; readonly time: number } | undefined;
  readonly events: readonly CronEvent[];
  readonly againAfterMs: number | undefined;
}

/** An entry of `status.active`. */
export type ActiveJob = NonNullable<CronJobStatus['active']>[number];

/** Decides a pass (syncCronJob, cleanupFinishedJobs). Pure. */
export function planCronJob(view: CronView): CronPlan {
  const { cronJob, jobs } = view;
  // A Job is what shows that its time was served until the status does: before then it must not go.
  const noted = millis(cronJob.status?.lastScheduleTime) ?? -Infinity;
  const forget = beyondHistory(cronJob, jobs).filter((job) => (scheduledTimeOf(job) ?? noted) <= noted);
  const { status, events } = reviewed(view);
  const rest: CronPlan = { status, forget, replace: [], make: undefined, events, againAfterMs: undefined };
  if (cronJob.metadata.deletionTimestamp !== undefined) return rest;
  const schedule = scheduleOf(cronJob);
  const warnings = schedule.events;
  if (schedule.schedule === undefined || cronJob.spec.suspend === true) return { ...rest, events: [...events, ...(cronJob.spec.suspend === true ? [] : warnings)] };
  const times = dueView(view, schedule.schedule, status);
  const due = findDue(times, true);
  const next = due === undefined ? neverDue(cronJob) : nextJob(view, due, status);
  return { ...rest, replace: next.replace ?? [], make: next.make, events: [...events, ...warnings, ...next.events], againAfterMs: due && untilNextAfter(times, due, next.make?.time) };
}

/** What became of the Jobs: which are active, which ended, which nobody knows of. */
function reviewed({ cronJob, jobs, gone }: CronView): { readonly status: CronJobStatus; readonly events: readonly CronEvent[] } {
  const { status = {} } = cronJob;
  const events: CronEvent[] = [];
  const byUid = new Map(jobs.map((job) => [job.metadata.uid ?? '', job]));
  const active = (status.active ?? []).filter(({ uid = '', name = '' }) => {
    const job = byUid.get(uid);
    const ended = job && finishedCondition(job);
    if (ended !== undefined) events.push({ type: 'Normal', reason: 'SawCompletedJob', message: `Saw completed job: ${name}, condition: ${ended.type}` });
    else if (gone.has(uid)) events.push({ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${name}` });
    return ended === undefined && !gone.has(uid);
  });
  let { lastSuccessfulTime: lastSuccess } = status;
  let lastSchedule = millis(status.lastScheduleTime);
  for (const job of jobs) {
    const completed = finishedCondition(job)?.type === 'Complete' ? job.status?.completionTime : undefined;
    if (completed !== undefined && (millis(completed) ?? 0) > (millis(lastSuccess) ?? -Infinity)) lastSuccess = completed;
    const served = scheduledTimeOf(job);
    if (served !== undefined && served > (lastSchedule ?? -Infinity)) lastSchedule = served;
    if (finishedCondition(job) !== undefined || active.some(({ uid }) => uid === job.metadata.uid)) continue;
    const { name = '', uid = '' } = job.metadata;
    // Made by this controller, which died before it could write that down: it counts as if it had. Jobs made by hand run beside the schedule.
    if (served !== undefined) active.push(referenceTo(job));
    else events.push({ type: 'Warning', reason: 'UnexpectedJob', message: `Saw a job that the controller did not create or forgot: ${name}`, once: uid });
  }
  return { status: statusOf(active, lastSchedule, lastSuccess), events };
}

const millis = (time: string | undefined): number | undefined => (time === undefined ? undefined : millisOfTime(time));

/** A status in which nothing is empty, as the server writes it. */
export function statusOf(active: readonly ActiveJob[], lastSchedule: number | undefined, lastSuccessfulTime: string | undefined): CronJobStatus {
  return {
    ...(active.length > 0 && { active: [...active] }),
    ...(lastSchedule !== undefined && { lastScheduleTime: timeOfMillis(lastSchedule) }),
    ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
  };
}

/** How `status.active` names a Job. */
export function referenceTo({ apiVersion, kind, metadata: { namespace, name, uid, resourceVersion } }: Job): ActiveJob {
  return { apiVersion, kind, namespace, name, uid, resourceVersion };
}

function scheduleOf({ spec }: CronJob): { readonly schedule: CronSchedule | undefined; readonly events: readonly CronEvent[] } {
  const { schedule: text, timeZone: zone } = spec;
  const events: CronEvent[] = [];
  const warn = (reason: string, message: string): void => void events.push({ type: 'Warning', reason, message, once: message });
  if (zone !== undefined && timeZone(zone) === undefined) {
    warn('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(zone)}: unknown time zone ${zone}`);
    return { schedule: undefined, events };
  }
  const hasZone = text.includes('TZ');
  if (hasZone) {
    const see = 'see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
    warn('UnsupportedSchedule', `CRON_TZ or TZ used in schedule ${JSON.stringify(text)} is not officially supported, ${see}`);
  }
  try {
    return { schedule: parseCronSchedule(hasZone || zone === undefined ? text : `TZ=${zone} ${text}`), events };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    warn('UnparseableSchedule', `unparseable schedule: ${JSON.stringify(text)} : ${error.message}`);
    return { schedule: undefined, events };
  }
}

function dueView({ cronJob, now, since = -Infinity }: CronView, schedule: CronSchedule, status: CronJobStatus): DueView {
  const created = Math.max(millis(cronJob.metadata.creationTimestamp) ?? now, since);
  const served = millis(status.lastScheduleTime);
  return { schedule, created, lastSchedule: served === undefined ? undefined : Math.max(served, since), startingDeadlineSeconds: cronJob.spec.startingDeadlineSeconds, now };
}

/** The wait after a Job was made for a time, or for none. What was found without a deadline, or leads on from that time, need not be looked for again. */
function untilNextAfter(times: DueView, due: Due, served: number | undefined): number | undefined {
  if (served !== undefined) return untilNext({ ...times, lastSchedule: served }, served === due.mostRecent ? due : undefined);
  return untilNext(times, times.startingDeadlineSeconds === undefined ? due : undefined);
}

interface Next {
  readonly events: readonly CronEvent[];
  readonly replace?: readonly ActiveJob[];
  readonly make?: CronPlan['make'];
}

function neverDue({ spec: { schedule } }: CronJob): Next {
  const message = `invalid schedule: ${schedule} : time difference between two schedules is less than 1 second`;
  return { events: [{ type: 'Warning', reason: 'InvalidSchedule', message, once: message }] };
}

function nextJob({ cronJob, now }: CronView, due: Due, { active = [], lastScheduleTime }: CronJobStatus): Next {
  const { spec } = cronJob;
  const event = (type: CronEvent['type'], reason: string, message: string, time: number): CronEvent => ({ type, reason, message, once: `${reason} ${time}` });
  const time = due.mostRecent;
  if (time === undefined) return { events: [] };
  const tooMany = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
  const events = due.missed === 'many' ? [event('Warning', 'TooManyMissedTimes', tooMany, time)] : [];
  if (spec.startingDeadlineSeconds !== undefined && time + spec.startingDeadlineSeconds * 1000 < now) {
    return { events: [...events, event('Warning', 'MissSchedule', `Missed scheduled time to start a job: ${inMail(time)}`, time)] };
  }
  const job = jobOf(cronJob, time);
  if (active.some(({ name }) => name === job.metadata.name) || lastScheduleTime === timeOfMillis(time)) return { events };
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    return { events: [...events, event('Normal', 'JobAlreadyActive', 'Not starting job because prior execution is running and concurrency policy is Forbid', time)] };
  }
  return { events, replace: spec.concurrencyPolicy === 'Replace' ? active : [], make: { job, time } };
}

/** As in mail headers (time.RFC1123Z). */
const inMail = (time: number): string => new Date(time).toUTCString().replace('GMT', '+0000');
