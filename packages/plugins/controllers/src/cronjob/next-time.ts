import type { ClockSchedule, CronSchedule, TimeZone } from '@orrery/core';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How far ahead a schedule is searched. */
const YEARS = 5;

/**
 * The first time after `after` at which a schedule is due; both in milliseconds since the epoch, the answer in whole seconds.
 * Undefined when there is none within five years. Pure, and step by step what robfig/cron does, because that decides what happens when clocks change:
 * a time that does not exist on a day is left out on that day, and one that exists twice is due twice.
 */
export function nextTime(schedule: CronSchedule, after: number): number | undefined {
  const second = Math.floor(after / SECOND) * SECOND;
  return schedule.kind === 'interval' ? second + schedule.everyMs : search(schedule, second + SECOND);
}

function search(schedule: ClockSchedule, from: number): number | undefined {
  const { zone, months, hours, minutes } = schedule;
  let t = from;
  let at = wallTime(zone, t);
  const lastYear = at.year + YEARS;
  // What lies before the first field that had to be moved on does not matter any more.
  let moved = false;
  const move = (to: number): void => void (at = wallTime(zone, (t = to)));
  const cut = (to: number): void => {
    if (moved) return;
    moved = true;
    move(to);
  };

  again: while (at.year <= lastYear) {
    while (months[at.month] !== true) {
      cut(moment(zone, at.year, at.month, 1));
      move(moment(zone, at.year, at.month + 1, at.day, at.millis));
      if (at.month === 1) continue again;
    }
    while (!isDue(schedule, at)) {
      cut(moment(zone, at.year, at.month, at.day));
      move(moment(zone, at.year, at.month, at.day + 1, at.millis));
      // There are days without midnight.
      const hour = hourOf(at);
      if (hour !== 0) move(t + (hour > 12 ? 24 - hour : -hour) * HOUR);
      if (at.day === 1) continue again;
    }
    while (hours[hourOf(at)] !== true) {
      cut(moment(zone, at.year, at.month, at.day, hourOf(at) * HOUR));
      const first = hours.indexOf(true, hourOf(at) + 1);
      move(ahead(zone, t, ((first < 0 ? 24 : first) - hourOf(at)) * HOUR, HOUR));
      if (at.millis < HOUR) continue again;
    }
    while (minutes[minuteOf(at)] !== true) {
      cut(Math.floor(t / MINUTE) * MINUTE);
      const first = minutes.indexOf(true, minuteOf(at) + 1);
      move(ahead(zone, t, ((first < 0 ? 60 : first) - minuteOf(at)) * MINUTE, MINUTE));
      if (minuteOf(at) === 0) continue again;
    }
    if (at.millis % MINUTE === 0) return t;
    moved = true;
    move(t + MINUTE - (at.millis % MINUTE));
  }
  return undefined;
}

function isDue({ days, weekdays, bothDays }: ClockSchedule, { day, weekday }: WallTime): boolean {
  return bothDays ? days[day] === true && weekdays[weekday] === true : days[day] === true || weekdays[weekday] === true;
}

/** Many steps at once, unless clocks change on the way: then one. */
const ahead = (zone: TimeZone, t: number, whole: number, step: number): number => t + (zone.offsetAt(t) === zone.offsetAt(t + whole) ? whole : step);

/** What calendars and clocks of a zone show. */
interface WallTime {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  /** From 1. */
  readonly day: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  /** Since midnight, by the clock. */
  readonly millis: number;
}

const hourOf = ({ millis }: WallTime): number => Math.floor(millis / HOUR);
const minuteOf = ({ millis }: WallTime): number => Math.floor(millis / MINUTE) % 60;

function wallTime(zone: TimeZone, t: number): WallTime {
  const local = t + zone.offsetAt(t);
  const days = Math.floor(local / DAY);
  return { ...dateOfDay(days), weekday: (((days + 4) % 7) + 7) % 7, millis: local - days * DAY };
}

/** The moment of a wall time, where it exists once; else as Go's time.Date chooses. Days and months beyond the last count on. */
function moment(zone: TimeZone, year: number, month: number, day: number, millis = 0): number {
  const local = (dayOfDate(year + Math.floor((month - 1) / 12), ((month - 1) % 12) + 1, 1) + day - 1) * DAY + millis;
  const guess = local - zone.offsetAt(local);
  return local - zone.offsetAt(guess);
}

// Days since the epoch and dates of the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms"): years begin in March, eras have 400 years.
const ERA = 146_097;
const EPOCH = 719_468;

function dayOfDate(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * ERA + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - EPOCH;
}

function dateOfDay(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const z = days + EPOCH;
  const era = Math.floor(z / ERA);
  const dayOfEra = z - era * ERA;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1 };
}
