import { type CronJob, type CronJobSpec, type CronJobStatus, type Job, parseCronSchedule, timeOfMillis } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { make } from '../test-support/world.js';
import { nextTime } from './next-time.js';
import { scheduledTimeOf } from './job-of.js';
import { planCronJob, referenceTo, statusOf } from './plan.js';

const ZERO = Date.parse('2026-03-28T22:00:00Z');
const MINUTE = 60_000;

interface State {
  readonly status: CronJobStatus;
  readonly jobs: ReadonlyMap<string, Job>;
}

/** One CronJob and its Jobs, as a server keeps them; the controller's plans are carried out by processes that die between steps and begin with old states. */
class CronModel {
  now = ZERO;
  /** How often a Job was made for a time. */
  readonly made = new Map<number, number>();
  readonly #history: State[] = [{ status: {}, jobs: new Map() }];
  /** Whether the process that makes the next pass has made one before: then it has seen what it wrote. */
  #knows = false;

  constructor(readonly spec: CronJobSpec) {}

  get state(): State {
    return this.#history.at(-1) as State;
  }

  /** One pass. It dies after so many steps; a process that begins sees states as old as `lag` says, of the CronJob and of its Jobs. */
  pass(diesAfter = Infinity, lag: readonly [number, number] = [0, 0]): number | undefined {
    const [seen, seenJobs] = lag.map((n) => this.#history.at(-1 - (this.#knows ? 0 : Math.min(n, this.#history.length - 1))) as State) as [State, State];
    const knows = this.#knows;
    this.#knows = false;
    const cronJob: CronJob = make({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'c', namespace: 'default', uid: 'c', creationTimestamp: timeOfMillis(ZERO) },
      spec: this.spec,
      status: seen.status,
    });
    const alive = new Set([...this.state.jobs.values()].map(({ metadata }) => metadata.uid));
    const gone = new Set((seen.status.active ?? []).map(({ uid = '' }) => uid).filter((uid) => !alive.has(uid)));
    const plan = planCronJob({ cronJob, jobs: [...seenJobs.jobs.values()], gone, now: this.now });
    let steps = 0;
    const dies = (): boolean => (steps += 1) > diesAfter;
    const deleted = new Set<string>();
    for (const { metadata } of plan.forget) {
      if (dies()) return undefined;
      this.#delete(metadata.name, metadata.uid);
      deleted.add(metadata.uid ?? '');
    }
    // Before its first Job a process asks the server whether what it sees is still so.
    if (plan.make !== undefined && !knows && seen.status !== this.state.status) return undefined;
    for (const { name, uid } of plan.make === undefined ? [] : plan.replace) {
      if (dies()) return undefined;
      this.#delete(name, uid);
      deleted.add(uid ?? '');
    }
    let active = (plan.status.active ?? []).filter(({ uid = '' }) => !deleted.has(uid));
    let served = plan.status.lastScheduleTime === undefined ? undefined : Date.parse(plan.status.lastScheduleTime);
    if (plan.make !== undefined) {
      if (dies()) return undefined;
      const job = this.#create(plan.make.job, plan.make.time);
      if (!active.some(({ uid }) => uid === job.metadata.uid)) active = [...active, referenceTo(job)];
      served = plan.make.time;
    }
    // The server refuses what was computed from an old status.
    if (dies() || seen.status !== this.state.status) return undefined;
    const status = statusOf(active, served, plan.status.lastSuccessfulTime);
    if (JSON.stringify(status) !== JSON.stringify(seen.status)) this.#history.push({ ...this.state, status });
    this.#knows = true;
    return plan.againAfterMs;
  }

  get running(): readonly Job[] {
    return [...this.state.jobs.values()].filter(({ status }) => status?.conditions === undefined);
  }

  /** A running Job ends. */
  end(index: number): void {
    const job = this.running[index % Math.max(1, this.running.length)];
    if (job === undefined) return;
    const time = timeOfMillis(this.now);
    const type = index % 3 === 0 ? 'Failed' : 'Complete';
    this.#put(job.metadata.name, { ...job, status: { startTime: time, ...(type === 'Complete' && { completionTime: time }), conditions: [{ type, status: 'True' }] } });
  }

  #create(job: Job, time: number): Job {
    const known = this.state.jobs.get(job.metadata.name ?? '');
    if (known !== undefined) return known;
    this.made.set(time, (this.made.get(time) ?? 0) + 1);
    const created = { ...job, metadata: { ...job.metadata, uid: `u${this.#history.length}` } };
    this.#put(job.metadata.name, created);
    return created;
  }

  #delete(name = '', uid = ''): void {
    if (this.state.jobs.get(name)?.metadata.uid === uid) this.#put(name, undefined);
  }

  #put(name = '', job: Job | undefined): void {
    const jobs = new Map(this.state.jobs);
    if (job === undefined) jobs.delete(name);
    else jobs.set(name, job);
    this.#history.push({ status: this.state.status, jobs });
  }
}

