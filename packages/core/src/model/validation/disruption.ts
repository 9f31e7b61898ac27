import type { FieldError } from '../field-error.js';
import { fieldError } from '../field-error.js';
import { scaledIntOrPercent } from '../int-or-percent.js';
import type { IntOrString } from '../int-or-percent.js';
import type { PodDisruptionBudget } from '../kinds/pod-disruption-budget.js';
import { validateLabelSelector } from '../label-selector.js';
import { isQualifiedName, isValidPercent } from '../names.js';
import { invalidEach, notNegative, oneOfIfSet } from './checks.js';
import type { Errors } from './checks.js';

// Disruption budgets: pkg/apis/policy/validation.

/** What is wrong with a PodDisruptionBudget. */
export function validatePodDisruptionBudget({ spec }: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = [];
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) errors.push(fieldError.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
  checkShare(errors, 'spec.minAvailable', minAvailable);
  checkShare(errors, 'spec.maxUnavailable', maxUnavailable);
  errors.push(...validateLabelSelector(selector, 'spec.selector'));
  oneOfIfSet(errors, 'spec.unhealthyPodEvictionPolicy', unhealthyPodEvictionPolicy, ['IfHealthyBudget', 'AlwaysAllow']);
  return errors;
}

/** What is wrong with the status of a PodDisruptionBudget. */
export function validatePodDisruptionBudgetStatus({ status }: PodDisruptionBudget): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const) notNegative(errors, `status.${field}`, status?.[field]);
  status?.conditions?.forEach(({ type }, i) => invalidEach(errors, `status.conditions[${i}].type`, type, isQualifiedName(type)));
  return errors;
}

function checkShare(errors: Errors, field: string, value: IntOrString | undefined): void {
  if (value === undefined) return;
  if (typeof value === 'number') {
    notNegative(errors, field, value);
    return;
  }
  invalidEach(errors, field, value, isValidPercent(value));
  if ((scaledIntOrPercent(value, 100, true) ?? 0) > 100) errors.push(fieldError.invalid(field, value, 'must not be greater than 100%'));
}
