import type { Job } from './kinds/job.js';

/** Labels by which a Job finds its pods, and people theirs. The first of each pair is of the time before labels had prefixes. */
export const JOB_LABELS = {
  name: ['job-name', 'batch.kubernetes.io/job-name'],
  uid: ['controller-uid', 'batch.kubernetes.io/controller-uid'],
} as const;

/**
 * Gives a new Job a selector that nobody else has, by its uid, and its template the labels for it (jobStrategy generateSelector).
 * Labels that the user set stay; validation then says whether they fit. With `manualSelector` nothing happens.
 */
export function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  if (spec.manualSelector === true) return;
  const { name = '', uid = '' } = metadata;
  const template = (spec.template.metadata ??= {});
  const labels = (template.labels ??= {});
  for (const label of JOB_LABELS.name) labels[label] ??= name;
  for (const label of JOB_LABELS.uid) labels[label] ??= uid;
  const selector = (spec.selector ??= {});
  const wanted = (selector.matchLabels ??= {});
  wanted[JOB_LABELS.uid[1]] ??= uid;
  // A Job without labels reads as having those of its template.
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}
