import { type CronSchedule, millisOfTime, parseCronSchedule, timeOfMillis } from '@orrery/core';
import { cronJobName, type DueView, findDue, nextTime, untilNext } from '@orrery/controllers';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Schedules as robfig/cron reads them, and what the CronJob controller makes of them.

interface Input {
  readonly op: string;
  readonly schedule: string;
  readonly timeZone: string;
  readonly after: string;
  readonly count: number;
  readonly now: string;
  readonly creationTimestamp: string;
  readonly lastScheduleTime?: string;
  readonly startingDeadlineSeconds?: number;
}

/** Schedules and missed times. */
export const cron: Family = { family: 'cron', files: ['cron'], prepare: () => run };

/** Go's shortest duration, in seconds: what is left until a time that never comes. */
const NEVER = -9223372036.854776;

function run({ input: raw, expected }: VectorCase): Outcome {
  const input = raw as unknown as Input;
  const schedule = read(input);
  if (input.op === 'next') return compare(schedule === undefined ? { valid: false } : { valid: true, next: times(schedule, input) }, expected);
  return schedule === undefined ? { ok: false, got: 'schedule is invalid' } : compare(due(schedule, input), expected);
}

function read({ schedule, timeZone }: Input): CronSchedule | undefined {
  try {
    return parseCronSchedule(timeZone === '' ? schedule : `TZ=${timeZone} ${schedule}`);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function times(schedule: CronSchedule, { after, count }: Input): (string | null)[] {
  const found: (string | null)[] = [];
  let t: number | undefined = millisOfTime(after);
  while (t !== undefined && found.length < count) {
    t = nextTime(schedule, t);
    found.push(t === undefined ? null : timeOfMillis(t));
  }
  return found;
}

function due(schedule: CronSchedule, { now, creationTimestamp, lastScheduleTime, startingDeadlineSeconds }: Input): object {
  const view: DueView = {
    schedule,
    created: millisOfTime(creationTimestamp) ?? 0,
    lastSchedule: lastScheduleTime === undefined ? undefined : millisOfTime(lastScheduleTime),
    startingDeadlineSeconds,
    now: millisOfTime(now) ?? 0,
  };
  const found = findDue(view, true);
  const wait = untilNext(view);
  const deadline = startingDeadlineSeconds === undefined ? 0 : view.now - startingDeadlineSeconds * 1000;
  return {
    error: found === undefined,
    earliest: timeOfMillis(found?.earliest ?? Math.max(view.lastSchedule ?? view.created, deadline)),
    missed: found?.missed ?? 'none',
    mostRecent: found?.mostRecent === undefined ? null : timeOfMillis(found.mostRecent),
    ...(found?.mostRecent !== undefined && { jobName: cronJobName('cj', found.mostRecent) }),
    nextInSeconds: wait === undefined ? NEVER : wait / 1000,
  };
}
