import { fieldError } from '../field-error.js';
import type { PodTemplateSpec } from '../kinds/pod-spec.js';
import { validateLabels } from '../label-selector.js';
import type { Errors } from './checks.js';
import { validateAnnotations } from './object-meta.js';
import { checkPodSpec } from './pod-spec.js';

/** What is wrong with a template of pods at `field`, whoever makes pods from it (ValidatePodTemplateSpec). */
export function checkPodTemplate(errors: Errors, field: string, { metadata, spec }: PodTemplateSpec): void {
  errors.push(...validateLabels(metadata?.labels, `${field}.labels`));
  errors.push(...validateAnnotations(metadata?.annotations ?? {}, `${field}.annotations`));
  checkPodSpec(errors, `${field}.spec`, spec);
  if ((spec.ephemeralContainers ?? []).length > 0) errors.push(fieldError.forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'));
}

/** Pods of workloads that run for good are always restarted and have no deadline; `owner` is the kind's name. */
export function checkAlwaysRestarted(errors: Errors, field: string, { spec }: PodTemplateSpec, owner: string): void {
  const { restartPolicy, activeDeadlineSeconds } = spec;
  if (restartPolicy === 'OnFailure' || restartPolicy === 'Never') errors.push(fieldError.notSupported(`${field}.spec.restartPolicy`, restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined) errors.push(fieldError.forbidden(`${field}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${owner} is not Supported`));
}
