import { ApiError } from '../model/api-error.js';
import { withConditionSet } from '../model/conditions.js';
import type { Pod } from '../model/kinds/pod.js';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../model/kinds/pod-disruption-budget.js';
import { timeOfMillis } from '../model/timestamp.js';

/** Evictions under way that one budget remembers (MaxDisruptedPodSize). */
const MAX_DISRUPTED = 2000;
/** When to ask again after a refusal that soon is none any more. For others no time is told: who evicts waits as it sees fit, and its HTTP client does not wait in its place. */
const RETRY_SECONDS = 10;

/** An eviction that may go on. */
export interface EvictionPlan {
  /** The budget with one disruption less; absent: the eviction costs none. */
  readonly budget?: PodDisruptionBudget;
}

/**
 * Whether a pod may be evicted under the budget that covers it, and what the budget is then. Throws TooManyRequests when it may not now, Forbidden when the budget is damaged
 * (registry/core/pod/storage/eviction.go). `now` in milliseconds since the epoch. Pure.
 */
export function planEviction(pod: Pod, budget: PodDisruptionBudget | undefined, now: number): EvictionPlan {
  if (budget === undefined || needsNoBudget(pod)) return {};
  const { status = NOTHING_YET } = budget;
  const isReady = pod.status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const isSatisfied = status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
  // A pod that does not serve is not what the budget protects, unless it is needed to become healthy again.
  if (!isReady && (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' || isSatisfied)) return {};
  return { budget: decremented(budget, status, pod.metadata.name ?? '', now) };
}

const NOTHING_YET: PodDisruptionBudgetStatus = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };

/** Whether a pod is no budget's business: it has ended, has not begun, or goes already. Pure. */
export function needsNoBudget({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Pending';
}

function decremented(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus, pod: string, now: number): PodDisruptionBudget {
  const { name = '', generation = 0 } = budget.metadata;
  if ((status.observedGeneration ?? 0) < generation) throw refused(`The disruption budget ${name} is still being processed by the server.`, RETRY_SECONDS);
  if (status.disruptionsAllowed < 0) throw forbidden(name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED) throw forbidden(name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (status.disruptionsAllowed === 0) throw refused(exhausted(name, status));
  const disruptionsAllowed = status.disruptionsAllowed - 1;
  const conditions = disruptionsAllowed === 0 ? withConditionSet(status.conditions, { ...INSUFFICIENT, observedGeneration: generation }, now) : status.conditions;
  return {
    ...budget,
    status: { ...status, disruptionsAllowed, disruptedPods: { ...status.disruptedPods, [pod]: timeOfMillis(now) }, ...(conditions && { conditions }) },
  };
}

const INSUFFICIENT = { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '' };

function exhausted(name: string, { conditions, currentHealthy, desiredHealthy }: PodDisruptionBudgetStatus): string {
  const { reason, message = '' } = conditions?.find(({ type, status }) => type === 'DisruptionAllowed' && status === 'False') ?? {};
  const refusal = `The disruption budget ${name} does not allow evicting pods currently`;
  // The counts of a budget that could not be computed tell nothing.
  if (message !== '' && reason === 'SyncFailed') return `${refusal} because it failed sync: ${message}`;
  if (currentHealthy <= desiredHealthy) return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return message === '' ? refusal : `${refusal} (${reason}): ${message}`;
}

const refused = (message: string, retryAfterSeconds?: number): ApiError =>
  new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message }],
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });

const forbidden = (name: string, why: string): ApiError =>
  new ApiError('Forbidden', `poddisruptionbudgets.policy ${JSON.stringify(name)} is forbidden: ${why}`, { name, group: 'policy', kind: 'poddisruptionbudgets' });
