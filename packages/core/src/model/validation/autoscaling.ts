import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import type { HorizontalPodAutoscaler, HPAScalingPolicy, HPAScalingRules } from '../kinds/horizontal-pod-autoscaler.js';
import { parseQuantity } from '../quantity.js';
import { notNegative } from './checks.js';
import type { Errors } from './checks.js';
import { apiVersionFault, checkMetrics, checkReference } from './metrics.js';

// HorizontalPodAutoscalers: pkg/apis/autoscaling/validation and the options of registry/autoscaling/horizontalpodautoscaler.

/**
 * With the value `true`, minReplicas may be 0 whatever the metrics are (Kubernetes has a feature gate for it, off by default).
 * The first replica then comes when something asks for one (a connection that a proxy holds), and the last one goes when nothing has for a while.
 */
export const SCALE_TO_ZERO_ANNOTATION = 'autoscaling.orrery.dev/scale-to-zero';

const MAX_PERIOD_SECONDS = 1800;
const MAX_STABILIZATION_SECONDS = 3600;

/** Whether this autoscaler may go to zero by its annotation. */
export function mayScaleToZero({ metadata }: Pick<HorizontalPodAutoscaler, 'metadata'>): boolean {
  return metadata.annotations?.[SCALE_TO_ZERO_ANNOTATION] === 'true';
}

/** What is wrong with a HorizontalPodAutoscaler, apart from what depends on its past. */
export function validateAutoscaler(autoscaler: HorizontalPodAutoscaler): FieldError[] {
  const { spec } = autoscaler;
  const errors: FieldError[] = [];
  if (spec.maxReplicas === 0) errors.push(fieldError.required('spec.maxReplicas'));
  if (spec.maxReplicas < 1) errors.push(fieldError.invalid('spec.maxReplicas', spec.maxReplicas, 'must be greater than 0'));
  if (spec.maxReplicas < (spec.minReplicas ?? 1)) {
    errors.push(fieldError.invalid('spec.maxReplicas', spec.maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  checkReference(errors, 'spec.scaleTargetRef', spec.scaleTargetRef);
  checkMetrics(errors, 'spec.metrics', spec.metrics ?? []);
  const metricsWakeIt = (spec.metrics ?? []).some(({ type }) => type === 'Object' || type === 'External');
  if (spec.minReplicas === 0 && !metricsWakeIt && !mayScaleToZero(autoscaler)) {
    errors.push(fieldError.forbidden('spec.metrics', 'must specify at least one Object or External metric to support scaling to zero replicas'));
  }
  checkRules(errors, 'spec.behavior.scaleUp', spec.behavior?.scaleUp);
  checkRules(errors, 'spec.behavior.scaleDown', spec.behavior?.scaleDown);
  return errors;
}

/** What is wrong with a new HorizontalPodAutoscaler besides that. */
export function validateAutoscalerCreate(autoscaler: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  checkLowerBound(errors, autoscaler, false);
  checkTargetVersion(errors, autoscaler);
  checkObjectVersions(errors, autoscaler);
  return errors;
}

/** What is wrong with a change: what was accepted before may stay. */
export function validateAutoscalerUpdate(autoscaler: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  checkLowerBound(errors, autoscaler, old.spec.minReplicas === 0);
  const [ref, oldRef] = [autoscaler.spec.scaleTargetRef, old.spec.scaleTargetRef];
  if ((ref.apiVersion ?? '') !== (oldRef.apiVersion ?? '') || ref.kind !== oldRef.kind) checkTargetVersion(errors, autoscaler);
  const before: FieldError[] = [];
  checkObjectVersions(before, old);
  if (before.length === 0) checkObjectVersions(errors, autoscaler);
  return errors;
}

/** What is wrong with a change of the status. */
export function validateAutoscalerStatus({ status }: HorizontalPodAutoscaler): FieldError[] {
  const errors: FieldError[] = [];
  notNegative(errors, 'status.currentReplicas', status?.currentReplicas);
  notNegative(errors, 'status.desiredReplicas', status?.desiredReplicas);
  return errors;
}

function checkLowerBound(errors: Errors, autoscaler: HorizontalPodAutoscaler, hadZero: boolean): void {
  const { minReplicas } = autoscaler.spec;
  const lowest = hadZero || mayScaleToZero(autoscaler) ? 0 : 1;
  if (minReplicas !== undefined && minReplicas < lowest) errors.push(fieldError.invalid('spec.minReplicas', minReplicas, `must be greater than or equal to ${lowest}`));
}

function checkTargetVersion(errors: Errors, { spec }: HorizontalPodAutoscaler): void {
  const { apiVersion = '', kind } = spec.scaleTargetRef;
  // ReplicationController is the only scalable kind of the core group.
  const fault = apiVersionFault(apiVersion, kind === 'ReplicationController');
  if (fault !== undefined) errors.push(fieldError.invalid('spec.scaleTargetRef.apiVersion', apiVersion, fault));
}

function checkObjectVersions(errors: Errors, { spec }: HorizontalPodAutoscaler): void {
  spec.metrics?.forEach(({ type, object }, i) => {
    if (type !== 'Object' || object === undefined) return;
    const { apiVersion = '' } = object.describedObject;
    const fault = apiVersionFault(apiVersion, true);
    if (fault !== undefined) errors.push(fieldError.invalid(`spec.metrics[${i}].object.describedObject.apiVersion`, apiVersion, fault));
  });
}

function checkRules(errors: Errors, field: string, rules: HPAScalingRules | undefined): void {
  if (rules === undefined) return;
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  if (window !== undefined && window < 0) errors.push(fieldError.invalid(`${field}.stabilizationWindowSeconds`, window, 'must be greater than or equal to zero'));
  if (window !== undefined && window > MAX_STABILIZATION_SECONDS) {
    errors.push(fieldError.invalid(`${field}.stabilizationWindowSeconds`, window, `must be less than or equal to ${MAX_STABILIZATION_SECONDS}`));
  }
  if (selectPolicy !== undefined && !SELECT_POLICIES.includes(selectPolicy)) {
    errors.push(fieldError.notSupported(`${field}.selectPolicy`, selectPolicy, SELECT_POLICIES));
  }
  if (policies.length === 0) errors.push(fieldError.required(`${field}.policies`, 'must specify at least one Policy'));
  policies.forEach((policy, i) => checkPolicy(errors, `${field}.policies[${i}]`, policy));
  if (tolerance !== undefined && (parseQuantity(tolerance)?.unscaled ?? 0n) < 0n) {
    errors.push(fieldError.invalid(`${field}.tolerance`, tolerance, 'must be greater than or equal to 0'));
  }
}

const SELECT_POLICIES: readonly string[] = ['Disabled', 'Max', 'Min'];
const POLICY_TYPES: readonly string[] = ['Percent', 'Pods'];

function checkPolicy(errors: Errors, field: string, { type, value, periodSeconds }: HPAScalingPolicy): void {
  if (!POLICY_TYPES.includes(type)) errors.push(fieldError.notSupported(`${field}.type`, type, POLICY_TYPES));
  if (value <= 0) errors.push(fieldError.invalid(`${field}.value`, value, 'must be greater than zero'));
  if (periodSeconds <= 0) errors.push(fieldError.invalid(`${field}.periodSeconds`, periodSeconds, 'must be greater than zero'));
  if (periodSeconds > MAX_PERIOD_SECONDS) errors.push(fieldError.invalid(`${field}.periodSeconds`, periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`));
}
