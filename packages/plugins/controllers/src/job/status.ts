import { type JobCondition, type JobStatus, type Pod, timeOfMillis } from '@orrery/core';
import { trueCondition } from '../shared/jobs.js';
import { isPodReady } from '../shared/pods.js';
import { countEnds } from './counting.js';
import type { Finish } from './finish.js';
import type { JobPlan, JobView } from './plan.js';

/** Something to tell about a Job. */
export interface JobEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** The second half of a pass. */
export interface StatusPlan {
  readonly status: JobStatus;
  /** Pods that lose their finalizer after the status is written, and never before. */
  readonly release: readonly Pod[];
  /** To be told once the status is written. */
  readonly events: readonly JobEvent[];
}

/** What to write about a Job after the first half of a pass was carried out; `done` tells whether that went well (the rest of syncJob). Pure. */
export function planStatus(view: JobView, plan: JobPlan, done: boolean): StatusPlan {
  const { job, pods, now } = view;
  const numbers = numbersAfter(plan, done);
  const finish = plan.finish === undefined ? completed(view, plan, numbers.active) : done ? plan.finish : undefined;
  const managed = plan.finish === undefined && finish === undefined && job.metadata.deletionTimestamp === undefined;
  const { status: counted, release } = countEnds({ job, pods, tally: plan.tally, finish });
  const events: JobEvent[] = [];
  const time = timeOfMillis(now);
  const { ready, terminating, active } = numbers;
  let conditions: readonly JobCondition[] = counted.conditions ?? [];
  let startTime = counted.startTime ?? plan.startTime;
  if (managed) {
    const suspension = suspended(conditions, job.spec.suspend === true, time);
    if (suspension !== undefined) {
      conditions = suspension.conditions;
      events.push(suspension.event);
      // The deadline counts from when the Job runs again.
      if (job.spec.suspend !== true) startTime = time;
    }
  }
  if (finish !== undefined && trueCondition(job, finish.type) === undefined) conditions = withCondition(conditions, { ...finish, status: 'True' }, time);
  let end: Partial<JobStatus> = {};
  const uncounted = counted.uncountedTerminatedPods;
  const settled = release.length === 0 && (uncounted?.succeeded ?? []).length + (uncounted?.failed ?? []).length === 0;
  if (finish !== undefined && settled && terminating === 0) {
    const type = finish.type === 'SuccessCriteriaMet' ? 'Complete' : 'Failed';
    conditions = withCondition(conditions, { ...finish, type, status: 'True' }, time);
    if (type === 'Complete') end = { completionTime: time };
    events.push(...endEvents(view, finish, counted.succeeded ?? 0));
  }
  const { conditions: _, startTime: __, active: ___, ...rest } = counted;
  const status: JobStatus = {
    ...(conditions.length > 0 && { conditions: [...conditions] }),
    ...(startTime !== undefined && { startTime }),
    ...rest,
    ...end,
    ...(active > 0 && { active }),
    ready,
    terminating,
  };
  return { status, release, events };
}

interface Numbers {
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
}

/** What the numbers are once the step was carried out. When part of it failed they stay as they were: the next pass sees what became of it. */
function numbersAfter({ tally, step }: JobPlan, done: boolean): Numbers {
  const { ready, terminating } = tally;
  const active = tally.active.length;
  if (!done || step.do === 'nothing') return { active, ready, terminating };
  const count = step.pods.length;
  if (step.do === 'make') return { active: active + count, ready, terminating };
  return { active: active - count, ready: ready - step.pods.filter(isPodReady).length, terminating: terminating + count };
}

function completed({ job }: JobView, { tally }: JobPlan, active: number): Finish | undefined {
  const { completions } = job.spec;
  const enough = completions === undefined ? tally.succeeded > 0 : tally.succeeded >= completions;
  return enough && active === 0 ? { type: 'SuccessCriteriaMet', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' } : undefined;
}

function suspended(conditions: readonly JobCondition[], isSuspended: boolean, time: string): { readonly conditions: readonly JobCondition[]; readonly event: JobEvent } | undefined {
  const [status, reason, message] = isSuspended ? ['True', 'JobSuspended', 'Job suspended'] : ['False', 'JobResumed', 'Job resumed'];
  const known = conditions.find(({ type }) => type === 'Suspended');
  // That a Job which never was suspended is not goes without saying.
  if (known === undefined ? !isSuspended : known.status === status && known.reason === reason && known.message === message) return undefined;
  return { conditions: withCondition(conditions, { type: 'Suspended', status, reason, message }, time), event: { type: 'Normal', reason: isSuspended ? 'Suspended' : 'Resumed', message } };
}

function withCondition(conditions: readonly JobCondition[], facts: Required<Pick<JobCondition, 'type' | 'status' | 'reason' | 'message'>>, time: string): JobCondition[] {
  const condition: JobCondition = { type: facts.type, status: facts.status, lastProbeTime: time, lastTransitionTime: time, ...(facts.reason !== '' && { reason: facts.reason }), ...(facts.message !== '' && { message: facts.message }) };
  const at = conditions.findIndex(({ type }) => type === condition.type);
  return at < 0 ? [...conditions, condition] : conditions.with(at, condition);
}

function endEvents({ job }: JobView, { type, reason, message }: Finish, succeeded: number): JobEvent[] {
  if (type === 'FailureTarget') return [{ type: 'Warning', reason, message }];
  const tooMany = job.spec.completions !== undefined && succeeded > job.spec.completions;
  return [
    ...(tooMany ? [{ type: 'Warning' as const, reason: 'TooManySucceededPods', message: 'Too many succeeded pods running after completion count reached' }] : []),
    { type: 'Normal', reason: 'Completed', message: 'Job completed' },
  ];
}