const specs = fc.record({
  schedule: fc.constantFrom('* * * * *', '*/7 * * * *', '30 1 * * *', '5,6 */2 * * *', '@every 17m'),
  timeZone: fc.constantFrom('UTC', 'Europe/Paris'),
  concurrencyPolicy: fc.constantFrom('Allow', 'Forbid', 'Replace'),
  startingDeadlineSeconds: fc.option(fc.integer({ min: 30, max: 4000 }), { nil: undefined }),
  successfulJobsHistoryLimit: fc.integer({ min: 0, max: 3 }),
  failedJobsHistoryLimit: fc.integer({ min: 0, max: 2 }),
});
const specOf = (spec: object): CronJobSpec => make({ ...spec, jobTemplate: { spec: { template: { spec: { containers: [] } } } } } as never) as unknown as CronJobSpec;
/** What happens: minutes pass (perhaps backwards), a pass is made, dies, looks at old state, a Job ends. */
const courses = fc.array(fc.tuple(fc.constantFrom('pass', 'die', 'die', 'stale', 'end', 'end', 'wait', 'leap', 'back'), fc.nat({ max: 200 })), { maxLength: 80 });

function run(spec: CronJobSpec, course: readonly (readonly [string, number])[], check: (model: CronModel) => void): CronModel {
  const model = new CronModel(spec);
  for (const [what, n] of course) {
    if (what === 'pass') model.pass();
    else if (what === 'die') model.pass(n % 4);
    else if (what === 'stale') model.pass(n % 5, [n % 3, n % 7]);
    else if (what === 'end') model.end(n);
    else if (what === 'wait') model.now += (n % 20) * MINUTE + n * 100;
    else model.now += (what === 'leap' ? 1 : -1) * n * MINUTE;
    check(model);
  }
  return model;
}

describe('the plans of the CronJob controller', () => {
  it('make a Job for a time once at most, and only for times of the schedule, whatever clocks do and wherever processes die', () => {
    fc.assert(
      fc.property(specs, courses, (raw, course) => {
        const spec = specOf(raw);
        const schedule = parseCronSchedule(`TZ=${spec.timeZone} ${spec.schedule}`);
        const model = run(spec, course, ({ made }) => {
          for (const [time, times] of made) expect([time, times]).toEqual([time, 1]);
        });
        for (const time of schedule.kind === 'interval' ? [] : model.made.keys()) expect(nextTime(schedule, time - 1)).toBe(time);
        for (const job of model.state.jobs.values()) expect(model.made.has(scheduledTimeOf(job) ?? 0)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  describe('for one time never make a second Job', () => {
    const spec = specOf({ schedule: '0 * * * *', concurrencyPolicy: 'Allow', successfulJobsHistoryLimit: 0, failedJobsHistoryLimit: 0 });
    const due = (): CronModel => Object.assign(new CronModel(spec), { now: ZERO + 61 * MINUTE });

    it('when processes die between making it, forgetting it, and writing either down', () => {
      const model = due();
      model.pass(1);
      model.end(1);
      model.pass(1);
      for (let i = 0; i < 3; i += 1) model.pass();
      expect([[...model.made.values()], model.state.jobs.size, model.state.status.lastScheduleTime]).toEqual([[1], 0, timeOfMillis(ZERO + 60 * MINUTE)]);
    });

    it('when a process begins with what was there before the first', () => {
      const model = due();
      model.pass();
      model.end(1);
      for (let i = 0; i < 3; i += 1) model.pass();
      expect([[...model.made.values()], model.state.jobs.size]).toEqual([[1], 0]);
      model.pass(0);
      model.pass(Infinity, [99, 99]);
      expect([...model.made.values()]).toEqual([1]);
    });
  });

  it('leave out no time while they are asked when they want to be, and keep no more history than they may', () => {
    fc.assert(
      fc.property(specs, fc.integer({ min: 1, max: 60 }), (raw, passes) => {
        const model = new CronModel(specOf({ ...raw, startingDeadlineSeconds: undefined, concurrencyPolicy: 'Allow' }));
        const schedule = parseCronSchedule(`TZ=${raw.timeZone} ${raw.schedule}`);
        const wanted: number[] = [];
        let served = ZERO;
        for (let i = 0; i < passes; i += 1) {
          const wait = model.pass();
          for (let n = model.running.length; n > 0; n -= 1) model.end(n);
          model.pass();
          expect(model.state.jobs.size).toBeLessThanOrEqual((raw.successfulJobsHistoryLimit ?? 0) + (raw.failedJobsHistoryLimit ?? 0));
          expect(wait).toBeGreaterThan(0);
          model.now += wait ?? 0;
          served = nextTime(schedule, served) ?? served;
          wanted.push(served);
        }
        model.pass();
        expect([...model.made.keys()]).toEqual(wanted);
      }),
      { numRuns: 50 },
    );
  });

  it('that say Forbid never run two at once, nor leave two running that say Replace', () => {
    fc.assert(
      fc.property(specs, courses, fc.constantFrom('Forbid', 'Replace'), (raw, course, concurrencyPolicy) => {
        run(specOf({ ...raw, concurrencyPolicy }), course.filter(([what]) => what !== 'stale'), ({ running }) => expect(running.length).toBeLessThanOrEqual(1));
      }),
      { numRuns: 300 },
    );
  });

  it('plan nothing more at the same moment', () => {
    fc.assert(
      fc.property(specs, courses, (raw, course) => {
        const model = run(specOf(raw), course, () => undefined);
        for (let i = 0; i < 3; i += 1) model.pass();
        const before = [JSON.stringify(model.state.status), [...model.state.jobs.keys()]];
        model.pass();
        expect([JSON.stringify(model.state.status), [...model.state.jobs.keys()]]).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
});
