import { cronJobName, nextTime } from '@orrery/controllers';
import { type CronJob, type CronSchedule, type Job, millisOfTime, parseCronSchedule } from '@orrery/core';
import type { ObservedCommit } from '@orrery/core/testing';
import { endOf } from './job-oracle.js';
import { type Change, changesOf, type Judging, ownedBy, type Promised, under } from './promise.js';

const [CRONS, JOBS] = [under('batch/cronjobs'), under('batch/jobs')];
const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** So soon a time is served by controllers that are well. */
const SERVED_MS = 15_000;
/** So long after bad weather controllers may still wait: for a line that is silent (35 s), and for their next try. */
const RECOVER_MS = 75_000;
/** So long a write may take from the decision to the commit. */
const ON_ITS_WAY_MS = 10_000;

/** What is known of a CronJob. */
interface Record {
  cronJob: CronJob;
  readonly schedule: CronSchedule;
  /** Times that were served, by text. */
  readonly served: Set<number>;
  /** UIDs of its Jobs that have not ended. */
  readonly running: Map<string, Job>;
  /** The latest time that was served, or when it was made; milliseconds since the epoch. */
  last: number;
  /** The first time after that. */
  next: number | undefined;
  /** The latest time that came when it was asked for last, and the one after it: until then nothing has to be calculated. */
  latest: { readonly time: number; readonly after: number | undefined } | undefined;
  /** Since when a time is owed, monotonic. */
  owedSince: number | undefined;
  /** Until then nothing is owed: who waited for a time when the clock jumped goes on waiting as long as it was to. Monotonic. */
  excusedUntil: number;
}

/**
 * Holds CronJobs to their schedules. A time is served once at most; with Forbid and Replace no Job begins while another one goes on. And none is skipped: the latest time that came is owed
 * while the CronJob is not suspended, its deadline for starting is not over, with Forbid no Job of it goes on, and no other Job has the name. What is owed all the time for
 * {@link SERVED_MS} while the controllers are well has to be served. As in Kubernetes, of several times that were missed only the latest is owed, and a clock that jumps ahead
 * is noticed when the time comes that was waited for.
 */
export class CronOracle implements Promised {
  readonly #crons = new Map<string, Record>();
  #wellSince: number | undefined;
  /** What the clock showed before it jumped, and when that was. */
  #before = { wall: Number.NEGATIVE_INFINITY, at: Number.NEGATIVE_INFINITY };

  /** @param well the controllers run, and nothing is in their way */
  constructor(
    private readonly judging: Judging,
    private readonly well: () => boolean,
  ) {}

  /** The clock is about to jump. */
  jumping(): void {
    const [now, wall] = [this.judging.now(), this.judging.wall()];
    this.#before = { wall: now - this.#before.at <= ON_ITS_WAY_MS ? Math.max(wall, this.#before.wall) : wall, at: now };
    for (const record of this.#crons.values()) {
      const due = record.next === undefined || wall < record.next ? record.next : nextTime(record.schedule, wall);
      if (due !== undefined) record.excusedUntil = Math.max(record.excusedUntil, now + due - wall);
    }
  }

  committed(commit: ObservedCommit): void {
    for (const change of changesOf<CronJob>(commit, CRONS, this.judging)) this.#cron(change);
    for (const change of changesOf<Job>(commit, JOBS, this.judging)) this.#job(change);
    this.#wellSince = this.well() ? (this.#wellSince ?? this.judging.now()) : undefined;
    for (const record of this.#crons.values()) this.#owe(record);
  }

  #cron({ old, next }: Change<CronJob>): void {
    if (next === undefined || (old !== undefined && old.metadata.uid !== next.metadata.uid)) this.#crons.delete(old?.metadata.uid ?? '');
    if (next === undefined) return;
    const { uid = '', creationTimestamp = '' } = next.metadata;
    const known = this.#crons.get(uid);
    if (known !== undefined) {
      known.cronJob = next;
      return;
    }
    const { timeZone, schedule: text } = next.spec;
    const schedule = parseCronSchedule(timeZone === undefined ? text : `TZ=${timeZone} ${text}`);
    const last = millisOfTime(creationTimestamp) ?? 0;
    this.#crons.set(uid, { cronJob: next, schedule, served: new Set(), running: new Map(), last, next: nextTime(schedule, last), latest: undefined, owedSince: undefined, excusedUntil: 0 });
  }

