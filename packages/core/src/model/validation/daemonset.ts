import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { DaemonSet, DaemonSetUpdateStrategy } from '../kinds/daemonset.js';
import type { LabelSelector } from '../kinds/selectors.js';
import { labelMatcher, validateLabelSelector } from '../label-selector.js';
import { notNegative } from './checks.js';
import type { Errors } from './checks.js';
import { checkAlwaysRestarted, checkPodTemplate } from './pod-template.js';
import { checkAtMostAll, checkIntOrPercent, figure } from './replacing.js';

/** What is wrong with a DaemonSet (ValidateDaemonSetSpec). */
export function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  const errors: FieldError[] = [];
  checkSelector(errors, spec.selector as LabelSelector | undefined, spec.template.metadata?.labels);
  checkPodTemplate(errors, 'spec.template', spec.template);
  checkAlwaysRestarted(errors, 'spec.template', spec.template, 'DaemonSet');
  notNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  checkStrategy(errors, spec.updateStrategy ?? {});
  notNegative(errors, 'spec.revisionHistoryLimit', spec.revisionHistoryLimit);
  return errors;
}

function checkSelector(errors: Errors, selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> | undefined): void {
  errors.push(...validateLabelSelector(selector, 'spec.selector'));
  try {
    if (!labelMatcher(selector).matches(labels)) errors.push(fieldError.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  } catch (error) {
    // What is wrong with it has been said.
    if (!(error instanceof RangeError)) throw error;
  }
  if (selector !== undefined && Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0) {
    errors.push(fieldError.invalid('spec.selector', selector, 'empty selector is invalid for daemonset'));
  }
}

function checkStrategy(errors: Errors, strategy: DaemonSetUpdateStrategy): void {
  const { type, rollingUpdate } = strategy;
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    errors.push(fieldError.notSupported('spec.updateStrategy', strategy.type, ['RollingUpdate', 'OnDelete']));
    return;
  }
  if (rollingUpdate === undefined) {
    errors.push(fieldError.required('spec.updateStrategy.rollingUpdate'));
    return;
  }
  const at = 'spec.updateStrategy.rollingUpdate';
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate;
  for (const [name, value] of [['maxUnavailable', maxUnavailable], ['maxSurge', maxSurge]] as const) {
    checkIntOrPercent(errors, `${at}.${name}`, value);
    checkAtMostAll(errors, `${at}.${name}`, value);
  }
  const [down, twice] = [figure(maxUnavailable) !== 0, figure(maxSurge) !== 0];
  if (down && twice) errors.push(fieldError.invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (!down && !twice) errors.push(fieldError.required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
}

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

/** What is wrong with a change of status (ValidateDaemonSetStatusUpdate). */
export function validateDaemonSetStatus({ status }: DaemonSet, old: DaemonSet): FieldError[] {
  const errors: FieldError[] = [];
  for (const count of COUNTS) notNegative(errors, `status.${count}`, status?.[count]);
  const { collisionCount = 0 } = status ?? {};
  if (collisionCount < (old.status?.collisionCount ?? 0)) errors.push(fieldError.invalid('status.collisionCount', collisionCount, 'cannot be decremented'));
  return errors;
}
