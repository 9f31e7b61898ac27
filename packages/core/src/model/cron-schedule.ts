import { type TimeZone, timeZone, utc } from './time-zone.js';

// The syntax of robfig/cron's ParseStandard, which is what Kubernetes means by a schedule.

/** When a schedule is due: at a fixed distance from the last time, or whenever a clock on the wall shows one of these. */
export type CronSchedule = IntervalSchedule | ClockSchedule;

/** `@every 1h30m`. */
export interface IntervalSchedule {
  readonly kind: 'interval';
  /** Whole seconds, at least one. */
  readonly everyMs: number;
}

/** Five fields; each member tells by the number itself whether that minute, hour … is due. */
export interface ClockSchedule {
  readonly kind: 'clock';
  readonly zone: TimeZone;
  readonly minutes: readonly boolean[];
  readonly hours: readonly boolean[];
  readonly days: readonly boolean[];
  readonly months: readonly boolean[];
  readonly weekdays: readonly boolean[];
  /** Whether a day must fit both the day of the month and that of the week (one of them is a star), or one of the two. */
  readonly bothDays: boolean;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MINUTES: Bounds = { min: 0, max: 59 };
const HOURS: Bounds = { min: 0, max: 23 };
const DAYS: Bounds = { min: 1, max: 31 };
const MONTHS: Bounds = { min: 1, max: 12, names: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] };
const WEEKDAYS: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };
const FIELDS = [MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS];

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const EVERY = '@every ';

/**
 * Reads a schedule: five fields or a descriptor, perhaps after `TZ=<zone> ` or `CRON_TZ=<zone> `; without a zone it is meant in UTC.
 * Throws RangeError with robfig/cron's message.
 */
export function parseCronSchedule(text: string): CronSchedule {
  if (text === '') throw new RangeError('empty spec string');
  const { zone, rest } = zoneOf(text);
  if (rest.startsWith(EVERY)) return { kind: 'interval', everyMs: intervalOf(rest) };
  const descriptor = Object.hasOwn(DESCRIPTORS, rest) ? DESCRIPTORS[rest] : undefined;
  if (descriptor === undefined && rest.startsWith('@')) throw new RangeError(`unrecognized descriptor: ${rest}`);
  const fields = (descriptor ?? rest).split(/\s+/).filter((field) => field !== '');
  if (fields.length !== FIELDS.length) throw new RangeError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const parsed = FIELDS.map((bounds, i) => fieldOf(fields[i] as string, bounds));
  const [minutes, hours, days, months, weekdays] = parsed.map(({ due }) => due) as [boolean[], boolean[], boolean[], boolean[], boolean[]];
  return { kind: 'clock', zone, minutes, hours, days, months, weekdays, bothDays: parsed[2]?.star === true || parsed[4]?.star === true };
}

function zoneOf(text: string): { readonly zone: TimeZone; readonly rest: string } {
  if (!text.startsWith('TZ=') && !text.startsWith('CRON_TZ=')) return { zone: utc, rest: text };
  const space = text.indexOf(' ');
  // robfig/cron panics here; Kubernetes catches that and calls the schedule invalid.
  if (space < 0) throw new RangeError('unparseable schedule: a time zone without a schedule');
  const name = text.slice(text.indexOf('=') + 1, space);
  const zone = timeZone(name);
  if (zone === undefined) throw new RangeError(`provided bad location ${name}: unknown time zone ${name}`);
  return { zone, rest: text.slice(space).trim() };
}

/** What a field allows; `star` when it is one that restricts nothing. */
function fieldOf(text: string, bounds: Bounds): { readonly due: boolean[]; readonly star: boolean } {
  const due = Array.from({ length: bounds.max + 1 }, () => false);
  let star = false;
  for (const part of text.split(',')) {
    if (part === '') continue;
    const range = rangeOf(part, bounds);
    for (let value = range.from; value <= range.to; value += range.step) due[value] = true;
    star ||= range.star;
  }
  return { due, star };
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly star: boolean;
}

function rangeOf(text: string, { min, max, names }: Bounds): Range {
  const [span = '', stepText, ...more] = text.split('/');
  const ends = span.split('-');
  const isStar = ends[0] === '*' || ends[0] === '?';
  let [from, to] = [min, max];
  if (!isStar) {
    from = numberOf(ends[0] as string, names);
    to = ends.length === 1 ? from : numberOf(ends[1] as string, names);
    if (ends.length > 2) throw new RangeError(`too many hyphens: ${text}`);
  }
  if (more.length > 0) throw new RangeError(`too many slashes: ${text}`);
  const step = stepText === undefined ? 1 : numberOf(stepText);
  // `5/15` means `5-59/15`.
  if (stepText !== undefined && ends.length === 1) to = max;
  if (from < min) throw new RangeError(`beginning of range (${from}) below minimum (${min}): ${text}`);
  if (to > max) throw new RangeError(`end of range (${to}) above maximum (${max}): ${text}`);
  if (from > to) throw new RangeError(`beginning of range (${from}) beyond end of range (${to}): ${text}`);
  if (step === 0) throw new RangeError(`step of range should be a positive number: ${text}`);
  return { from, to, step, star: isStar && step === 1 };
}

function numberOf(text: string, names: readonly string[] = []): number {
  const named = text === '' ? -1 : names.indexOf(text.toLowerCase());
  if (named >= 0) return named;
  if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(Number(text))) throw new RangeError(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (value < 0) throw new RangeError(`negative number (${value}) not allowed: ${text}`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** The longest that Go's time.Duration can say, in milliseconds. */
const LONGEST = 2 ** 63 / 1e6;

/** The distance in `@every <duration>`, in whole seconds and at least one (cron.Every). */
function intervalOf(descriptor: string): number {
  const text = descriptor.slice(EVERY.length);
  const bad = (why: string): RangeError => new RangeError(`failed to parse duration ${descriptor}: time: ${why} duration ${JSON.stringify(text)}`);
  if (!DURATION.test(text)) throw bad('invalid');
  let millis = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(/([\d.]+)([a-zµμ]+)/g)) millis += Number(amount) * (UNITS[unit] ?? 0);
  if (millis >= LONGEST) throw bad('invalid');
  return text.startsWith('-') || millis < 1000 ? 1000 : Math.floor(millis / 1000) * 1000;
}
