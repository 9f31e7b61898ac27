import type { Job, JobSpec } from '@orrery/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceOf, courses } from '../test-support/course.js';
import { JobModel } from '../test-support/job-model.js';
import { make } from '../test-support/world.js';
import { countIndexes, parseIndexes } from './indexes.js';
import { indexOf } from './pod-facts.js';

const job = (spec: Partial<JobSpec>): Job =>
  make({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'default', uid: 'u', generation: 1 },
    spec: { backoffLimit: 2 ** 31 - 1, completionMode: 'NonIndexed', template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c' }] } }, ...spec },
  });

const specs = fc
  .record({
    completions: fc.integer({ min: 1, max: 12 }),
    parallelism: fc.integer({ min: 1, max: 6 }),
    completionMode: fc.constantFrom('NonIndexed', 'Indexed'),
    podReplacementPolicy: fc.constantFrom('TerminatingOrFailed', 'Failed'),
    perIndex: fc.boolean(),
  })
  .map(({ perIndex, ...spec }): Partial<JobSpec> => (perIndex && spec.completionMode === 'Indexed' ? { ...spec, backoffLimitPerIndex: 1000 } : spec));

function run(spec: Partial<JobSpec>, course: readonly (readonly [number, number])[], stale: boolean, check: (model: JobModel) => void): JobModel {
  let chance = chanceOf(1);
  const model = new JobModel(job(spec), (below) => chance(below));
  for (const [what, seed] of course) {
    chance = chanceOf(seed);
    if (what < 4) model.pass();
    else if (what < 6) model.podEvent();
    else if (what < 8) stale ? model.hear() : model.restart(false);
    else {
      model.pass({ diesAfter: chance(6) });
      model.restart(stale);
    }
    if (!stale && what < 6) model.restart(false);
    check(model);
  }
  return model;
}

/** Troubles are over: pods end, caches are current. */
function settle(model: JobModel): void {
  for (let turn = 0; turn < 1000 && !model.finished; turn += 1) {
    model.restart(false);
    model.pass();
    model.podEvent();
  }
}

/** Never more in the counters, or on the way there, than there was. */
function neverTwice({ job: { status = {}, spec }, succeeded, failed }: JobModel): void {
  const { succeeded: listed = [], failed: listedFailed = [] } = status.uncountedTerminatedPods ?? {};
  if (spec.completionMode === 'Indexed') expect(status.succeeded ?? 0).toBe(countIndexes(parseIndexes(status.completedIndexes ?? '', spec.completions ?? 0)));
  else expect((status.succeeded ?? 0) + listed.length).toBeLessThanOrEqual(succeeded.size);
  expect((status.failed ?? 0) + listedFailed.length).toBeLessThanOrEqual(failed.size);
}

/** A new process whose list of pods is old writes a status, and afterwards takes it for a sign that it knows what is counted. */
const wroteByAnOldList: [Partial<JobSpec>, (readonly [number, number])[]] = [
  { completions: 1, parallelism: 1, completionMode: 'NonIndexed', podReplacementPolicy: 'Failed' },
  [[0, 0], [4, 612017], [4, 0], [0, 0], [6, 24585], [0, 0], [8, 645927], [0, 0], [6, 0], [0, 0]],
];

/** A pod is let go as one that still runs by one process, and counted by the next, whose list of pods is old. */
const letGoByAnOldList: [Partial<JobSpec>, (readonly [number, number])[]] = [
  { completions: 1, parallelism: 1, completionMode: 'NonIndexed', podReplacementPolicy: 'TerminatingOrFailed' },
  [[0, 0], [4, 164009], [8, 0], [8, 587474], [0, 0], [4, 6377], [8, 64397], [0, 0]],
];

describe('the plans of the Job controller', () => {
  it('count each end of a pod exactly once, however far caches lag and wherever processes die', () => {
    fc.assert(
      fc.property(specs, courses, (spec, course) => {
        const model = run(spec, course, true, neverTwice);
        settle(model);
        neverTwice(model);
        expect(model.finished).toBe(true);
        const { status = {} } = model.job;
        expect(status.uncountedTerminatedPods).toEqual({});
        expect([...model.state.pods.values()].flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
        if (spec.completionMode === 'Indexed') expect(status.completedIndexes).toBe(spec.completions === 1 ? '0' : spec.completions === 2 ? '0,1' : `0-${(spec.completions ?? 0) - 1}`);
        else expect(status.succeeded).toBe(model.succeeded.size - model.unseen.size);
      }),
      { numRuns: 600, examples: [wroteByAnOldList, letGoByAnOldList] },
    );
  });

  it('never run more pods than asked for, nor two for one index, when caches are current', () => {
    fc.assert(
      fc.property(specs, courses, (spec, course) => {
        const model = run(spec, course, false, ({ active }) => {
          expect(active.length).toBeLessThanOrEqual(spec.parallelism ?? 1);
          if (spec.completionMode !== 'Indexed') return;
          const indexes = active.map((pod) => indexOf(pod, spec.completions ?? 0));
          expect(new Set(indexes).size).toBe(indexes.length);
        });
        settle(model);
        expect(model.finished).toBe(true);
        expect(model.mostActive).toBeLessThanOrEqual(Math.min(spec.parallelism ?? 1, spec.completions ?? 1));
      }),
      { numRuns: 200 },
    );
  });

  it('fail after exactly as many failures as the limit allows, and one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 3 }), (backoffLimit, parallelism) => {
        const model = new JobModel(job({ completions: 20, parallelism, backoffLimit }), (below) => below - 1);
        for (let turn = 0; turn < 200 && !model.finished; turn += 1) {
          model.restart(false);
          model.pass();
          model.podEvent();
        }
        expect(model.job.status?.conditions?.at(-1)).toMatchObject({ type: 'Failed', reason: 'BackoffLimitExceeded' });
        // Those that ran along when the limit was reached are counted as well.
        expect(model.job.status?.failed).toBeGreaterThan(backoffLimit);
        expect(model.job.status?.failed).toBeLessThanOrEqual(backoffLimit + parallelism);
      }),
    );
  });

  it('plan nothing once all is as it should be', () => {
    fc.assert(
      fc.property(specs, courses, (spec, course) => {
        const model = run(spec, course, true, () => undefined);
        model.restart(false);
        for (let turn = 0; turn < 50 && model.pass(); turn += 1) model.restart(false);
        expect(model.pass()).toBe(false);
        expect(model.pass()).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
