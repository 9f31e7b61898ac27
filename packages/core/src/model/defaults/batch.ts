import type { CronJob } from '../kinds/cronjob.js';
import type { Job, JobSpec } from '../kinds/job.js';
import { applyPodSpecDefaults } from './pod.js';

// Scheme defaulting of Job and CronJob: pkg/apis/batch/v1/defaults.go.

const NO_LIMIT = 2 ** 31 - 1;

/** Fills in what a Job leaves open. */
export function applyJobDefaults(job: Job): void {
  const { spec } = job;
  applyTemplateDefaults(spec);
  // Without completions any one success is enough; without both, one pod is meant.
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : NO_LIMIT;
  const labels = spec.template.metadata?.labels;
  // One object, on purpose: labels that are generated for the template then are the Job's as well, as in Kubernetes.
  if (labels !== undefined && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = labels;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  spec.manualSelector ??= false;
}

/** Fills in what a CronJob leaves open. Of the Job it makes, only the pods: the rest is filled in when a Job is made. */
export function applyCronJobDefaults({ spec }: CronJob): void {
  if ((spec.concurrencyPolicy ?? '') === '') spec.concurrencyPolicy = 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate.metadata ??= {};
  applyTemplateDefaults(spec.jobTemplate.spec);
}

function applyTemplateDefaults(spec: JobSpec): void {
  spec.template.metadata ??= {};
  applyPodSpecDefaults(spec.template.spec);
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) if (pattern.status === '') pattern.status = 'True';
  }
}
