import type { HorizontalPodAutoscalerBehavior, HPAScalingRules } from '@orrery/core';
import { changeWithin, type Recommendation, type ScaleEvent, type ScaleHistory, withRecommendation } from './scale-history.js';

// What becomes of the number that the metrics want: bounds, rates and stabilisation (normalizeDesiredReplicas[WithBehaviors] of kube-controller-manager). Pure.

/** One aspect of the autoscaler's state; the caller adds the times. */
export interface ConditionFacts {
  readonly type: 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** What is to be normalised. */
export interface NormalizeView {
  readonly currentReplicas: number;
  readonly desiredReplicas: number;
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** As defaulting leaves it; undefined: the classic rules. */
  readonly behavior?: HorizontalPodAutoscalerBehavior | undefined;
  /** Stabilisation of scaling down where the behaviour does not say one. */
  readonly downscaleStabilizationMs: number;
  readonly history: ScaleHistory;
  /** Milliseconds of the clock of the history. */
  readonly now: number;
}

/** What came out of it. */
export interface Normalized {
  readonly replicas: number;
  readonly conditions: readonly ConditionFacts[];
  /** With the new recommendation. */
  readonly history: ScaleHistory;
}

interface Limited {
  readonly replicas: number;
  readonly reason: string;
  readonly message: string;
}

const READY = { status: 'True', reason: 'ReadyForNewScale', message: 'recommended size matches current size' } as const;
const DOWN_STABILIZED = {
  status: 'True',
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
} as const;
const UP_STABILIZED = {
  status: 'True',
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
} as const;
const TOO_FEW = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' } as const;
const TOO_MANY = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' } as const;
const TOO_FAST = { reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' } as const;
const TOO_FAST_DOWN = { reason: 'ScaleDownLimit', message: 'the desired replica count is decreasing faster than the maximum scale rate' } as const;
const WITHIN = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' } as const;

/** Bounds, rates and stabilisation, by the autoscaler's behaviour or else by the classic rules. */
export function normalizeReplicas(view: NormalizeView): Normalized {
  return view.behavior === undefined ? classic(view) : withBehavior(view, view.behavior);
}

/** Scaling up at most doubles, or goes to 4; scaling down waits for the window. */
function classic(view: NormalizeView): Normalized {
  const { currentReplicas, desiredReplicas, minReplicas, maxReplicas, downscaleStabilizationMs: window, history, now } = view;
  const recent = history.recommendations.filter(({ at }) => at >= now - window);
  const stabilized = Math.max(desiredReplicas, ...recent.map(({ replicas }) => replicas));
  const fastest = Math.max(2 * currentReplicas, 4);
  const most = Math.min(maxReplicas, fastest);
  let limited: Limited = { replicas: stabilized, ...WITHIN };
  if (stabilized < minReplicas) limited = { replicas: minReplicas, ...TOO_FEW };
  else if (stabilized > most) limited = { replicas: most, ...(maxReplicas > fastest ? TOO_FAST : TOO_MANY) };
  return normalized(limited, stabilized, stabilized === desiredReplicas ? READY : DOWN_STABILIZED, withRecommendation(history, desiredReplicas, window, now));
}

function withBehavior(view: NormalizeView, behavior: HorizontalPodAutoscalerBehavior): Normalized {
  const { currentReplicas, desiredReplicas, history, now } = view;
  const { scaleUp = {}, scaleDown = {} } = behavior;
  const up = (scaleUp.stabilizationWindowSeconds ?? 0) * 1000;
  const down = scaleDown.stabilizationWindowSeconds === undefined ? view.downscaleStabilizationMs : scaleDown.stabilizationWindowSeconds * 1000;
  const since = (window: number): readonly Recommendation[] => history.recommendations.filter(({ at }) => at > now - window);
  const lowest = Math.min(desiredReplicas, ...since(up).map(({ replicas }) => replicas));
  const highest = Math.max(desiredReplicas, ...since(down).map(({ replicas }) => replicas));
  const stabilized = Math.min(Math.max(currentReplicas, lowest), highest);
  const able = stabilized === desiredReplicas ? READY : desiredReplicas >= currentReplicas ? UP_STABILIZED : DOWN_STABILIZED;
  const limited = atRate({ ...view, desiredReplicas: stabilized }, scaleUp, scaleDown);
  return normalized(limited, stabilized, able, withRecommendation(history, desiredReplicas, Math.max(up, down), now));
}

function normalized({ replicas, reason, message }: Limited, stabilized: number, able: Omit<ConditionFacts, 'type'>, history: ScaleHistory): Normalized {
  const conditions: ConditionFacts[] = [
    { type: 'AbleToScale', ...able },
    { type: 'ScalingLimited', status: replicas === stabilized ? 'False' : 'True', reason, message },
  ];
  return { replicas, conditions, history };
}

/** As fast as the policies allow, and within the bounds. */
function atRate(view: NormalizeView, scaleUp: HPAScalingRules, scaleDown: HPAScalingRules): Limited {
  const { currentReplicas: current, desiredReplicas: desired, minReplicas, maxReplicas } = view;
  if (desired > current) {
    // Earlier scaling may have used up more than the policies allow now: that never turns scaling up into scaling down.
    const fastest = Math.max(scaleUpLimit(view, scaleUp), current);
    const most = Math.min(maxReplicas, fastest);
    if (desired > most) return { replicas: most, ...(maxReplicas > fastest ? TOO_FAST : TOO_MANY) };
  } else if (desired < current) {
    const fastest = Math.min(scaleDownLimit(view, scaleDown), current);
    const fewest = Math.max(minReplicas, fastest);
    if (desired < fewest) return { replicas: fewest, ...(minReplicas < fastest ? TOO_FAST_DOWN : TOO_FEW) };
  }
  return { replicas: desired, ...WITHIN };
}

/** How many there were when the period began, by what was scaled since. */
function atStart({ currentReplicas, history, now }: NormalizeView, periodSeconds: number): number {
  const since = (events: readonly ScaleEvent[]): number => changeWithin(events, periodSeconds, now);
  return currentReplicas - since(history.ups) + since(history.downs);
}

function scaleUpLimit(view: NormalizeView, { selectPolicy, policies = [] }: HPAScalingRules): number {
  if (selectPolicy === 'Disabled') return view.currentReplicas;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = atStart(view, periodSeconds);
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  // Going up, the smallest change is the smallest number.
  return selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

function scaleDownLimit(view: NormalizeView, { selectPolicy, policies = [] }: HPAScalingRules): number {
  if (selectPolicy === 'Disabled') return view.currentReplicas;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const start = atStart(view, periodSeconds);
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100));
  });
  return selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits);
}
