import { parseCronSchedule } from '../cron-schedule.js';
import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { CronJob, CronJobSpec } from '../kinds/cronjob.js';
import { timeZone } from '../time-zone.js';
import { notNegative, oneOf } from './checks.js';
import type { Errors } from './checks.js';
import { checkJobSpec } from './job.js';

/** A Job's name has 63 characters at most, and the controller appends 11. */
const MAX_NAME = 52;
const ZONE_PART = /^[A-Za-z.\-_0-9+]{1,14}$/;

/** What is wrong with a CronJob, whether new or changed (validateCronJobSpec). */
export function validateCronJob({ spec }: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.schedule === '') errors.push(fieldError.required('spec.schedule'));
  else checkSchedule(errors, spec.schedule);
  notNegative(errors, 'spec.startingDeadlineSeconds', spec.startingDeadlineSeconds);
  oneOf(errors, 'spec.concurrencyPolicy', spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace']);
  const template = spec.jobTemplate.spec;
  checkJobSpec(errors, 'spec.jobTemplate.spec', template);
  if (template.selector !== undefined) errors.push(fieldError.invalid('spec.jobTemplate.spec.selector', template.selector, '`selector` will be auto-generated'));
  if (template.manualSelector === true) errors.push(fieldError.notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']));
  notNegative(errors, 'spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit);
  notNegative(errors, 'spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit);
  return errors;
}

/** What is wrong with a new CronJob besides that. */
export function validateCronJobCreate({ metadata, spec }: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  checkZoneInSchedule(errors, spec, false);
  checkTimeZone(errors, spec.timeZone);
  if (Buffer.byteLength(metadata.name ?? '') > MAX_NAME) errors.push(fieldError.invalid('metadata.name', metadata.name, `must be no more than ${MAX_NAME} characters`));
  return errors;
}

/** What is wrong with a change of a CronJob: a zone in the schedule that was there before rules forbade it may stay, and so may an unknown zone. */
export function validateCronJobUpdate({ spec }: CronJob, old: CronJob): FieldError[] {
  const errors: FieldError[] = [];
  checkZoneInSchedule(errors, spec, old.spec.schedule.includes('TZ'));
  if (spec.timeZone !== old.spec.timeZone) checkTimeZone(errors, spec.timeZone);
  return errors;
}

function checkSchedule(errors: Errors, schedule: string): void {
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    errors.push(fieldError.invalid('spec.schedule', schedule, error.message));
  }
}

function checkZoneInSchedule(errors: Errors, { schedule, timeZone: zone }: CronJobSpec, allowed: boolean): void {
  if (!schedule.includes('TZ')) return;
  if (!allowed) errors.push(fieldError.invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (zone !== undefined) errors.push(fieldError.invalid('spec.schedule', schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
}

function checkTimeZone(errors: Errors, zone: string | undefined): void {
  if (zone === undefined) return;
  const wrong = (detail: string): void => void errors.push(fieldError.invalid('spec.timeZone', zone, detail));
  if (zone === '') return wrong('timeZone must be nil or non-empty string');
  if (zone.split('/').some((part) => part === '.' || part === '..' || part.startsWith('-') || !ZONE_PART.test(part))) return wrong(`unknown time zone ${zone}`);
  if (zone.toLowerCase() === 'local') wrong('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  else if (timeZone(zone) === undefined) wrong(`unknown time zone ${zone}`);
}
