import { type Condition, equalJson, millisOfTime, type Pod, type PodDisruptionBudget, type PodDisruptionBudgetStatus, scaledIntOrPercent, withConditionSet } from '@orrery/core';
import { isPodReady } from '../shared/pods.js';

/** After so many milliseconds an evicted pod that is still there counts again (DeletionTimeout). */
export const DELETION_TIMEOUT_MS = 120_000;

/** What a budget is computed from. */
export interface BudgetView {
  readonly budget: PodDisruptionBudget;
  /** The pods that it selects. */
  readonly pods: readonly Pod[];
  /** How many pods their owners want together; asked for only when the budget is a share, or is of what may be unavailable. Throws when it cannot be told. */
  readonly wanted: () => number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What becomes of a budget. */
export interface BudgetPlan {
  readonly status: PodDisruptionBudgetStatus;
  /** Pods whose eviction was allowed long ago and which are still there. */
  readonly notDeleted: readonly Pod[];
  /** When an eviction is given up, if nothing happens before; milliseconds from now. */
  readonly againAfterMs: number | undefined;
}

/** The state of a budget (controller/disruption trySync). Pure. Throws what `wanted` throws. */
export function planBudget(view: BudgetView): BudgetPlan {
  const { budget, pods, now } = view;
  const { expectedPods, desiredHealthy } = expected(view);
  const before = budget.status?.disruptedPods ?? {};
  const disrupted: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let again: number | undefined;
  for (const pod of pods) {
    const { name = '', deletionTimestamp } = pod.metadata;
    const since = Object.hasOwn(before, name) ? before[name] : undefined;
    if (deletionTimestamp !== undefined || since === undefined) continue;
    const left = (millisOfTime(since) ?? 0) + DELETION_TIMEOUT_MS - now;
    if (left <= 0) {
      notDeleted.push(pod);
      continue;
    }
    disrupted[name] = since;
    again = Math.min(again ?? left, left);
  }
  const currentHealthy = pods.filter((pod) => pod.metadata.deletionTimestamp === undefined && !Object.hasOwn(disrupted, pod.metadata.name ?? '') && isPodReady(pod)).length;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const { generation = 0 } = budget.metadata;
  const status: PodDisruptionBudgetStatus = {
    ...(generation > 0 && { observedGeneration: generation }),
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: conditionsWith(budget, disruptionsAllowed > 0 ? ALLOWED : NOT_ALLOWED, now),
  };
  return { status, notDeleted, againAfterMs: again };
}

/** The status of a budget that cannot be computed: it allows nothing (failSafe). Pure. */
export function planFailure(budget: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus {
  const { disruptedPods, currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = budget.status ?? {};
  const { generation = 0 } = budget.metadata;
  return {
    ...(generation > 0 && { observedGeneration: generation }),
    ...(disruptedPods !== undefined && { disruptedPods }),
    disruptionsAllowed: 0,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: conditionsWith(budget, { status: 'False', reason: 'SyncFailed', message }, now),
  };
}

/** Whether a budget's status is as planned. */
export const isUpToDate = (budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): boolean => equalJson(budget.status ?? {}, status);

function expected({ budget: { spec }, pods, wanted }: BudgetView): { readonly expectedPods: number; readonly desiredHealthy: number } {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) {
    const expectedPods = wanted();
    return { expectedPods, desiredHealthy: Math.max(0, expectedPods - (scaledIntOrPercent(maxUnavailable, expectedPods, true) ?? 0)) };
  }
  if (typeof minAvailable === 'number') return { expectedPods: pods.length, desiredHealthy: minAvailable };
  if (minAvailable === undefined) return { expectedPods: 0, desiredHealthy: 0 };
  const expectedPods = wanted();
  return { expectedPods, desiredHealthy: scaledIntOrPercent(minAvailable, expectedPods, true) ?? 0 };
}

type Facts = Pick<Condition, 'status' | 'reason' | 'message'>;
const ALLOWED: Facts = { status: 'True', reason: 'SufficientPods', message: '' };
const NOT_ALLOWED: Facts = { status: 'False', reason: 'InsufficientPods', message: '' };

function conditionsWith({ metadata, status }: PodDisruptionBudget, facts: Facts, now: number): Condition[] {
  const { generation = 0 } = metadata;
  return withConditionSet(status?.conditions, { type: 'DisruptionAllowed', ...facts, ...(generation > 0 && { observedGeneration: generation }) }, now);
}
