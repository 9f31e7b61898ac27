import { describe, expect, it } from 'vitest';
import { parseCronSchedule } from '../cron-schedule.js';
import { cloneJson } from '../json.js';
import { CronJob } from '../kinds/cronjob.js';
import { Job, type JobSpec, type JobStatus } from '../kinds/job.js';
import { timeZone } from '../time-zone.js';

function job(spec: Partial<JobSpec> = {}, status?: JobStatus, template: object = {}): Job {
  const raw = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'default', uid: 'u-1' },
    spec: { template: { spec: { containers: [{ name: 'c', image: 'x:1' }], restartPolicy: 'Never', ...template } }, ...spec },
  };
  const made = Job.schema.parse(raw);
  Job.rules.applyDefaults?.(made);
  Job.rules.prepareForCreate?.(made);
  return status === undefined ? made : { ...made, status };
}

const messages = (errors: readonly { field: string; message: string }[] | undefined): string[] => (errors ?? []).map(({ field, message }) => `${field}: ${message}`);
const change = (old: Job, edit: (draft: Job) => void): string[] => {
  const next = cloneJson(old);
  edit(next);
  return messages(Job.rules.validateUpdate?.(next, old));
};
const TRUE = (type: string) => ({ type, status: 'True' });

describe('a new Job', () => {
  it('selects its pods by its uid, and reads as having the labels of its template', () => {
    const made = job();
    expect(made.spec.selector).toEqual({ matchLabels: { 'batch.kubernetes.io/controller-uid': 'u-1' } });
    const labels = { 'controller-uid': 'u-1', 'batch.kubernetes.io/controller-uid': 'u-1', 'job-name': 'j', 'batch.kubernetes.io/job-name': 'j' };
    expect(made.spec.template.metadata?.labels).toEqual(labels);
    expect(made.metadata.labels).toEqual(labels);
    expect(messages(Job.rules.validate?.(made))).toEqual([]);
  });

  it('keeps a selector of its own when it is asked to', () => {
    const made = job({ manualSelector: true, selector: { matchLabels: { mine: 'yes' } } });
    expect(made.spec.selector).toEqual({ matchLabels: { mine: 'yes' } });
    expect(messages(Job.rules.validate?.(made))).toEqual([expect.stringContaining('`selector` does not match template `labels`')]);
  });
});

describe('a change of a Job', () => {
  it('may not touch the template once pods run, but what a suspended one needs and where it goes', () => {
    const set = (draft: Job): void => {
      draft.spec.template.spec.nodeSelector = { disk: 'ssd' };
      draft.spec.template.spec.containers[0] = { ...draft.spec.template.spec.containers[0], name: 'c', resources: { requests: { cpu: '1' } } };
    };
    expect(change(job(), set)).toEqual([expect.stringContaining('spec.template: Invalid value')]);
    expect(change(job({ suspend: true }), set)).toEqual([]);
    expect(change(job({ suspend: true }, { startTime: '2026-01-01T00:00:00Z', active: 1 }), set)).toHaveLength(1);
    expect(change(job({ suspend: true }, { startTime: '2026-01-01T00:00:00Z', conditions: [TRUE('Suspended')] }), set)).toEqual([]);
    expect(change(job({ suspend: true }), (draft) => (draft.spec.template.spec.serviceAccountName = 'other'))).toHaveLength(1);
  });

  it('may resize an Indexed Job only with its parallelism', () => {
    const indexed = job({ completionMode: 'Indexed', completions: 3, parallelism: 3 });
    expect(change(indexed, (draft) => Object.assign(draft.spec, { completions: 5, parallelism: 5 }))).toEqual([]);
    expect(change(indexed, (draft) => (draft.spec.completions = 5))).toEqual([expect.stringContaining('can only be modified in tandem with spec.parallelism')]);
    expect(change(job({ completions: 3 }), (draft) => (draft.spec.completions = 5))).toEqual([expect.stringContaining('field is immutable')]);
  });
});

