import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { Job, JobStatus } from '../kinds/job.js';
import { millisOfTime } from '../timestamp.js';
import { notNegative } from './checks.js';
import type { Errors } from './checks.js';
import { commonIndex, readIndexes } from './job-indexes.js';

// Changes of a Job's status (ValidateJobStatusUpdate): another controller may manage it (`managedBy`), and clients must be able to rely on what Jobs do.
// A rule is only asked when what it is about changed, so that nothing else is held up by it.

/** Whether a condition is True. */
export const isConditionTrue = (status: JobStatus | undefined, type: string): boolean => status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;

const isFinished = (status: JobStatus): boolean => isConditionTrue(status, 'Complete') || isConditionTrue(status, 'Failed');

/** What is wrong with a change of a Job's status. */
export function validateJobStatusUpdate(job: Job, old: Job): FieldError[] {
  const errors: FieldError[] = [];
  const { status = {} } = job;
  const before = old.status ?? {};
  for (const key of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) notNegative(errors, `status.${key}`, status[key]);
  checkUncounted(errors, status);
  checkConditions(errors, status, before);
  checkFinished(errors, status, before);
  checkTimes(errors, job, status, before);
  checkIndexes(errors, job, status, before);
  checkCounters(errors, job, status, before);
  return errors;
}

const changed = (status: JobStatus, before: JobStatus, ...keys: (keyof JobStatus)[]): boolean => keys.some((key) => !equalJson(status[key], before[key]));
const turned = (status: JobStatus, before: JobStatus, ...types: string[]): boolean => types.some((type) => isConditionTrue(status, type) !== isConditionTrue(before, type));

