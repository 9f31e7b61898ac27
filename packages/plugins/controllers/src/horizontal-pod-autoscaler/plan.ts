import type { HorizontalPodAutoscaler, MetricStatus } from '@orrery/core';
import type { Evaluation } from './evaluate.js';
import { type ConditionFacts, normalizeReplicas } from './normalize.js';
import { newHistory, type ScaleHistory } from './scale-history.js';

// What an autoscaler is to do: reconcileAutoscaler and computeReplicasForMetrics of kube-controller-manager's HPA controller, and Orrery's scaling to and from zero. Pure.

/** Demand for a target that may be scaled to zero. */
export interface DemandView {
  /** Something waits for a first replica, or uses one, now. */
  readonly asked: boolean;
  /** Nothing has for the whole idle window. */
  readonly idle: boolean;
}

/** What the plan is made from. */
export interface AutoscaleView {
  readonly autoscaler: HorizontalPodAutoscaler;
  /** What the target is to have (`spec.replicas` of its scale). */
  readonly currentReplicas: number;
  /** Absent: not scaled by demand. */
  readonly demand?: DemandView | undefined;
  readonly downscaleStabilizationMs: number;
  readonly history: ScaleHistory;
  /** Milliseconds of the clock of the history. */
  readonly now: number;
}

/** An event to record. */
export interface PlannedEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What is to happen. */
export interface AutoscalePlan {
  /** How many replicas the target should have. */
  readonly replicas: number;
  /** Why, for people; '' when nothing changes. */
  readonly reason: string;
  readonly conditions: readonly ConditionFacts[];
  readonly events: readonly PlannedEvent[];
  /** Undefined: those of before stay. */
  readonly currentMetrics?: readonly MetricStatus[];
  readonly history: ScaleHistory;
  /** Whether metrics can change anything: if not, only a change of an object can. */
  readonly watchMetrics: boolean;
}

/** What is decided without asking for a metric; undefined: by the metrics. */
export function planWithoutMetrics(view: AutoscaleView): AutoscalePlan | undefined {
  const { autoscaler, currentReplicas: current, demand, history, now } = view;
  const { minReplicas = 1, maxReplicas, metrics = [] } = autoscaler.spec;
  const base = { conditions: [], events: [], history, watchMetrics: true };
  const active = (status: 'True' | 'False', reason: string, message: string): ConditionFacts[] => [{ type: 'ScalingActive', status, reason, message }];
  if (current === 0 && minReplicas !== 0) {
    const conditions = active('False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    return { ...base, replicas: 0, reason: '', conditions, currentMetrics: [], watchMetrics: false };
  }
  if (current > maxReplicas) return { ...base, replicas: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' };
  if (current < minReplicas) return { ...base, replicas: minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' };
  if (current > 0 || demand === undefined) return undefined;
  if (demand.asked) {
    const conditions = active('True', 'Demand', 'the HPA was asked for a first replica');
    return { ...base, replicas: 1, reason: 'requests are waiting for a first replica', conditions, history: newHistory(1, now) };
  }
  if (metrics.some(({ type }) => type === 'Object' || type === 'External')) return undefined;
  const conditions = active('False', 'ScaledToZero', 'nothing has asked for a replica; metrics of pods say nothing without pods');
  return { ...base, replicas: 0, reason: '', conditions, currentMetrics: [], watchMetrics: false };
}

/** What is decided by the metrics, one evaluation for each in their order. */
export function planByMetrics(view: AutoscaleView, evaluations: readonly Evaluation[]): AutoscalePlan {
  const { autoscaler, currentReplicas: current, demand, history, now } = view;
  const { minReplicas = 1, maxReplicas, behavior } = autoscaler.spec;
  const wanted = highest(view, evaluations);
  const currentMetrics = evaluations.flatMap((one) => ('status' in one ? [one.status] : []));
  const failures = failed(evaluations);
  const events: PlannedEvent[] = failures.map(({ reason, error }) => ({ type: 'Warning', reason, message: error }));
  if ('failure' in wanted) {
    const { reason, error } = wanted.failure;
    events.push({ type: 'Warning', reason: 'FailedComputeMetricsReplicas', message: invalid(evaluations, failures.length, error) });
    const conditions: ConditionFacts[] = [{ type: 'ScalingActive', status: 'False', reason, message: `the HPA was unable to compute the replica count: ${error}` }];
    return { replicas: current, reason: '', conditions, events, currentMetrics, history, watchMetrics: true };
  }
  const active: ConditionFacts = {
    type: 'ScalingActive',
    status: 'True',
    reason: 'ValidMetricFound',
    message: `the HPA was able to successfully calculate a replica count from ${wanted.metric}`,
  };
  const normalized = normalizeReplicas({
    currentReplicas: current,
    desiredReplicas: wanted.replicas,
    // While it is used, or was a little ago, it keeps one: the metrics of a quiet pod say nothing of who is about to use it.
    minReplicas: demand === undefined || demand.idle ? minReplicas : Math.max(minReplicas, Math.min(current, 1)),
    maxReplicas,
    behavior,
    downscaleStabilizationMs: view.downscaleStabilizationMs,
    history,
    now,
  });
  const { replicas } = normalized;
  const reason = replicas > current ? `${wanted.metric} above target` : replicas < current ? wanted.below : '';
  return { replicas, reason, conditions: [...normalized.conditions, active], events, currentMetrics, history: normalized.history, watchMetrics: true };
}

type Failure = Extract<Evaluation, { readonly error: string }>;

const failed = (evaluations: readonly Evaluation[]): Failure[] => evaluations.filter((one): one is Failure => 'error' in one);

const invalid = (evaluations: readonly Evaluation[], count: number, first: string): string => `invalid metrics (${count} invalid out of ${evaluations.length}), first error is: ${first}`;

interface Wanted {
  readonly replicas: number;
  readonly metric: string;
  /** Why it is scaled down, if it is. */
  readonly below: string;
}

/** The highest of what the metrics want. One that fails does not keep the others from scaling up, but nothing is scaled down without knowing all. */
function highest({ currentReplicas: current, demand }: AutoscaleView, evaluations: readonly Evaluation[]): Wanted | { readonly failure: Failure } {
  let best: { readonly replicas: number; readonly metric: string } | undefined;
  for (const one of evaluations) if ('metric' in one && (best === undefined || one.replicas > best.replicas)) best = one;
  const failures = failed(evaluations);
  // The last replica of what nobody uses goes even if its own metrics say nothing any more.
  const lastOne = demand?.idle === true && current <= 1 && (best?.replicas ?? 0) <= 1;
  const blocking = lastOne ? failures.filter(({ ofPods }) => !ofPods) : failures;
  const [failure] = blocking;
  if (failure !== undefined && (best === undefined || best.replicas < current)) return { failure };
  if (lastOne) return { replicas: 0, metric: best?.metric ?? 'demand', below: 'nothing has used it for the idle window' };
  if (best === undefined) throw new RangeError('an autoscaler has at least one metric');
  return { ...best, below: 'All metrics below target' };
}
