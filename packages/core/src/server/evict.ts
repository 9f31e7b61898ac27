import type { DeleteOptions, RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { readPath } from '../model/json.js';
import type { Pod } from '../model/kinds/pod.js';
import type { PodDisruptionBudget } from '../model/kinds/pod-disruption-budget.js';
import { labelMatcher } from '../model/label-selector.js';
import type { KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';
import { admissionRequest, deletionOptions } from './admission-request.js';
import { validateAdmission } from './admit.js';
import { checkPreconditions, commitDeletion, planDeletion } from './delete.js';
import { needsNoBudget, planEviction } from './eviction-plan.js';
import { list } from './list.js';
import { type Current, type Resource, readCurrent } from './resource.js';

type EvictRequest = RequestContext & { readonly ref: ResourceRef; readonly body: unknown };

/**
 * The eviction subresource: deletes a pod unless a disruption budget forbids it (registry/core/pod EvictionREST). The budget's count goes down in the same commit in which
 * the pod is marked, so that evictions at the same time never take more than the budget has. Refused with TooManyRequests when it has nothing left.
 * Asking again for a pod that is being deleted is fine.
 */
export async function evict(pods: Resource, budgets: Resource, request: EvictRequest): Promise<KubeObject> {
  const { kind, context } = pods;
  const { namespace, name = '' } = request.ref;
  const options = optionsOf(request.body, name);
  const dryRun = request.dryRun === true || options.dryRun === true;
  // Each turn that fails means that somebody else's write succeeded: an eviction under the same budget takes one of what it has, so this ends.
  for (;;) {
    const current = await readCurrent(pods, namespace, name);
    if (current === undefined) throw ApiError.notFound(kind, name);
    checkPreconditions(kind, current.object, options);
    const pod = current.object as Pod;
    const budget = needsNoBudget(pod) ? undefined : await budgetOf(budgets, pod);
    const plan = planEviction(pod, budget?.object as PodDisruptionBudget | undefined, context.clock.now());
    const admission = admissionRequest(request, { operation: 'DELETE', kind, dryRun, old: pod, options: deletionOptions(options, dryRun) });
    await validateAdmission(context, admission);
    const marked: Pod = { ...pod, status: disrupted(pod, timeOfMillis(context.clock.now())) };
    const deletion = planDeletion(kind, marked, options, context.clock.now());
    if (dryRun || deletion.action === 'nothing') return DONE;
    const beside = plan.budget !== undefined && budget !== undefined ? [{ resource: budgets, current: budget, next: plan.budget }] : [];
    if ((await commitDeletion(pods, request, current, deletion, beside)) !== undefined) return DONE;
  }
}

const DONE = Object.freeze({ apiVersion: 'v1', kind: 'Status', metadata: Object.freeze({}), status: 'Success', code: 201 }) as KubeObject;

/** The one budget that covers a pod, as it is stored now. */
async function budgetOf(budgets: Resource, pod: Pod): Promise<Current | undefined> {
  const { group, version, plural } = budgets.kind;
  const { namespace } = pod.metadata;
  const all = await list(budgets, { ref: { group, version, resource: plural, ...(namespace !== undefined && { namespace }) } });
  const covering = (all.items as readonly PodDisruptionBudget[]).filter(({ spec }) => spec.selector !== undefined && labelMatcher(spec.selector).matches(pod.metadata.labels));
  if (covering.length > 1) throw new ApiError('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  const [object] = covering;
  return object === undefined ? undefined : { object, revision: Number(object.metadata.resourceVersion) };
}

function disrupted({ status }: Pod, now: string): Pod['status'] {
  const others = (status?.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget');
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting', lastTransitionTime: now };
  return { ...status, conditions: [...others, condition] };
}

/** The options of the deletion in an Eviction (policy/v1). Throws BadRequest for another pod's or malformed ones. */
function optionsOf(body: unknown, name: string): DeleteOptions {
  const named = readPath(body, '.metadata.name');
  if (named !== undefined && named !== '' && named !== name) throw ApiError.badRequest('name in URL does not match name in Eviction object');
  const given = readPath(body, '.deleteOptions') ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) throw ApiError.badRequest('deleteOptions of an Eviction must be an object');
  const { gracePeriodSeconds, preconditions, dryRun, propagationPolicy } = given as Readonly<Record<string, unknown>>;
  if (gracePeriodSeconds !== undefined && !Number.isInteger(gracePeriodSeconds)) throw ApiError.badRequest('deleteOptions.gracePeriodSeconds of an Eviction must be a whole number');
  if (dryRun !== undefined && !(Array.isArray(dryRun) && dryRun.every((stage) => stage === 'All'))) throw ApiError.badRequest('deleteOptions.dryRun of an Eviction must be ["All"]');
  if (propagationPolicy !== undefined && !POLICIES.has(propagationPolicy)) throw ApiError.badRequest('deleteOptions.propagationPolicy of an Eviction must be Orphan, Background or Foreground');
  const [uid, resourceVersion] = [readPath(preconditions, '.uid'), readPath(preconditions, '.resourceVersion')];
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds: gracePeriodSeconds as number }),
    ...(propagationPolicy !== undefined && { propagationPolicy: propagationPolicy as NonNullable<DeleteOptions['propagationPolicy']> }),
    ...(Array.isArray(dryRun) && dryRun.length > 0 && { dryRun: true }),
    ...((uid !== undefined || resourceVersion !== undefined) && {
      preconditions: { ...(typeof uid === 'string' && { uid }), ...(typeof resourceVersion === 'string' && { resourceVersion }) },
    }),
  };
}

const POLICIES: ReadonlySet<unknown> = new Set(['Orphan', 'Background', 'Foreground']);