function checkUncounted(errors: Errors, { uncountedTerminatedPods = {} }: JobStatus): void {
  const seen = new Set<string>();
  for (const part of ['succeeded', 'failed'] as const) {
    uncountedTerminatedPods[part]?.forEach((uid, i) => {
      const at = `status.uncountedTerminatedPods.${part}[${i}]`;
      if (uid === '') errors.push(fieldError.invalid(at, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(fieldError.duplicate(at, uid));
      seen.add(uid);
    });
  }
}

function checkConditions(errors: Errors, status: JobStatus, before: JobStatus): void {
  const wrong = (detail: string): void => void errors.push(fieldError.invalid('status.conditions', null, detail));
  const is = (type: string): boolean => isConditionTrue(status, type);
  if (turned(status, before, 'Complete', 'Failed') && is('Complete') && is('Failed')) wrong('cannot set Complete=True and Failed=true conditions');
  if (turned(status, before, 'Complete', 'FailureTarget') && is('Complete') && is('FailureTarget')) wrong('cannot set Complete=True and FailureTarget=true conditions');
  if (turned(status, before, 'Failed', 'FailureTarget') && is('Failed') && !is('FailureTarget')) wrong('cannot set Failed=True condition without the FailureTarget=true condition');
  if (turned(status, before, 'Complete', 'SuccessCriteriaMet') && is('Complete') && !is('SuccessCriteriaMet')) wrong('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  if (is('SuccessCriteriaMet') && is('Failed')) wrong('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (is('SuccessCriteriaMet') && is('FailureTarget')) wrong('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isConditionTrue(before, type) && !is(type)) wrong(`cannot disable the terminal ${type}=True condition`);
  }
  const wasMet = isConditionTrue(before, 'SuccessCriteriaMet');
  if (wasMet && !is('SuccessCriteriaMet')) wrong('cannot disable the SuccessCriteriaMet=True condition');
  if (isConditionTrue(before, 'Complete') && !wasMet && is('SuccessCriteriaMet')) wrong('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
}

function checkFinished(errors: Errors, status: JobStatus, before: JobStatus): void {
  if (!isFinished(status)) return;
  const news = isFinished(status) !== isFinished(before);
  const { active = 0, terminating = 0, uncountedTerminatedPods: uncounted, startTime } = status;
  if ((news || changed(status, before, 'active')) && active > 0) errors.push(fieldError.invalid('status.active', active, 'active>0 is invalid for finished job'));
  if ((news || changed(status, before, 'startTime')) && startTime === undefined) errors.push(fieldError.required('status.startTime', 'startTime is required for finished job'));
  if ((news || changed(status, before, 'uncountedTerminatedPods')) && (uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0) > 0) {
    errors.push(fieldError.invalid('status.uncountedTerminatedPods', uncounted, 'uncountedTerminatedPods needs to be empty for finished job'));
  }
  if ((news || changed(status, before, 'terminating')) && terminating > 0) errors.push(fieldError.invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
}

function checkTimes(errors: Errors, { spec }: Job, status: JobStatus, before: JobStatus): void {
  const { startTime, completionTime } = status;
  const isComplete = isConditionTrue(status, 'Complete');
  if (turned(status, before, 'Complete') || changed(status, before, 'completionTime')) {
    if (completionTime !== undefined && !isComplete) errors.push(fieldError.invalid('status.completionTime', completionTime, 'cannot set completionTime when there is no Complete=True condition'));
    if (completionTime === undefined && isComplete) errors.push(fieldError.required('status.completionTime', 'completionTime is required for Complete jobs'));
  }
  if (changed(status, before, 'startTime', 'completionTime') && startTime !== undefined && completionTime !== undefined && (millisOfTime(completionTime) ?? 0) < (millisOfTime(startTime) ?? 0)) {
    errors.push(fieldError.invalid('status.completionTime', completionTime, 'completionTime cannot be set before startTime'));
  }
  if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime) {
    errors.push(fieldError.invalid('status.completionTime', completionTime, 'completionTime cannot be mutated'));
  }
  // A Job that goes on after a pause begins anew.
  const resumes = isConditionTrue(before, 'Suspended') && startTime !== undefined;
  if (before.startTime !== undefined && startTime !== before.startTime && spec.suspend !== true && !resumes) errors.push(fieldError.required('status.startTime', 'startTime cannot be removed for unsuspended job'));
}

function checkIndexes(errors: Errors, { spec }: Job, status: JobStatus, before: JobStatus): void {
  const { completions } = spec;
  const { completedIndexes = '', failedIndexes } = status;
  const [completedChanged, failedChanged] = [(before.completedIndexes ?? '') !== completedIndexes, before.failedIndexes !== failedIndexes];
  if (completedChanged) {
    const read = completions === undefined ? undefined : readIndexes(completedIndexes, completions);
    if (read !== undefined && 'wrong' in read) errors.push(fieldError.invalid('status.completedIndexes', completedIndexes, `error parsing completedIndexes: ${read.wrong}`));
    if (completedIndexes !== '' && spec.completionMode !== 'Indexed') {
      errors.push(fieldError.invalid('status.completedIndexes', completedIndexes, 'cannot set non-empty completedIndexes when non-indexed completion mode'));
    }
  }
  if (failedChanged && failedIndexes !== undefined) {
    if (spec.backoffLimitPerIndex === undefined) errors.push(fieldError.invalid('status.failedIndexes', failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'));
    const read = completions === undefined || spec.backoffLimitPerIndex === undefined ? undefined : readIndexes(failedIndexes, completions);
    if (read !== undefined && 'wrong' in read) errors.push(fieldError.invalid('status.failedIndexes', failedIndexes, `error parsing failedIndexes: ${read.wrong}`));
  }
  if ((completedChanged || failedChanged) && completions !== undefined && failedIndexes !== undefined) {
    const common = commonIndex(completedIndexes, failedIndexes, completions);
    if (common !== undefined) errors.push(fieldError.invalid('status.failedIndexes', failedIndexes, `failedIndexes and completedIndexes overlap at index: ${common}`));
  }
}

function checkCounters(errors: Errors, { spec }: Job, status: JobStatus, before: JobStatus): void {
  const { active = 0, succeeded = 0, failed = 0, ready } = status;
  if (changed(status, before, 'ready', 'active') && ready !== undefined && ready > active) errors.push(fieldError.invalid('status.ready', ready, 'cannot set more ready pods than active'));
  if (failed < (before.failed ?? 0)) errors.push(fieldError.invalid('status.failed', failed, 'cannot decrease the failed counter'));
  // An elastic Job that became smaller has fewer completed indexes.
  const elastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!elastic && succeeded < (before.succeeded ?? 0)) errors.push(fieldError.invalid('status.succeeded', succeeded, 'cannot decrease the succeeded counter'));
}
