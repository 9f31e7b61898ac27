import {
  type Controller,
  errorMessage,
  keyOf,
  type KindDefinition,
  labelMatcher,
  type Lister,
  type ObjectKey,
  Pod,
  PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  type ReconcileContext,
  type ReconcileResult,
  ReplicaSet,
  watching,
} from '@orrery/core';
import { type BudgetPlan, isUpToDate, planBudget, planFailure } from './plan.js';
import { wantedPods } from './wanted-pods.js';

/** Options of the disruption controller. */
export interface DisruptionControllerOptions {
  /** The kinds whose scale is asked for how many pods they want. */
  readonly kinds: () => Iterable<KindDefinition>;
}

interface Caches {
  readonly budgets: Lister<PodDisruptionBudget>;
  readonly pods: Lister<Pod>;
  readonly sets: Lister<ReplicaSet>;
}

/** Keeps the counts of PodDisruptionBudgets, by which evictions are allowed. */
export function disruptionController({ kinds }: DisruptionControllerOptions): Controller {
  return {
    name: 'disruption',
    start: (setup) => {
      const caches: Caches = { budgets: setup.informer(PodDisruptionBudget).lister, pods: setup.informer(Pod).lister, sets: setup.informer(ReplicaSet).lister };
      return {
        watches: [
          watching({ kind: PodDisruptionBudget, keys: (budget) => [keyOf(budget)] }),
          watching({ kind: Pod, keys: (pod, old) => covering(pod, old, caches.budgets) }),
        ],
        reconcile: (key, context) => reconcile(caches.budgets.get(key), context, caches, kinds),
      };
    },
  };
}

/** The budgets that select a pod, or did before it was changed. */
function covering(pod: Pod, old: Pod | undefined, budgets: Lister<PodDisruptionBudget>): readonly ObjectKey[] {
  const all = budgets.list(pod.metadata.namespace);
  return all.length === 0 ? [] : all.filter((budget) => selects(budget, pod) || (old !== undefined && selects(budget, old))).map(keyOf);
}

/** No selector selects nothing, an empty one every pod of the namespace (policy/v1). */
function selects({ spec: { selector } }: PodDisruptionBudget, pod: Pod): boolean {
  return selector !== undefined && labelMatcher(selector).matches(pod.metadata.labels);
}

async function reconcile(budget: PodDisruptionBudget | undefined, context: ReconcileContext, caches: Caches, kinds: DisruptionControllerOptions['kinds']): Promise<ReconcileResult> {
  if (budget === undefined) return;
  const { events, client, clock } = context;
  const { selector, minAvailable } = budget.spec;
  const matcher = selector === undefined ? undefined : labelMatcher(selector);
  const pods = matcher === undefined ? [] : caches.pods.list(budget.metadata.namespace).filter((pod) => matcher.matches(pod.metadata.labels));
  const news = budget.status?.observedGeneration !== budget.metadata.generation;
  let plan: BudgetPlan;
  try {
    const wanted = typeof minAvailable === 'number' ? { total: 0, unmanaged: [] } : await wantedPods(pods, { client, sets: caches.sets, kinds });
    plan = planBudget({ budget, pods, wanted: () => wanted.total, now: clock.now() });
    // What is told is told when it becomes so, not again with each pod that changes.
    if (pods.length === 0 && (news || (budget.status?.expectedPods ?? 0) > 0)) events.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    if (wanted.unmanaged.length > 0 && news) events.event(budget, 'Warning', 'UnmanagedPods', unmanagedText(budget, matcher?.toString() ?? '', wanted.unmanaged));
  } catch (error) {
    events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${errorMessage(error)}`);
    await write(context, budget, planFailure(budget, errorMessage(error), clock.now()));
    throw error;
  }
  for (const pod of plan.notDeleted) {
    events.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${budget.metadata.namespace}/${budget.metadata.name} to be deleted but it wasn't`);
  }
  await write(context, budget, plan.status);
  return plan.againAfterMs === undefined ? undefined : { againAfterMs: plan.againAfterMs };
}

/** Under the version that was seen: an eviction that took from the budget meanwhile must not be overwritten. */
async function write({ client }: ReconcileContext, budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
  if (!isUpToDate(budget, status)) await client.kind(PodDisruptionBudget).updateStatus({ ...budget, status });
}

const SHOWN = 5;

function unmanagedText({ metadata }: PodDisruptionBudget, selector: string, pods: readonly Pod[]): string {
  const names = pods.slice(0, SHOWN).map((pod) => pod.metadata.name);
  const more = pods.length > SHOWN ? ` and ${pods.length - SHOWN} more` : '';
  return `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB ${metadata.name} cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value. Unmanaged pods: ${names.join(', ')}${more}`;
}
