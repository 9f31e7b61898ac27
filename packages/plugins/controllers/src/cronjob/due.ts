import type { CronSchedule } from '@orrery/core';
import { nextTime } from './next-time.js';

/** Times of a schedule that went by without a Job. */
export type Missed = 'none' | 'few' | 'many';

/** What decides when a CronJob is due; milliseconds since the epoch. */
export interface DueView {
  readonly schedule: CronSchedule;
  /** When the CronJob was made. */
  readonly created: number;
  /** The time of the schedule for which the last Job was made. */
  readonly lastSchedule: number | undefined;
  readonly startingDeadlineSeconds: number | undefined;
  readonly now: number;
}

/** Which time of the schedule is to be served. */
export interface Due {
  /** The time from which the schedule is followed. */
  readonly earliest: number;
  /** The latest time that came, if one did. */
  readonly mostRecent: number | undefined;
  readonly missed: Missed;
  /** The time after that, which is yet to come; undefined when there is none, or nothing was found although times were missed. */
  readonly next: number | undefined;
}

/** Clocks of several machines differ a little: a look at the schedule comes so much later than the time it waits for. */
const PADDING_MS = 100;
const MANY = 100;
/** Number of seconds in milliseconds. */
const SECOND = 1000;

/**
 * The latest time that came and has not been served, and whether others were left out (mostRecentScheduleTime). With `withDeadline` times that are
 * too old to be served are not looked at. Undefined for a schedule that is never due, such as the 31st of February. Pure.
 */
export function findDue({ schedule, created, lastSchedule, startingDeadlineSeconds, now }: DueView, withDeadline: boolean): Due | undefined {
  const since = lastSchedule ?? created;
  const earliest = withDeadline && startingDeadlineSeconds !== undefined ? Math.max(since, now - startingDeadlineSeconds * SECOND) : since;
  const first = nextTime(schedule, earliest);
  if (first === undefined) return undefined;
  if (now < first) return { earliest, mostRecent: undefined, missed: 'none', next: first };
  const second = nextTime(schedule, first);
  if (second === undefined) return undefined;
  if (now < second) return { earliest, mostRecent: first, missed: 'none', next: second };
  const step = Math.round((second - first) / SECOND);
  if (step < 1) return undefined;
  // How often it was due is an estimate. From a little before the latest of these times on the schedule itself is asked, so that even those of
  // uneven schedules are right, and the cost does not grow with the time that passed.
  const count = Math.floor(Math.floor((now - first) / SECOND) / step) + 1;
  let mostRecent: number | undefined;
  let next = nextTime(schedule, first + (count - 2) * step * SECOND);
  for (; next !== undefined && next <= now; next = nextTime(schedule, next)) mostRecent = next;
  return { earliest, mostRecent, missed: count > MANY ? 'many' : 'few', next: mostRecent === undefined ? undefined : next };
}

/**
 * Milliseconds from now until the schedule is to be looked at again (nextScheduleTimeDuration); undefined when it is never due again.
 * `known` is what {@link findDue} found without a deadline, if it was asked. Pure.
 */
export function untilNext(view: DueView, known?: Due): number | undefined {
  const { schedule, now } = view;
  const due = known ?? findDue(view, false);
  const next = due?.next ?? (due !== undefined && due.mostRecent !== undefined ? undefined : nextTime(schedule, now));
  return next === undefined ? undefined : next + PADDING_MS - now;
}

/** The name of the Job for a time of the schedule: the same however often it is tried, so that a Job is never made twice. Pure. */
export const cronJobName = (cronJob: string, time: number): string => `${cronJob}-${Math.floor(time / 60_000)}`;
