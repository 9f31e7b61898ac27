import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { RUNS_HERE } from '../model/binding.js';
import { readPath } from '../model/json.js';
import type { Pod } from '../model/kinds/pod.js';
import type { PodCondition } from '../model/kinds/pod-status.js';
import type { KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';
import { commitFor } from './commit.js';
import { storageKey } from './keys.js';
import { type Resource, readCurrent } from './resource.js';
import { stored, versioned } from './versioned.js';

const NODE_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * The binding subresource: sets a pod's node, once. Refused with Conflict when the pod has one, is being deleted, has scheduling gates,
 * or is not the one (uid) that was meant (registry/core/pod BindingREST).
 */
export async function bind(resource: Resource, request: RequestContext & { readonly ref: ResourceRef; readonly body: unknown }): Promise<KubeObject> {
  const { kind, context } = resource;
  if (kind.kind !== 'Pod' || kind.group !== '') throw new ApiError('NotFound', 'the server could not find the requested resource');
  const { namespace, name = '' } = request.ref;
  const node = readPath(request.body, '.target.name');
  if (typeof node !== 'string' || !NODE_NAME.test(node)) throw ApiError.badRequest('target.name of a Binding must be the name of a node');
  const uid = readPath(request.body, '.metadata.uid');
  context.recovery.checkBinding(saysThatItRuns(request.body));
  // Each turn that fails means that somebody else's write succeeded, so this ends.
  for (;;) {
    const current = await readCurrent(resource, namespace, name);
    if (current === undefined) throw ApiError.notFound(kind, name);
    const pod = current.object as Pod;
    const refuse = (why: string): ApiError => ApiError.conflict(kind, name, why);
    if (typeof uid === 'string' && uid !== '' && uid !== pod.metadata.uid) throw refuse(`Precondition failed: UID in precondition: ${uid.slice(0, 50)}, UID in object meta: ${pod.metadata.uid}`);
    if (pod.metadata.deletionTimestamp !== undefined) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
    if ((pod.spec.nodeName ?? '') !== '') throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
    if ((pod.spec.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
    const value = stored(bound(pod, node, timeOfMillis(context.clock.now())));
    if (request.dryRun === true) return versioned(value, current.revision);
    const key = storageKey(kind, namespace, name);
    const result = await commitFor(context, request, { guards: [{ key, modRevision: current.revision }], writes: [{ key, value }] });
    if (result.ok) return versioned(value, result.revision);
  }
}

/** Whether the node itself binds what runs there already. */
function saysThatItRuns(body: unknown): boolean {
  const annotations = readPath(body, '.metadata.annotations');
  return typeof annotations === 'object' && annotations !== null && (annotations as Readonly<Record<string, unknown>>)[RUNS_HERE] === 'true';
}

/** Shares with the old pod all that does not change; everything in it is frozen. */
function bound(pod: Pod, nodeName: string, now: string): Pod {
  const scheduled: PodCondition = Object.freeze({ type: 'PodScheduled', status: 'True', lastTransitionTime: now });
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled');
  const status = Object.freeze({ ...pod.status, conditions: Object.freeze([...others, scheduled]) as PodCondition[] });
  return Object.freeze({ ...pod, spec: Object.freeze({ ...pod.spec, nodeName }), status }) as Pod;
}
