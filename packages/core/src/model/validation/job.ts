import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { JOB_LABELS } from '../job-selector.js';
import { cloneJson, equalJson } from '../json.js';
import type { Job, JobSpec } from '../kinds/job.js';
import type { PodTemplateSpec } from '../kinds/pod-spec.js';
import type { LabelSelector } from '../kinds/selectors.js';
import { labelMatcher, type LabelMatcher, validateLabelSelector } from '../label-selector.js';
import { isDns1123Label, isDomainPrefixedPath } from '../names.js';
import { invalidEach, notNegative, required } from './checks.js';
import type { Errors } from './checks.js';
import { checkPodFailurePolicy, checkSuccessPolicy } from './job-policies.js';
import { isConditionTrue } from './job-status.js';
import { checkPodTemplate } from './pod-template.js';

// Jobs: pkg/apis/batch/validation, and the options that pkg/registry/batch/job chooses.

const MAX_INDEXED = 100_000;
/** Above so many completions a limit per index asks for the other limits as well. */
const MANY_COMPLETIONS = 100_000;
const LIMIT_FOR_MANY = 10_000;
const MAX_MANAGED_BY = 63;

/** What is wrong with a Job. */
export function validateJob(job: Job): FieldError[] {
  const errors: FieldError[] = [];
  const { spec, metadata } = job;
  if (spec.manualSelector !== true && spec.selector !== undefined) checkGenerated(errors, job, spec.selector);
  checkJobSpec(errors, 'spec', spec);
  if (spec.selector === undefined) errors.push(fieldError.required('spec.selector'));
  else errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  const labels = spec.template.metadata?.labels;
  if (matcherOf(spec.selector)?.matches(labels) === false) errors.push(fieldError.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    // The last pod's name decides; a Job that could not make it would fail much later.
    const hostname = `${metadata.name ?? ''}-${(spec.completions ?? 0) - 1}`;
    if (isDns1123Label(hostname).length > 0) errors.push(fieldError.invalid('metadata.name', metadata.name, `will not able to create pod with invalid DNS label: ${hostname}`));
  }
  return errors;
}

