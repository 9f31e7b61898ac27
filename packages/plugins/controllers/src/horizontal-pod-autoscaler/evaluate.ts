import { errorMessage, formatQuantity, type MetricSpec, type MetricStatus, type MetricTarget, type MetricValueStatus, milliValue, type Pod, quantityOf } from '@orrery/core';
import { factsOf, type PodMetrics, type ReadinessRules } from './pod-groups.js';
import type { MetricReaders } from './readers.js';
import { type PodsView, type Proposal, replicasByAverage, replicasByShare, replicasByUtilization, replicasByValue, type Tolerance } from './replica-calculator.js';
import { requestsOf } from './requests.js';

/** What one metric says. */
export type Evaluation =
  | { readonly replicas: number; /** For people: what wanted that many. */ readonly metric: string; readonly status: MetricStatus }
  /** `reason` of the event and the condition. `ofPods`: a metric that pods have, so that it says nothing when there are none. */
  | { readonly reason: string; readonly error: string; readonly ofPods: boolean };

/** What a metric is evaluated against. */
export interface EvaluationView extends ReadinessRules {
  readonly specReplicas: number;
  readonly statusReplicas: number;
  readonly tolerance: Tolerance;
  readonly pods: readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

type Good = Exclude<Proposal, { readonly error: string }>;

/** Reads one metric and says how many replicas it wants (computeReplicasForMetric of the HPA controller). Never throws. */
export async function evaluateMetric(spec: MetricSpec, view: EvaluationView, readers: MetricReaders): Promise<Evaluation> {
  try {
    return await evaluate(spec, view, readers);
  } catch (error) {
    const { type } = spec;
    const what = PREFIXES[type]?.(spec);
    const known = what !== undefined;
    return {
      reason: known ? `FailedGet${type}Metric` : 'InvalidMetricSourceType',
      error: known ? `failed to get ${what}: ${errorMessage(error)}` : `unknown metric source type ${JSON.stringify(type)}`,
      ofPods: type !== 'Object' && type !== 'External',
    };
  }
}

const ofTarget = (name: string, { averageValue }: MetricTarget): string => `${name} ${averageValue === undefined ? 'utilization' : 'usage'}`;

const PREFIXES: Readonly<Record<string, (spec: MetricSpec) => string | undefined>> = {
  Resource: ({ resource }) => resource && ofTarget(resource.name, resource.target),
  ContainerResource: ({ containerResource }) => containerResource && ofTarget(containerResource.name, containerResource.target),
  Pods: () => 'pods metric value',
  Object: () => 'object metric value',
  External: ({ external }) => external && `${external.metric.name} external metric`,
};

async function evaluate(spec: MetricSpec, view: EvaluationView, readers: MetricReaders): Promise<Evaluation> {
  const { type, resource, containerResource, pods, object, external } = spec;
  if (type === 'Resource' && resource !== undefined) {
    const found = byResource(resource.name, resource.target, view, readers);
    return { ...found, status: { type, resource: { name: resource.name, current: found.current } } };
  }
  if (type === 'ContainerResource' && containerResource !== undefined) {
    const { name, container, target } = containerResource;
    const found = byResource(name, target, view, readers, container);
    return { ...found, status: { type, containerResource: { name, container, current: found.current } } };
  }
  if (type === 'Pods' && pods !== undefined) {
    const { metric, target } = pods;
    const found = good(replicasByAverage(podsView(view, await readers.pods(metric, view.pods)), '', amountOf(target.averageValue)));
    return { replicas: found.replicas, metric: `pods metric ${metric.name}`, status: { type, pods: { metric, current: { averageValue: milli(found.usage) } } } };
  }
  if (type === 'Object' && object !== undefined) {
    const { metric, target, describedObject } = object;
    const { replicas, current } = byValue(target, await readers.object(metric, describedObject), view);
    return { replicas, metric: `${describedObject.kind} metric ${metric.name}`, status: { type, object: { metric, describedObject, current } } };
  }
  if (type === 'External' && external !== undefined) {
    const { metric, target } = external;
    const { replicas, current } = byValue(target, await readers.external(metric), view);
    return { replicas, metric: `external metric ${metric.name}`, status: { type, external: { metric, current } } };
  }
  throw new RangeError(`unknown metric source type ${JSON.stringify(type)}`);
}

function byResource(name: string, target: MetricTarget, view: EvaluationView, readers: MetricReaders, container?: string): { readonly replicas: number; readonly metric: string; readonly current: MetricValueStatus } {
  const { averageValue, averageUtilization } = target;
  const inner = podsView(view, readers.resource(view.pods, name, container));
  const what = container === undefined ? `${name} resource` : `${name} container resource`;
  if (averageValue !== undefined) {
    const { replicas, usage } = good(replicasByAverage(inner, name, amountOf(averageValue)));
    return { replicas, metric: what, current: { averageValue: milli(usage) } };
  }
  if (averageUtilization === undefined) throw new RangeError('invalid resource metric source: neither an average utilization target nor an average value (usage) target was set');
  const { replicas, usage, utilization = 0 } = good(replicasByUtilization(inner, name, averageUtilization, () => requestsOf(view.pods, name, container)));
  return { replicas, metric: `${what} utilization (percentage of request)`, current: { averageUtilization: utilization, averageValue: milli(usage) } };
}

function byValue({ type, value, averageValue }: MetricTarget, reading: number, view: EvaluationView): { readonly replicas: number; readonly current: MetricValueStatus } {
  if (averageValue !== undefined && (type === 'AverageValue' || value === undefined)) {
    const { replicas, usage } = good(replicasByShare({ currentReplicas: view.statusReplicas, tolerance: view.tolerance }, reading, amountOf(averageValue)));
    return { replicas, current: { averageValue: milli(usage) } };
  }
  if (value === undefined) throw new RangeError('invalid metric source: neither a value target nor an average value target was set');
  const pods = view.pods.map(factsOf);
  const { replicas, usage } = good(replicasByValue({ currentReplicas: view.specReplicas, tolerance: view.tolerance, pods }, reading, amountOf(value)));
  return { replicas, current: { value: milli(usage) } };
}

function podsView(view: EvaluationView, metrics: PodMetrics): PodsView {
  const { specReplicas, tolerance, cpuInitializationMs, initialReadinessDelayMs, now } = view;
  return { currentReplicas: specReplicas, tolerance, cpuInitializationMs, initialReadinessDelayMs, now, pods: view.pods.map(factsOf), metrics };
}

function good(proposal: Proposal): Good {
  if ('error' in proposal) throw new RangeError(proposal.error);
  return proposal;
}

/** Thousandths of a target; validation has seen to it that it is there and positive. */
const amountOf = (text: string | undefined): number => milliValue(text ?? '0');

const milli = (amount: number): string => formatQuantity(quantityOf(amount, 'DecimalSI', -3));
