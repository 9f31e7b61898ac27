import {
  decodeObject, HorizontalPodAutoscaler, type HorizontalPodAutoscalerBehavior, type Pod,
} from '@orrery/core';
import {
  normalizeReplicas, type PodFacts, type PodMetric, type PodsView, type Proposal, replicasByAverage, replicasByShare, replicasByUtilization, replicasByValue, requestsOf, type Tolerance,
} from '@orrery/controllers';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds the autoscaler's arithmetic against that of kube-controller-manager.

interface PodInput {
  readonly name: string;
  readonly phase: string;
  readonly deleting?: boolean;
  readonly ready?: boolean;
  readonly readyTransitionAgeSeconds: number;
  readonly startAgeSeconds?: number;
  readonly requestMilli?: number;
  readonly metricMilli?: number;
  readonly metricAgeSeconds: number;
  readonly metricWindowSeconds: number;
}

interface CalculatorInput {
  readonly op: string;
  readonly currentReplicas: number;
  readonly target: number;
  readonly resource?: string;
  readonly tolerance: Tolerance;
  readonly cpuInitializationPeriodSeconds: number;
  readonly initialReadinessDelaySeconds: number;
  readonly metricsError?: boolean;
  readonly metricMilli?: number;
  readonly metricMilliValues?: readonly number[];
  readonly pods: readonly PodInput[];
}

interface Aged {
  readonly value: number;
  readonly ageSeconds: number;
}

interface NormalizeInput {
  readonly currentReplicas: number;
  readonly desiredReplicas: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly downscaleStabilizationSeconds: number;
  readonly behavior?: object;
  readonly recommendations: readonly Aged[];
  readonly scaleUpEvents: readonly Aged[];
  readonly scaleDownEvents: readonly Aged[];
}

const NOW = Date.UTC(2026, 0, 1);
const ago = (seconds: number): number => NOW - seconds * 1000;

/** The replica calculator, and bounds, rates and stabilisation. */
export const hpa: Family = { family: 'hpa', files: ['hpa'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  if (input['op'] === 'normalize') return compare(normalize(input as unknown as NormalizeInput), expected);
  const calculator = CALCULATORS[input['op'] as string];
  if (calculator === undefined) return 'not run';
  const vector = input as unknown as CalculatorInput;
  // A source that fails is for the caller of the calculator, which never gets to it.
  const proposal = vector.metricsError === true ? { error: 'no metrics' } : calculator(vector);
  return compare('error' in proposal ? { error: true } : { error: false, replicas: proposal.replicas, usage: proposal.usage }, expected);
}

const sum = (values: readonly number[] = []): number => values.reduce((total, value) => total + value, 0);

const CALCULATORS: Readonly<Record<string, (input: CalculatorInput) => Proposal>> = {
  resourceUtilization: (input) => {
    const { resource = '' } = input;
    return replicasByUtilization(viewOf(input), resource, input.target, () => requestsOf(input.pods.map((pod) => asPod(pod, resource)), resource));
  },
  resourceAverageValue: (input) => replicasByAverage(viewOf(input), input.resource ?? '', input.target),
  pods: (input) => replicasByAverage(viewOf(input), '', input.target),
  objectValue: (input) => replicasByValue(viewOf(input), input.metricMilli ?? 0, input.target),
  objectAverageValue: (input) => replicasByShare(viewOf(input), input.metricMilli ?? 0, input.target),
  externalValue: (input) => replicasByValue(viewOf(input), sum(input.metricMilliValues), input.target),
  externalAverageValue: (input) => replicasByShare(viewOf(input), sum(input.metricMilliValues), input.target),
};

function viewOf(input: CalculatorInput): PodsView {
  return {
    currentReplicas: input.currentReplicas,
    tolerance: input.tolerance,
    cpuInitializationMs: input.cpuInitializationPeriodSeconds * 1000,
    initialReadinessDelayMs: input.initialReadinessDelaySeconds * 1000,
    pods: input.pods.map(factsOf),
    metrics: new Map(input.pods.flatMap((pod) => metricOf(pod))),
    now: NOW,
  };
}

function factsOf(pod: PodInput): PodFacts {
  return {
    name: pod.name,
    phase: pod.phase,
    deleting: pod.deleting ?? false,
    ...(pod.ready !== undefined && { ready: { status: pod.ready ? 'True' : 'False', since: ago(pod.readyTransitionAgeSeconds) } }),
    ...(pod.startAgeSeconds !== undefined && { startedAt: ago(pod.startAgeSeconds) }),
  };
}

function metricOf({ name, metricMilli, metricAgeSeconds, metricWindowSeconds }: PodInput): [string, PodMetric][] {
  return metricMilli === undefined ? [] : [[name, { value: metricMilli, timestamp: ago(metricAgeSeconds), windowMs: metricWindowSeconds * 1000 }]];
}

function asPod({ name, requestMilli }: PodInput, resource: string): Pod {
  const resources = requestMilli === undefined ? {} : { requests: { [resource]: `${requestMilli}m` } };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', resources }] } } as unknown as Pod;
}

function normalize(input: NormalizeInput): Record<string, unknown> {
  const behavior = defaulted(input.behavior);
  const window = input.downscaleStabilizationSeconds;
  const events = (aged: readonly Aged[]) => aged.map(({ value, ageSeconds }) => ({ change: value, at: ago(ageSeconds) }));
  const { replicas, conditions } = normalizeReplicas({
    currentReplicas: input.currentReplicas,
    desiredReplicas: input.desiredReplicas,
    minReplicas: input.minReplicas,
    maxReplicas: input.maxReplicas,
    behavior,
    downscaleStabilizationMs: window * 1000,
    history: {
      recommendations: input.recommendations.map(({ value, ageSeconds }) => ({ replicas: value, at: ago(ageSeconds) })),
      ups: events(input.scaleUpEvents),
      downs: events(input.scaleDownEvents),
    },
    now: NOW,
  });
  const shown = Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status}/${reason}`]));
  // The controller's own window stands in the recorded behaviour: it fills it in before it looks.
  const filled = behavior && { ...behavior, scaleDown: { stabilizationWindowSeconds: window, ...behavior.scaleDown } };
  return { replicas, ...shown, ...(filled && { defaultedBehavior: filled }) };
}

function defaulted(behavior: object | undefined): HorizontalPodAutoscalerBehavior | undefined {
  const { object } = decodeObject(HorizontalPodAutoscaler, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'x' },
    spec: { maxReplicas: 1, ...(behavior && { behavior }) },
  });
  HorizontalPodAutoscaler.rules.applyDefaults?.(object);
  return object.spec.behavior;
}