/** Undefined for a selector that cannot be read: that is said elsewhere. */
function matcherOf(selector: LabelSelector | undefined): LabelMatcher | undefined {
  try {
    return labelMatcher(selector);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What the server gave a Job must be as it gave it: a selector that selects by this Job's uid, and the labels for it. */
function checkGenerated(errors: Errors, { metadata, spec }: Job, selector: LabelSelector): void {
  const { uid = '', name = '' } = metadata;
  const labels = spec.template.metadata?.labels ?? {};
  if (uid === '') errors.push(fieldError.required('metadata.uid'));
  const expected: Record<string, string> = {};
  for (const label of JOB_LABELS.uid) expected[label] = uid;
  for (const label of JOB_LABELS.name) expected[label] = name;
  for (const label in expected) {
    const at = `spec.template.metadata.labels[${label}]`;
    if (labels[label] === undefined) errors.push(fieldError.required(at, `must be '${expected[label]}'`));
    else if (labels[label] !== expected[label]) errors.push(fieldError.invalid(at, labels, `must be '${expected[label]}'`));
  }
  if (matcherOf(selector)?.matches(expected) === false) errors.push(fieldError.invalid('spec.selector', selector, '`selector` not auto-generated'));
}

/** What is wrong with the spec of a Job, or of the Jobs of a CronJob, at `field`, apart from its selector. */
export function checkJobSpec(errors: Errors, field: string, spec: JobSpec): void {
  for (const key of ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished', 'backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
    notNegative(errors, `${field}.${key}`, spec[key]);
  }
  const { backoffLimitPerIndex, maxFailedIndexes, completionMode } = spec;
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) errors.push(fieldError.required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined) checkManagedBy(errors, `${field}.managedBy`, spec.managedBy);
  if (completionMode !== undefined && completionMode !== 'NonIndexed' && completionMode !== 'Indexed') {
    errors.push(fieldError.notSupported(`${field}.completionMode`, completionMode, ['NonIndexed', 'Indexed']));
  }
  if (completionMode === 'Indexed') checkIndexed(errors, field, spec);
  if (completionMode === undefined || completionMode === 'NonIndexed') {
    for (const key of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      if (spec[key] !== undefined) errors.push(fieldError.invalid(`${field}.${key}`, spec[key], 'requires indexed completion mode'));
    }
  }
  if (spec.podFailurePolicy !== undefined) checkPodFailurePolicy(errors, `${field}.podFailurePolicy`, spec);
  if (spec.successPolicy !== undefined) checkSuccessPolicy(errors, `${field}.successPolicy`, spec);
  const replacement = spec.podReplacementPolicy;
  const policies = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  if (replacement !== undefined && !policies.includes(replacement)) errors.push(fieldError.notSupported(`${field}.podReplacementPolicy`, replacement, policies));
  checkPodTemplate(errors, `${field}.template`, spec.template);
  checkRestartPolicy(errors, `${field}.template.spec.restartPolicy`, spec);
}

function checkManagedBy(errors: Errors, at: string, value: string): void {
  if (!required(errors, at, value)) return;
  invalidEach(errors, at, value, isDomainPrefixedPath(value));
  if (Buffer.byteLength(value) > MAX_MANAGED_BY) errors.push(fieldError.tooLong(at, MAX_MANAGED_BY));
}

function checkIndexed(errors: Errors, field: string, { completions, parallelism, backoffLimitPerIndex, maxFailedIndexes }: JobSpec): void {
  const atMost = (key: string, value: number | undefined, max: number, when = ''): void => {
    if (value !== undefined && value > max) errors.push(fieldError.invalid(`${field}.${key}`, value, `must be less than or equal to ${max}${when}`));
  };
  if (completions === undefined) errors.push(fieldError.required(`${field}.completions`, 'when completion mode is Indexed'));
  atMost('parallelism', parallelism, MAX_INDEXED, ' when completion mode is Indexed');
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
    errors.push(fieldError.invalid(`${field}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'));
  }
  atMost('maxFailedIndexes', maxFailedIndexes, MAX_INDEXED);
  if (completions === undefined || completions <= MANY_COMPLETIONS || backoffLimitPerIndex === undefined) return;
  if (maxFailedIndexes === undefined) errors.push(fieldError.required(`${field}.maxFailedIndexes`, `must be specified when completions is above ${MANY_COMPLETIONS}`));
  const many = ` when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  atMost('parallelism', parallelism, LIMIT_FOR_MANY, many);
  atMost('maxFailedIndexes', maxFailedIndexes, LIMIT_FOR_MANY, many);
}

function checkRestartPolicy(errors: Errors, at: string, { template, podFailurePolicy }: JobSpec): void {
  const { restartPolicy = '' } = template.spec;
  if (restartPolicy === 'Always' || restartPolicy === '') errors.push(fieldError.required(at, 'valid values: "OnFailure", "Never"'));
  else if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never') errors.push(fieldError.notSupported(at, restartPolicy, ['OnFailure', 'Never']));
  else if (podFailurePolicy !== undefined && restartPolicy !== 'Never') {
    errors.push(fieldError.invalid(at, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}

/** What is wrong with a change of a Job: nearly all of it is immutable once it exists. */
export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const errors: FieldError[] = [];
  const [next, last] = [job.spec, old.spec];
  checkCompletions(errors, next, last);
  const template = isAtRest(old) ? withMutableOf(last.template, next.template) : last.template;
  if (!equalJson(next.template, template)) errors.push(fieldError.invalid('spec.template', next.template, 'field is immutable'));
  for (const key of ['selector', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const) {
    if (!equalJson(next[key], last[key])) errors.push(fieldError.invalid(`spec.${key}`, next[key], 'field is immutable'));
  }
  return errors;
}

/** Indexed Jobs are elastic: their completions change together with their parallelism. */
function checkCompletions(errors: Errors, next: JobSpec, last: JobSpec): void {
  if (next.completions === last.completions) return;
  if (next.completionMode !== 'Indexed') errors.push(fieldError.invalid('spec.completions', next.completions, 'field is immutable'));
  else if (next.completions !== undefined && next.completions !== next.parallelism) {
    errors.push(fieldError.invalid('spec.completions', next.completions, 'can only be modified in tandem with spec.parallelism'));
  }
}

/** Suspended, and none of its pods is left: what its pods need, and where they may go, can then still be changed. */
function isAtRest({ spec, status }: Job): boolean {
  if (spec.suspend !== true) return false;
  return status?.startTime === undefined || (isConditionTrue(status, 'Suspended') && (status.active ?? 0) === 0);
}

/** The old template with all that a suspended Job may change taken from the new one. */
function withMutableOf(old: PodTemplateSpec, next: PodTemplateSpec): PodTemplateSpec {
  const template = cloneJson(old);
  const { spec } = template;
  const { affinity } = next.spec;
  if (affinity === undefined && spec.affinity !== undefined) {
    delete spec.affinity.nodeAffinity;
    if (Object.keys(spec.affinity).length === 0) delete spec.affinity;
  } else if (affinity !== undefined) spec.affinity = { ...spec.affinity, nodeAffinity: affinity.nodeAffinity };
  spec.nodeSelector = next.spec.nodeSelector;
  spec.tolerations = next.spec.tolerations;
  spec.schedulingGates = next.spec.schedulingGates;
  template.metadata = { ...template.metadata, annotations: next.metadata?.annotations, labels: next.metadata?.labels };
  for (const part of ['containers', 'initContainers'] as const) {
    if (spec[part]?.length === next.spec[part]?.length) spec[part]?.forEach((container, i) => (container.resources = next.spec[part]?.[i]?.resources));
  }
  return template;
}
