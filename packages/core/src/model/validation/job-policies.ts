import { fieldError } from '../field-error.js';
import type { JobSpec, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule, SuccessPolicyRule } from '../kinds/job.js';
import { isQualifiedName } from '../names.js';
import { invalidEach, notNegative, oneOf } from './checks.js';
import type { Errors } from './checks.js';
import { readIndexes } from './job-indexes.js';

// What a Job says about which failures count and what is success enough (pkg/apis/batch/validation).

const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const MAX_CONDITIONS = 20;
const MAX_INDEXES_BYTES = 64 * 1024;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

/** What is wrong with the pod failure policy. */
export function checkPodFailurePolicy(errors: Errors, field: string, spec: JobSpec): void {
  const { rules = [] } = spec.podFailurePolicy ?? {};
  if (rules.length > MAX_RULES) errors.push(fieldError.tooMany(`${field}.rules`, rules.length, MAX_RULES));
  const containers = new Set([...spec.template.spec.containers, ...(spec.template.spec.initContainers ?? [])].map(({ name }) => name));
  rules.forEach((rule, i) => checkFailureRule(errors, `${field}.rules[${i}]`, rule, spec, containers));
}

function checkFailureRule(errors: Errors, at: string, { action, onExitCodes, onPodConditions = [] }: PodFailurePolicyRule, spec: JobSpec, containers: ReadonlySet<string>): void {
  if (action === 'FailIndex') {
    if (spec.backoffLimitPerIndex === undefined) errors.push(fieldError.invalid(`${at}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  } else oneOf(errors, `${at}.action`, action, ACTIONS);
  if (onExitCodes !== undefined) checkExitCodes(errors, `${at}.onExitCodes`, onExitCodes, containers);
  if (onPodConditions.length > MAX_CONDITIONS) errors.push(fieldError.tooMany(`${at}.onPodConditions`, onPodConditions.length, MAX_CONDITIONS));
  onPodConditions.forEach(({ type, status }, i) => {
    const pattern = `${at}.onPodConditions[${i}]`;
    invalidEach(errors, `${pattern}.type`, type, isQualifiedName(type));
    oneOf(errors, `${pattern}.status`, status, ['False', 'True', 'Unknown']);
  });
  const ways = (onExitCodes === undefined ? 0 : 1) + (onPodConditions.length > 0 ? 1 : 0);
  if (ways === 2) errors.push(fieldError.invalid(at, null, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  if (ways === 0) errors.push(fieldError.invalid(at, null, 'specifying one of OnExitCodes and OnPodConditions is required'));
}

function checkExitCodes(errors: Errors, at: string, { operator, containerName, values }: PodFailurePolicyOnExitCodesRequirement, containers: ReadonlySet<string>): void {
  oneOf(errors, `${at}.operator`, operator, ['In', 'NotIn']);
  if (containerName !== undefined && !containers.has(containerName)) {
    errors.push(fieldError.invalid(`${at}.containerName`, containerName, 'must be one of the container or initContainer names in the pod template'));
  }
  if (values.length === 0) errors.push(fieldError.invalid(`${at}.values`, values, 'at least one value is required'));
  else if (values.length > MAX_EXIT_CODES) errors.push(fieldError.tooMany(`${at}.values`, values.length, MAX_EXIT_CODES));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    if (operator === 'In' && value === 0) errors.push(fieldError.invalid(`${at}.values[${i}]`, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(fieldError.duplicate(`${at}.values[${i}]`, value));
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && (values[i - 1] as number) > value)) errors.push(fieldError.invalid(`${at}.values`, values, 'must be ordered'));
}

/** What is wrong with the success policy. */
export function checkSuccessPolicy(errors: Errors, field: string, { successPolicy, completions, completionMode }: JobSpec): void {
  if (completionMode !== 'Indexed') {
    errors.push(fieldError.invalid(field, successPolicy, 'requires indexed completion mode'));
    return;
  }
  const { rules = [] } = successPolicy ?? {};
  if (rules.length === 0) errors.push(fieldError.required(`${field}.rules`, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > MAX_RULES) errors.push(fieldError.tooMany(`${field}.rules`, rules.length, MAX_RULES));
  // Without completions the Job is invalid anyway, and nothing can be said about indexes.
  if (completions === undefined) return;
  rules.forEach((rule, i) => checkSuccessRule(errors, `${field}.rules[${i}]`, rule, completions));
}

function checkSuccessRule(errors: Errors, at: string, { succeededCount: count, succeededIndexes: indexes }: SuccessPolicyRule, completions: number): void {
  if (count === undefined && indexes === undefined) errors.push(fieldError.required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
  let total = 0;
  if (indexes !== undefined) {
    if (Buffer.byteLength(indexes) > MAX_INDEXES_BYTES) errors.push(fieldError.tooLong(`${at}.succeededIndexes`, MAX_INDEXES_BYTES));
    const read = readIndexes(indexes, completions);
    if ('wrong' in read) errors.push(fieldError.invalid(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${read.wrong}`));
    else total = read.runs.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  }
  if (count === undefined) return;
  notNegative(errors, `${at}.succeededCount`, count);
  if (count > completions) errors.push(fieldError.invalid(`${at}.succeededCount`, count, `must be less than or equal to ${completions} (the number of specified completions)`));
  if (indexes !== undefined && count > total) {
    errors.push(fieldError.invalid(`${at}.succeededCount`, count, `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`));
  }
}
