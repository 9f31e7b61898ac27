import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { Deployment, DeploymentStrategy } from '../kinds/deployment.js';
import type { PodTemplateSpec } from '../kinds/pod-spec.js';
import type { ReplicaSet } from '../kinds/replicaset.js';
import type { LabelSelector } from '../kinds/selectors.js';
import { labelMatcher, validateLabelSelector } from '../label-selector.js';
import { notNegative } from './checks.js';
import type { Errors } from './checks.js';
import { checkAlwaysRestarted, checkPodTemplate } from './pod-template.js';
import { checkAtMostAll, checkIntOrPercent, figure } from './replacing.js';

// Deployments and ReplicaSets: pkg/apis/apps/validation.

/** What is wrong with a Deployment. */
export function validateDeployment({ spec }: Deployment): FieldError[] {
  const errors: FieldError[] = [];
  notNegative(errors, 'spec.replicas', spec.replicas);
  checkSelector(errors, spec.selector as LabelSelector | undefined);
  checkTemplate(errors, spec.selector as LabelSelector | undefined, spec.template);
  checkStrategy(errors, spec.strategy ?? {});
  notNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  notNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec;
  notNegative(errors, 'spec.progressDeadlineSeconds', deadline);
  if (deadline !== undefined && deadline <= minReadySeconds) errors.push(fieldError.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return errors;
}

/** What is wrong with a ReplicaSet. */
export function validateReplicaSet({ spec }: ReplicaSet): FieldError[] {
  const errors: FieldError[] = [];
  notNegative(errors, 'spec.replicas', spec.replicas);
  notNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  checkSelector(errors, spec.selector as LabelSelector | undefined);
  checkTemplate(errors, spec.selector as LabelSelector | undefined, spec.template);
  return errors;
}

/** The selector of a workload never changes: pods would be orphaned. */
export function validateSelectorUpdate<T extends { readonly spec: { readonly selector: LabelSelector } }>(object: T, old: T): FieldError[] {
  return equalJson(object.spec.selector, old.spec.selector) ? [] : [fieldError.invalid('spec.selector', object.spec.selector, 'field is immutable')];
}

function checkSelector(errors: Errors, selector: LabelSelector | undefined): void {
  if (selector === undefined) {
    errors.push(fieldError.required('spec.selector'));
    return;
  }
  errors.push(...validateLabelSelector(selector, 'spec.selector'));
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0) {
    errors.push(fieldError.invalid('spec.selector', selector, 'empty selector is invalid for deployment'));
  }
}

function checkTemplate(errors: Errors, selector: LabelSelector | undefined, template: PodTemplateSpec): void {
  const labels = template.metadata?.labels;
  try {
    const matcher = labelMatcher(selector);
    if (!matcher.empty && !matcher.matches(labels)) errors.push(fieldError.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    errors.push(fieldError.invalid('spec.selector', selector, 'invalid label selector'));
    return;
  }
  checkPodTemplate(errors, 'spec.template', template);
  checkAlwaysRestarted(errors, 'spec.template', template, 'ReplicaSet');
}

function checkStrategy(errors: Errors, { type, rollingUpdate }: DeploymentStrategy): void {
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined) errors.push(fieldError.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"));
    return;
  }
  if (type !== 'RollingUpdate') {
    errors.push(fieldError.notSupported('spec.strategy', type, ['Recreate', 'RollingUpdate']));
    return;
  }
  if (rollingUpdate === undefined) {
    errors.push(fieldError.required('spec.strategy.rollingUpdate', 'this should be defaulted and never be nil'));
    return;
  }
  const at = 'spec.strategy.rollingUpdate';
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
  checkIntOrPercent(errors, `${at}.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(errors, `${at}.maxSurge`, maxSurge);
  // Of the percentages only the figure counts here: 0% of anything is nothing.
  if (figure(maxUnavailable) === 0 && figure(maxSurge) === 0) errors.push(fieldError.invalid(`${at}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  checkAtMostAll(errors, `${at}.maxUnavailable`, maxUnavailable);
}
