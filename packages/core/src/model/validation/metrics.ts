import { fieldError } from '../field-error.js';
import type {
  ContainerResourceMetricSource, CrossVersionObjectReference, MetricIdentifier, MetricSpec, MetricTarget, ObjectMetricSource,
} from '../kinds/metric-target.js';
import { isDns1123Label, isQualifiedName, isValidPathSegmentName } from '../names.js';
import { parseQuantity } from '../quantity.js';
import { invalidEach, required } from './checks.js';
import type { Errors } from './checks.js';
import { isStandardResource } from './resources.js';

// The metrics of HorizontalPodAutoscalers: validateMetricSpec and what it calls in pkg/apis/autoscaling/validation.

/** The members of a metric by its type, in the order in which Kubernetes looks at them. */
const MEMBERS = { Object: 'object', External: 'external', Pods: 'pods', Resource: 'resource', ContainerResource: 'containerResource' } as const;
const TYPES: readonly string[] = Object.keys(MEMBERS).sort();
const TARGET_TYPES: readonly string[] = ['Utilization', 'Value', 'AverageValue'];

/** What is wrong with a list of metrics. */
export function checkMetrics(errors: Errors, field: string, metrics: readonly MetricSpec[]): void {
  metrics.forEach((metric, i) => checkMetric(errors, `${field}[${i}]`, metric));
}

/** The kind and name of an object; its version is checked apart. */
export function checkReference(errors: Errors, field: string, { kind, name }: CrossVersionObjectReference): void {
  if (required(errors, `${field}.kind`, kind)) invalidEach(errors, `${field}.kind`, kind, isValidPathSegmentName(kind));
  if (required(errors, `${field}.name`, name)) invalidEach(errors, `${field}.name`, name, isValidPathSegmentName(name));
}

/** What is wrong with an `apiVersion` (ValidateAPIVersion): more than one slash, or no group where one is needed. */
export function apiVersionFault(apiVersion: string, coreGroupAllowed: boolean): string | undefined {
  const parts = apiVersion === '/' ? [''] : apiVersion.split('/');
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  return coreGroupAllowed || (parts.length === 2 && parts[0] !== '') ? undefined : 'apiVersion must specify API group';
}

function checkMetric(errors: Errors, field: string, metric: MetricSpec): void {
  const { type } = metric;
  if (type === '') errors.push(fieldError.required(`${field}.type`, 'must specify a metric source type'));
  if (!TYPES.includes(type)) errors.push(fieldError.notSupported(`${field}.type`, type, TYPES));
  const present = Object.values(MEMBERS).filter((member) => metric[member] !== undefined);
  const [first] = present;
  if (first !== undefined) checkSource(errors, `${field}.${first}`, metric, first);
  const expected = Object.hasOwn(MEMBERS, type) ? MEMBERS[type as keyof typeof MEMBERS] : undefined;
  if (expected !== undefined && metric[expected] === undefined) {
    errors.push(fieldError.required(`${field}.${expected}`, 'must populate information for the given metric source'));
  }
  if (present.length === 1) return;
  for (const member of present) if (member !== expected) errors.push(fieldError.forbidden(`${field}.${member}`, 'must populate the given metric source only'));
}

function checkSource(errors: Errors, field: string, metric: MetricSpec, member: (typeof MEMBERS)[keyof typeof MEMBERS]): void {
  const { object, external, pods, resource, containerResource } = metric;
  if (member === 'object' && object !== undefined) checkObject(errors, field, object);
  else if (member === 'external' && external !== undefined) checkExternal(errors, field, external);
  else if (member === 'pods' && pods !== undefined) checkPods(errors, field, pods);
  else if (member === 'resource' && resource !== undefined) checkResource(errors, field, resource);
  else if (containerResource !== undefined) checkContainerResource(errors, field, containerResource);
}

type Named = Pick<ObjectMetricSource, 'metric' | 'target'>;

function checkObject(errors: Errors, field: string, source: ObjectMetricSource): void {
  checkReference(errors, `${field}.describedObject`, source.describedObject);
  checkNamed(errors, field, source);
  const { value, averageValue } = source.target;
  if (value === undefined && averageValue === undefined) errors.push(fieldError.required(`${field}.target.averageValue`, 'must set either a target value or averageValue'));
}

function checkExternal(errors: Errors, field: string, source: Named): void {
  checkNamed(errors, field, source);
  const { value, averageValue } = source.target;
  if (value === undefined && averageValue === undefined) {
    errors.push(fieldError.required(`${field}.target.averageValue`, 'must set either a target value for metric or a per-pod target'));
  }
  if (value !== undefined && averageValue !== undefined) {
    errors.push(fieldError.forbidden(`${field}.target.value`, 'may not set both a target value for metric and a per-pod target'));
  }
}

function checkPods(errors: Errors, field: string, source: Named): void {
  checkNamed(errors, field, source);
  if (source.target.averageValue === undefined) errors.push(fieldError.required(`${field}.target.averageValue`, 'must specify a positive target averageValue'));
}

function checkNamed(errors: Errors, field: string, { metric, target }: Named): void {
  checkIdentifier(errors, `${field}.metric`, metric);
  checkTarget(errors, `${field}.target`, target);
}

function checkContainerResource(errors: Errors, field: string, source: ContainerResourceMetricSource): void {
  const { name, container } = source;
  if (name !== '') {
    invalidEach(errors, `${field}.name`, name, isQualifiedName(name));
    if (!name.includes('/') && !isStandardResource(name)) errors.push(fieldError.invalid(`${field}.name`, name, 'must be a standard resource for containers'));
  }
  if (required(errors, `${field}.container`, container, 'must specify a container')) invalidEach(errors, `${field}.container`, container, isDns1123Label(container));
  checkResource(errors, field, source);
}

function checkResource(errors: Errors, field: string, { name, target }: Pick<ContainerResourceMetricSource, 'name' | 'target'>): void {
  required(errors, `${field}.name`, name, 'must specify a resource name');
  checkTarget(errors, `${field}.target`, target);
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    errors.push(fieldError.required(`${field}.target.averageUtilization`, 'must set either a target raw value or a target utilization'));
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    errors.push(fieldError.forbidden(`${field}.target.averageValue`, 'may not set both a target raw value and a target utilization'));
  }
}

function checkIdentifier(errors: Errors, field: string, { name }: MetricIdentifier): void {
  if (required(errors, `${field}.name`, name, 'must specify a metric name')) invalidEach(errors, `${field}.name`, name, isValidPathSegmentName(name));
}

function checkTarget(errors: Errors, field: string, { type, value, averageValue, averageUtilization }: MetricTarget): void {
  required(errors, `${field}.type`, type, 'must specify a metric target type');
  if (!TARGET_TYPES.includes(type)) errors.push(fieldError.invalid(`${field}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  positive(errors, `${field}.value`, value);
  positive(errors, `${field}.averageValue`, averageValue);
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(fieldError.invalid(`${field}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  }
}

function positive(errors: Errors, field: string, text: string | undefined): void {
  if (text !== undefined && (parseQuantity(text)?.unscaled ?? 0n) <= 0n) errors.push(fieldError.invalid(field, text, 'must be positive'));
}
