/** The offsets of a time zone. */
export interface TimeZone {
  readonly name: string;
  /** Milliseconds by which local time is ahead of UTC at a moment (milliseconds since the epoch). */
  offsetAt(millis: number): number;
}

const DAY = 86_400_000;
/** Days whose offset is remembered, a zone: more than five years, which is as far as schedules look. */
const MAX_DAYS = 4096;
/** Zones that are remembered; there are about 420, and names that are other names for them. */
const MAX_ZONES = 1024;
const PART = /^[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}$/;
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** Coordinated universal time. */
export const utc: TimeZone = { name: 'UTC', offsetAt: () => 0 };

const known = new Map<string, TimeZone>();

/**
 * A time zone by its name in the IANA database, as Go's time.LoadLocation finds it (so `''` is UTC, and case matters); undefined when there is none.
 * The rules are those of the ICU data that Node comes with. `Local` is not known: what a schedule means must not depend on the machine.
 */
export function timeZone(name: string): TimeZone | undefined {
  if (name === '' || name === 'UTC') return utc;
  const found = known.get(name);
  if (found !== undefined) return found;
  const zone = name.split('/').every((part) => PART.test(part) && part !== '.' && part !== '..') ? load(name) : undefined;
  if (zone !== undefined) {
    if (known.size >= MAX_ZONES) known.clear();
    known.set(name, zone);
  }
  return zone;
}

function load(name: string): TimeZone | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return hasItsCase(name, format.resolvedOptions().timeZone) ? { name, offsetAt: offsets(format) } : undefined;
}

/** Intl takes names in any case. What it makes of one may be another name of the zone: then at least each part must begin as names do. */
function hasItsCase(name: string, canonical: string): boolean {
  if (name.toLowerCase() === canonical.toLowerCase()) return name === canonical;
  return name.split('/').every((part) => !/^[a-z]/.test(part));
}

/** Asking Intl costs a microsecond, so the offset at the beginning of each day is kept; only on days on which it changes the moment is searched. */
function offsets(format: Intl.DateTimeFormat): (millis: number) => number {
  const starts = new Map<number, number>();
  const changes = new Map<number, number>();
  const read = (millis: number): number => {
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = OFFSET.exec(format.format(millis)) ?? [];
    const size = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
    return sign === '-' ? -size : size;
  };
  const startOf = (day: number): number => {
    let offset = starts.get(day);
    if (offset === undefined) {
      if (starts.size >= MAX_DAYS) starts.clear();
      starts.set(day, (offset = read(day * DAY)));
    }
    return offset;
  };
  const changeOn = (day: number, before: number): number => {
    let change = changes.get(day);
    if (change === undefined) {
      if (changes.size >= MAX_DAYS) changes.clear();
      changes.set(day, (change = firstSecondWithout(before, day, read)));
    }
    return change;
  };
  return (millis) => {
    const day = Math.floor(millis / DAY);
    const [before, after] = [startOf(day), startOf(day + 1)];
    return before === after || millis < changeOn(day, before) ? before : after;
  };
}

function firstSecondWithout(before: number, day: number, read: (millis: number) => number): number {
  let [low, high] = [day * (DAY / 1000), (day + 1) * (DAY / 1000)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (read(middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}
