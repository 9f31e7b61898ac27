import { parseCronSchedule, timeZone } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findDue, untilNext } from './due.js';
import { nextTime } from './next-time.js';

const MINUTE = 60_000;
const at = (time: string): number => Date.parse(time);

const field = (min: number, max: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    fc.integer({ min, max }).map(String),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: 9 })).map(([a, step]) => `${a}/${step}`),
  );
const expression = fc.tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6)).map((fields) => fields.join(' '));
// Zones that shift by whole hours: by half an hour robfig/cron's steps of an hour go past some minutes, which the vectors show.
const zone = fc.constantFrom('UTC', 'America/New_York', 'Europe/Paris', 'Asia/Kolkata', 'Pacific/Apia', 'Africa/Casablanca');
const moment = fc.integer({ min: at('2023-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') });

describe('the next time of a schedule', () => {
  it('is the first minute at which clocks on the wall agree with it', () => {
    fc.assert(
      fc.property(expression, zone, moment, (text, name, after) => {
        const schedule = parseCronSchedule(`TZ=${name} ${text}`);
        if (schedule.kind !== 'clock') throw new Error('a clock was meant');
        const agrees = (t: number): boolean => {
          const wall = new Date(t + (timeZone(name)?.offsetAt(t) ?? Number.NaN));
          const [day, weekday] = [schedule.days[wall.getUTCDate()] === true, schedule.weekdays[wall.getUTCDay()] === true];
          const dayFits = schedule.bothDays ? day && weekday : day || weekday;
          return schedule.months[wall.getUTCMonth() + 1] === true && dayFits && schedule.hours[wall.getUTCHours()] === true && schedule.minutes[wall.getUTCMinutes()] === true;
        };
        const next = nextTime(schedule, after);
        const end = Math.min(next ?? Infinity, after + 4 * 24 * 60 * MINUTE);
        for (let t = (Math.floor(after / MINUTE) + 1) * MINUTE; t < end; t += MINUTE) if (agrees(t)) throw new Error(`${new Date(t).toISOString()} was left out`);
        expect(next === undefined || (next > after && next % MINUTE === 0 && agrees(next))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('is not there on the 31st of February', () => {
    expect(nextTime(parseCronSchedule('0 0 31 2 *'), at('2025-01-01T00:00:00Z'))).toBeUndefined();
  });

  it('of a distance is counted from the last one, in whole seconds', () => {
    expect(nextTime(parseCronSchedule('@every 90s'), at('2025-01-01T00:00:00.700Z'))).toBe(at('2025-01-01T00:01:30Z'));
  });
});

describe('what is due', () => {
  it('is the latest time that came, whatever went by before it, and the next look is after it', () => {
    fc.assert(
      fc.property(expression, zone, moment, fc.integer({ min: 0, max: 3 * 24 * 60 * MINUTE }), (text, name, created, passed) => {
        const schedule = parseCronSchedule(`TZ=${name} ${text}`);
        const now = created + passed;
        const view = { schedule, created, lastSchedule: undefined, startingDeadlineSeconds: undefined, now };
        const due = findDue(view, true);
        const first = nextTime(schedule, created);
        if (first === undefined) {
          expect(due).toBeUndefined();
          return;
        }
        let latest: number | undefined;
        for (let t: number | undefined = first; t !== undefined && t <= now; t = nextTime(schedule, t)) latest = t;
        // The estimate may lie beyond the last time of an uneven schedule (known of kube-controller-manager, too): then nothing is due, and never another time.
        expect([latest, undefined]).toContain(due?.mostRecent);
        if (due?.mostRecent === undefined) expect(latest === undefined || due?.missed !== 'none').toBe(true);
        expect(untilNext(view)).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });

  it('is nothing older than the deadline', () => {
    const view = { schedule: parseCronSchedule('0 * * * *'), created: at('2025-01-01T00:30:00Z'), lastSchedule: undefined, now: at('2025-01-01T05:10:00Z') };
    expect(findDue({ ...view, startingDeadlineSeconds: 300 }, true)).toMatchObject({ mostRecent: undefined, missed: 'none' });
    expect(findDue({ ...view, startingDeadlineSeconds: 700 }, true)).toMatchObject({ mostRecent: at('2025-01-01T05:00:00Z') });
    expect(findDue({ ...view, startingDeadlineSeconds: undefined }, true)).toMatchObject({ mostRecent: at('2025-01-01T05:00:00Z'), missed: 'few' });
  });
});
