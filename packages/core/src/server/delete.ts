import type { DeleteOptions, PropagationPolicy, RequestContext, ResourceRef, Selection } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { deepFreeze } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeList, KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';
import { admissionRequest, deletionOptions } from './admission-request.js';
import { validateAdmission } from './admit.js';
import { commitFor, isFenced } from './commit.js';
import { storageKey } from './keys.js';
import { list } from './list.js';
import { type Current, type Resource, readCurrent } from './resource.js';
import { readyToGo } from './update.js';
import { formsOf, lastState, stored, versioned } from './versioned.js';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
/** The last moment that RFC 3339 can name: a longer grace ends then. */
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59);

type DeleteRequest = RequestContext & { readonly ref: ResourceRef; readonly options: DeleteOptions };

/**
 * Deletes one object. It goes at once when nothing holds it; finalizers, a propagation policy that needs the garbage collector, or a grace
 * period make it an object that is being deleted. Asking again may shorten the grace period, never lengthen it. Answers the object as it then is.
 */
export async function remove(resource: Resource, request: DeleteRequest): Promise<KubeObject> {
  const { kind, context } = resource;
  const { namespace, name = '' } = request.ref;
  const { options } = request;
  const dryRun = request.dryRun === true || options.dryRun === true;
  // Each turn that fails means that somebody else's write succeeded, so this ends.
  for (;;) {
    const current = await readCurrent(resource, namespace, name);
    if (current === undefined) throw ApiError.notFound(kind, name);
    checkPreconditions(kind, current.object, options);
    const admission = admissionRequest(request, { operation: 'DELETE', kind, dryRun, old: current.object, options: deletionOptions(options, dryRun) });
    await validateAdmission(context, admission);
    const plan = planDeletion(kind, current.object, options, context.clock.now());
    if (plan.action === 'nothing' || dryRun) return plan.object;
    const result = await commitDeletion(resource, request, current, plan);
    if (result !== undefined) return result;
  }
}

/** Deletes what a selection matches, one after the other; what is gone meanwhile is left out. */
export async function removeCollection(resource: Resource, request: DeleteRequest & Selection): Promise<KubeList> {
  const { labelSelector, fieldSelector } = request;
  const selection = { ...(labelSelector !== undefined && { labelSelector }), ...(fieldSelector !== undefined && { fieldSelector }) };
  const found = await list(resource, { ref: request.ref, ...selection });
  const items: KubeObject[] = [];
  for (const { metadata } of found.items) {
    const ref = { ...request.ref, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }), name: metadata.name ?? '' };
    try {
      items.push(await remove(resource, { ...request, ref, options: { ...request.options, preconditions: { ...request.options.preconditions, uid: metadata.uid ?? '' } } }));
    } catch (error) {
      if (isFenced(error) || (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict'))) throw error;
    }
  }
  return { ...found, items };
}

/** What a delete request comes to. */
export type DeletionPlan = { readonly action: 'remove' | 'mark' | 'nothing'; readonly object: KubeObject };

/** Decides it, as rest.BeforeDelete and registry.Store.Delete do. Pure. */
export function planDeletion(kind: KindDefinition, object: KubeObject, options: DeleteOptions, now: number): DeletionPlan {
  const grace = kind.rules.deletionGraceSeconds?.(object, options.gracePeriodSeconds) ?? 0;
  const finalizers = withPolicy(object.metadata.finalizers ?? [], options.propagationPolicy, kind.rules.defaultPropagation);
  const deleting = object.metadata.deletionTimestamp !== undefined;
  const left = deleting ? Math.min(grace, object.metadata.deletionGracePeriodSeconds ?? 0) : grace;
  const unchanged = deleting && left === (object.metadata.deletionGracePeriodSeconds ?? 0) && sameList(finalizers, object.metadata.finalizers ?? []);
  const metadata = { ...object.metadata, deletionGracePeriodSeconds: left, ...(finalizers.length > 0 ? { finalizers } : {}) };
  if (finalizers.length === 0) delete metadata.finalizers;
  if (!deleting || left !== object.metadata.deletionGracePeriodSeconds) metadata.deletionTimestamp = timeOfMillis(Math.min(now + left * 1000, LATEST));
  if (kind.tracksGeneration && !deleting) metadata.generation = (object.metadata.generation ?? 0) + 1;
  const marked: KubeObject = { ...object, metadata };
  if (!deleting) kind.rules.markDeleted?.(marked);
  if (readyToGo(kind, marked)) return { action: 'remove', object };
  return unchanged ? { action: 'nothing', object } : { action: 'mark', object: marked };
}

/** Another object that changes in the same commit. */
export interface ChangeBeside {
  readonly resource: Resource;
  readonly current: Current;
  readonly next: KubeObject;
}

/** Carries out a deletion, and what is to change with it. Undefined: somebody else wrote one of the objects in between; nothing was done. */
export async function commitDeletion(
  resource: Resource,
  request: Pick<RequestContext, 'fence'>,
  current: Current,
  plan: DeletionPlan,
  beside: readonly ChangeBeside[] = [],
): Promise<KubeObject | undefined> {
  const { kind, context } = resource;
  const { metadata } = current.object;
  const key = storageKey(kind, metadata.namespace, metadata.name ?? '');
  const keyBeside = ({ resource: { kind: other }, current: { object } }: ChangeBeside): string => storageKey(other, object.metadata.namespace, object.metadata.name ?? '');
  const guards = [{ key, modRevision: current.revision }, ...beside.map((one) => ({ key: keyBeside(one), modRevision: one.current.revision }))];
  const also = beside.map((one) => ({ key: keyBeside(one), value: deepFreeze(stored(one.next)) }));
  if (plan.action === 'remove') {
    const { writes } = context.claims.changes(kind, current.object, undefined);
    const result = await commitFor(context, request, { guards, writes: [{ key, delete: true }, ...writes, ...also] });
    if (!result.ok) return undefined;
    context.claims.settled(kind, current.object, undefined);
    return lastState(current.object, result.revision);
  }
  const { kept, told } = await formsOf(kind, plan.object);
  const result = await commitFor(context, request, { guards, writes: [{ key, value: kept }, ...also] });
  return result.ok ? versioned(told, result.revision) : undefined;
}

/** The garbage collector works on these two finalizers; the policy decides which of them the object has. Without one they stay as they are. */
function withPolicy(finalizers: readonly string[], asked: PropagationPolicy | undefined, otherwise: PropagationPolicy | undefined): string[] {
  const policy = asked ?? (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN) ? undefined : otherwise);
  if (policy === undefined) return [...finalizers];
  const rest = finalizers.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  if (policy === 'Foreground') return [...rest, FOREGROUND];
  return policy === 'Orphan' ? [...rest, ORPHAN] : rest;
}

/** Throws Conflict unless the object is the one that was meant. */
export function checkPreconditions(kind: KindDefinition, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = object;
  const name = metadata.name ?? '';
  if (uid !== undefined && uid !== metadata.uid) {
    throw new ApiError('Conflict', `Operation cannot be fulfilled on ${kind.kind} ${JSON.stringify(name)}: the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`, { name, kind: kind.kind });
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw new ApiError('Conflict', `Operation cannot be fulfilled on ${kind.kind} ${JSON.stringify(name)}: the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`, { name, kind: kind.kind });
  }
}

const sameList = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((item, i) => item === b[i]);