  #job({ old, next }: Change<Job>): void {
    const record = this.#crons.get(ownedBy('CronJob', next ?? old) ?? '');
    if (record === undefined) return;
    const uid = (next ?? old)?.metadata.uid ?? '';
    if (next === undefined || endOf(next) !== undefined) {
      record.running.delete(uid);
      return;
    }
    if (old === undefined) this.#made(next, record);
    record.running.set(uid, next);
  }

  #made(job: Job, record: Record): void {
    const { violated, now, wall } = this.judging;
    const name = `cron job ${record.cronJob.metadata.name}`;
    const time = millisOfTime(job.metadata.annotations?.[SCHEDULED] ?? '') ?? Number.NaN;
    if (nextTime(record.schedule, time - 1) !== time) violated(`${name} made ${job.metadata.name} for ${at(time)}, which is not in its schedule`);
    // It may have been on its way when the clock jumped back.
    const latestWall = now() - this.#before.at <= ON_ITS_WAY_MS ? Math.max(wall(), this.#before.wall) : wall();
    if (time > latestWall) violated(`${name} made ${job.metadata.name} for ${at(time)}, which is to come`);
    if (record.served.has(time)) violated(`${name} served ${at(time)} twice`);
    record.served.add(time);
    const others = [...record.running.values()].filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const { concurrencyPolicy } = record.cronJob.spec;
    if (concurrencyPolicy !== 'Allow' && others.length > 0) violated(`${name} with ${concurrencyPolicy} made ${job.metadata.name} beside ${others.map(({ metadata }) => metadata.name).join()}`);
    if (!(time > record.last)) return;
    record.last = time;
    record.next = nextTime(record.schedule, time);
    record.owedSince = undefined;
  }

  #owe(record: Record): void {
    const [now, wall] = [this.judging.now(), this.judging.wall()];
    if (record.next === undefined || wall < record.next) {
      record.owedSince = undefined;
      return;
    }
    const time = latest(record, wall);
    const { metadata, spec } = record.cronJob;
    const over = spec.startingDeadlineSeconds !== undefined && wall > time + spec.startingDeadlineSeconds * 1000;
    const blocked = spec.concurrencyPolicy === 'Forbid' && record.running.size > 0;
    const taken = this.judging.oracle.objects.has(`${JOBS}${metadata.namespace}/${cronJobName(metadata.name ?? '', time)}`);
    if (spec.suspend === true || metadata.deletionTimestamp !== undefined || over || blocked || taken || this.#wellSince === undefined) {
      record.owedSince = undefined;
      return;
    }
    record.owedSince ??= now;
    const since = Math.max(record.owedSince, record.excusedUntil, this.#wellSince + RECOVER_MS - SERVED_MS);
    if (now - since <= SERVED_MS) return;
    this.judging.violated(`cron job ${metadata.name} skipped ${at(time)}: owed for ${Math.round((now - record.owedSince) / 1000)} s (${spec.schedule}, ${spec.concurrencyPolicy})`);
    record.owedSince = undefined;
    record.last = time;
    record.next = nextTime(record.schedule, time);
  }
}

/** The latest time of the schedule that came. */
function latest(record: Record, wall: number): number {
  const { schedule, next, latest: known } = record;
  if (known !== undefined && known.time >= (next as number) && wall >= known.time && wall < (known.after ?? Number.POSITIVE_INFINITY)) return known.time;
  let time = next as number;
  let after = nextTime(schedule, time);
  for (; after !== undefined && after <= wall; after = nextTime(schedule, time)) time = after;
  record.latest = { time, after };
  return time;
}

const at = (time: number): string => (Number.isNaN(time) ? 'no time' : new Date(time).toISOString());