describe('a change of the status of a Job', () => {
  const update = (before: JobStatus, after: JobStatus, spec: Partial<JobSpec> = {}): string[] => messages(Job.rules.validateStatusUpdate?.(job(spec, after), job(spec, before)));
  const startTime = '2026-01-01T00:00:00Z';

  it('is fine on the way to completion', () => {
    expect(update({}, { startTime, active: 1, ready: 0 })).toEqual([]);
    expect(update({ startTime, active: 1 }, { startTime, uncountedTerminatedPods: { succeeded: ['p'] }, conditions: [TRUE('SuccessCriteriaMet')] })).toEqual([]);
    expect(update({ startTime, conditions: [TRUE('Suspended')] }, { startTime: '2026-01-01T00:00:09Z' })).toEqual([]);
    expect(update({ startTime, conditions: [TRUE('SuccessCriteriaMet')] }, { startTime, succeeded: 1, completionTime: startTime, conditions: [TRUE('SuccessCriteriaMet'), TRUE('Complete')] })).toEqual([]);
  });

  it.each<[string, JobStatus, JobStatus, string]>([
    ['a Job that is finished starts over', { startTime, conditions: [TRUE('FailureTarget'), TRUE('Failed')] }, { startTime }, 'cannot disable the terminal Failed=True condition'],
    ['counters go back', { failed: 2 }, { failed: 1 }, 'cannot decrease the failed counter'],
    ['it is complete and has pods', { startTime }, { startTime, active: 1, completionTime: startTime, conditions: [TRUE('SuccessCriteriaMet'), TRUE('Complete')] }, 'active>0 is invalid for finished job'],
    ['it is complete without a word before', { startTime }, { startTime, completionTime: startTime, conditions: [TRUE('Complete')] }, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'],
    ['it is complete and failed', { startTime }, { startTime, completionTime: startTime, conditions: [TRUE('SuccessCriteriaMet'), TRUE('Complete'), TRUE('Failed')] }, 'cannot set Complete=True and Failed=true conditions'],
    ['a pod is listed twice', {}, { uncountedTerminatedPods: { succeeded: ['p'], failed: ['p'] } }, 'Duplicate value: "p"'],
    ['more are ready than there are', {}, { active: 1, ready: 2 }, 'cannot set more ready pods than active'],
    ['it starts again without a pause', { startTime }, { startTime: '2026-01-01T00:00:09Z' }, 'startTime cannot be removed for unsuspended job'],
  ])('is refused when %s', (_what, before, after, message) => {
    expect(update(before, after).join('\n')).toContain(message);
  });

  it('names indexes that exist, and none as both completed and failed', () => {
    const indexed: Partial<JobSpec> = { completionMode: 'Indexed', completions: 5, parallelism: 1, backoffLimitPerIndex: 1 };
    expect(update({}, { completedIndexes: '0,2-4', failedIndexes: '1' }, indexed)).toEqual([]);
    expect(update({}, { completedIndexes: '0,2-5' }, indexed)).toEqual([expect.stringContaining('too large index: "5"')]);
    expect(update({}, { completedIndexes: '0-2', failedIndexes: '2,4' }, indexed)).toEqual([expect.stringContaining('overlap at index: 2')]);
    expect(update({}, { completedIndexes: '0' })).toEqual([expect.stringContaining('non-indexed completion mode')]);
  });
});

describe('a CronJob', () => {
  const cron = (spec: object): CronJob => {
    const made = CronJob.schema.parse({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'c' }, spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { containers: [{ name: 'c', image: 'x' }], restartPolicy: 'Never' } } } }, ...spec } });
    CronJob.rules.applyDefaults?.(made);
    return made;
  };

  it('keeps a zone in its schedule that was there before, and gets none', () => {
    const [plain, zoned] = [cron({}), cron({ schedule: 'TZ=Asia/Tokyo 0 9 * * *' })];
    expect(messages(CronJob.rules.validateUpdate?.(zoned, zoned))).toEqual([]);
    expect(messages(CronJob.rules.validateUpdate?.(zoned, plain))).toEqual([expect.stringContaining('use timeZone field instead')]);
    expect(messages(CronJob.rules.validateUpdate?.(cron({ schedule: 'TZ=UTC * * * * *', timeZone: 'UTC' }), zoned))).toEqual([expect.stringContaining('cannot use both')]);
  });

  it.each(['', 'Local', 'Mars/Phobos', '../etc', 'america/new_york', 'Asia/kolkata', '-a', '+05:30'])('refuses the time zone %j', (zone) => {
    expect(CronJob.rules.validateCreate?.(cron({ timeZone: zone }))).toMatchObject([{ field: 'spec.timeZone', type: 'FieldValueInvalid' }]);
  });

  it.each(['UTC', 'America/New_York', 'US/Eastern', 'Asia/Kolkata', 'Etc/GMT+5', 'EST5EDT'])('takes the time zone %s', (zone) => {
    expect(CronJob.rules.validateCreate?.(cron({ timeZone: zone }))).toEqual([]);
  });
});

describe('a time zone', () => {
  it('changes its offset in the second in which clocks are put forward, and back', () => {
    const zone = timeZone('America/New_York');
    const at = (time: string): number => (zone?.offsetAt(Date.parse(time)) ?? Number.NaN) / 3_600_000;
    expect([at('2025-03-09T06:59:59Z'), at('2025-03-09T07:00:00Z'), at('2025-11-02T05:59:59Z'), at('2025-11-02T06:00:00Z')]).toEqual([-5, -4, -4, -5]);
  });
});

describe('a schedule', () => {
  it.each([
    ['', 'empty spec string'],
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
    ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
    ['@reboot', 'unrecognized descriptor: @reboot'],
    ['@toString', 'unrecognized descriptor: @toString'],
    ['TZ=Mars/Phobos * * * * *', 'provided bad location Mars/Phobos: unknown time zone Mars/Phobos'],
  ])('%j is refused as %j', (text, message) => {
    expect(() => parseCronSchedule(text)).toThrow(new RangeError(message));
  });

  it('of a distance has whole seconds, one at least', () => {
    const every = (text: string) => parseCronSchedule(`@every ${text}`);
    expect(['1h30m', '1.9s', '5ms', '-1h', '0'].map(every)).toEqual([5_400_000, 1000, 1000, 1000, 1000].map((everyMs) => ({ kind: 'interval', everyMs })));
    expect(() => every('10')).toThrow(RangeError);
  });
});
