import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { equalJson } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { validateObjectMeta, validateObjectMetaUpdate } from '../model/validation/object-meta.js';
import { admissionRequest, writeOptions } from './admission-request.js';
import { mutateAdmission, validateAdmission } from './admit.js';
import { fieldsAfter } from './managed-fields.js';
import { commitFor } from './commit.js';
import { placeInNamespace } from './create.js';
import { decodeBody } from './decode-body.js';
import { storageKey } from './keys.js';
import { underReservation, type Written } from './reservation.js';
import { type Current, type Resource, readCurrent } from './resource.js';
import { formsOf, versioned } from './versioned.js';

const STALE = 'the object has been modified; please apply your changes to the latest version and try again';

/** What a change is computed from and by whom. */
export interface ChangeRequest extends RequestContext {
  readonly ref: ResourceRef;
  /** What is computed is applied: it says itself who manages which field. */
  readonly applies?: boolean;
  /** It is a patch. */
  readonly patches?: boolean;
  /** The subresource through which a part of the object itself is written: as what it is kept who manages that. */
  readonly through?: string;
}

/** Replaces an object, or the part of it that a subresource stands for (its status …). With a resourceVersion in the body only that version. */
export function update(resource: Resource, request: ChangeRequest & { readonly body: unknown }): Promise<KubeObject> {
  return change(resource, request, () => decodeBody(resource.kind, request.body, request));
}

/**
 * Reads, computes, checks and commits, again if others wrote in between, as registry.Store.Update does.
 * `compute` gets the current object and returns a private draft; it may be called several times. A draft that changes nothing is not written.
 */
export async function change(resource: Resource, request: ChangeRequest, compute: (current: KubeObject) => KubeObject): Promise<KubeObject> {
  const { kind, context } = resource;
  const { namespace, name = '' } = request.ref;
  // Each turn that fails means that somebody else's write succeeded, so this ends.
  for (let contested = 0; ; ) {
    const current = await readCurrent(resource, namespace, name);
    if (current === undefined) throw ApiError.notFound(kind, name);
    const draft = compute(current.object);
    const wanted = draft.metadata.resourceVersion ?? '';
    if (wanted !== '' && wanted !== current.object.metadata.resourceVersion) throw ApiError.conflict(kind, name, STALE);
    if (draft.metadata.uid !== undefined && draft.metadata.uid !== '' && draft.metadata.uid !== current.object.metadata.uid) {
      throw ApiError.conflict(kind, name, `Precondition failed: UID in precondition: ${draft.metadata.uid}, UID in object meta: ${current.object.metadata.uid}`);
    }
    const result = await changeOnce(resource, request, current, draft);
    if (result.object !== undefined) return result.object;
    if (result.contested !== undefined) context.claims.learn(result.contested, (contested += 1));
    else if (wanted !== '') throw ApiError.conflict(kind, name, STALE);
  }
}

/** Without an object: somebody else wrote in between, or took an address that was to be this one's. */
async function changeOnce(resource: Resource, request: ChangeRequest, current: Current, draft: KubeObject): Promise<Written> {
  const { kind, context } = resource;
  const old = current.object;
  const isStatus = request.ref.subresource === 'status';
  const part = kind.rules.subresources?.[request.ref.subresource ?? ''];
  const next = allowedOf(kind, old, draft, request.ref);
  if (request.applies === true) next.metadata.managedFields = draft.metadata.managedFields;

  const admission = admissionRequest(request, {
    operation: 'UPDATE',
    kind,
    object: next,
    old,
    options: writeOptions(request.patches === true ? 'PatchOptions' : 'UpdateOptions', request),
    settle: (object) => {
      const other = decodeBody(kind, object, { user: request.user, fieldValidation: 'Ignore' });
      const { managedFields } = next.metadata;
      return withManagers(allowedOf(kind, old, other, request.ref), managedFields);
    },
  });
  await mutateAdmission(context, admission);
  if (!isStatus && kind.tracksGeneration && desiredStateChanged(kind, next, old)) next.metadata.generation = (old.metadata.generation ?? 0) + 1;
  if (request.applies !== true) trackFields(kind, old, next, draft, request, context.clock.now());
  next.metadata.resourceVersion = old.metadata.resourceVersion;
  if (equalJson(next, old)) return { object: old, committed: false };

  const errors = [
    ...validateObjectMeta(next.metadata, { namespaced: kind.namespaced, ...(kind.rules.validateName && { validateName: kind.rules.validateName }), anyFinalizer: kind.shape !== undefined }),
    ...validateObjectMetaUpdate(next.metadata, old.metadata),
    ...(isStatus ? (kind.rules.validateStatusUpdate?.(next, old) ?? []) : [...(kind.rules.validate?.(next) ?? []), ...((part ?? kind.rules).validateUpdate?.(next, old) ?? [])]),
  ];
  if (errors.length > 0) throw ApiError.invalid(kind, next.metadata.name ?? '', errors);
  return underReservation(
    () => (isStatus ? () => {} : context.claims.reserve(kind, next, old)),
    async () => {
      await validateAdmission(context, admission);
      return commitChange(resource, request, current, next);
    },
  );
}

/** Of a draft what the request may change; the rest is as it was. */
function allowedOf(kind: KindDefinition, old: KubeObject, draft: KubeObject, ref: ResourceRef): KubeObject {
  const isStatus = ref.subresource === 'status';
  const part = kind.rules.subresources?.[ref.subresource ?? ''];
  checkName(draft, ref);
  placeInNamespace(kind, draft, ref.namespace);
  const next = isStatus ? withStatusOf(kind, old, draft) : part !== undefined ? part.take(draft, old) : draft;
  // A part may be one of the status; what is not is the old object's.
  carryOver(kind, next, old, isStatus || part !== undefined);
  if (isStatus) {
    kind.rules.prepareForStatusUpdate?.(next, old);
    return next;
  }
  kind.rules.applyDefaults?.(next);
  if (ref.subresource !== 'finalize' && part === undefined) kind.rules.prepareForUpdate?.(next, old);
  return next;
}

function withManagers(object: KubeObject, managedFields: KubeObject['metadata']['managedFields']): KubeObject {
  if (managedFields === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = managedFields;
  return object;
}

async function commitChange(resource: Resource, request: ChangeRequest, current: Current, next: KubeObject): Promise<Written> {
  const { kind, context } = resource;
  const key = storageKey(kind, next.metadata.namespace, next.metadata.name ?? '');
  const { kept, told } = await formsOf(kind, next);
  if (request.dryRun === true) return { object: versioned(told, current.revision), committed: false };
  // The last finalizer is gone and nobody else has to end it first: now it goes.
  const gone = readyToGo(kind, next);
  const after = gone ? undefined : next;
  const { guards, writes } = context.claims.changes(kind, current.object, after);
  const own = gone ? { key, delete: true as const } : { key, value: kept };
  const result = await commitFor(context, request, { guards: [{ key, modRevision: current.revision }, ...guards], writes: [own, ...writes] });
  if (!result.ok) return { object: undefined, committed: false, contested: context.claims.contested(result) };
  context.claims.settled(kind, current.object, after);
  return { object: versioned(told, result.revision), committed: true };
}

/** Who manages which field after a write; a list of one empty entry forgets all of them, as in Kubernetes. */
function trackFields(kind: KindDefinition, old: KubeObject, next: KubeObject, draft: KubeObject, request: ChangeRequest, now: number): void {
  const sent = draft.metadata.managedFields;
  const forgets = sent?.length === 1 && Object.keys(sent[0] ?? {}).length === 0;
  const fields = forgets ? undefined : fieldsAfter(kind, old, next, request, now);
  if (fields === undefined) delete next.metadata.managedFields;
  else next.metadata.managedFields = fields;
}

/** Being deleted, and nothing holds it any more. */
export function readyToGo(kind: KindDefinition, object: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = object.metadata;
  return deletionTimestamp !== undefined && finalizers.length === 0 && deletionGracePeriodSeconds === 0 && kind.rules.isHeld?.(object) !== true;
}

function checkName(draft: KubeObject, ref: ResourceRef): void {
  const own = draft.metadata.name ?? '';
  if (own === '') throw ApiError.badRequest('name must be provided');
  if (own !== ref.name) throw ApiError.badRequest(`the name of the object (${own.slice(0, 100)}) does not match the name on the URL (${ref.name})`);
}

/** Status writers may change status, and of the metadata what the kind lets them. */
function withStatusOf(kind: KindDefinition, old: KubeObject, draft: KubeObject): KubeObject {
  if (!kind.hasStatus) throw ApiError.notFound(kind, `${draft.metadata.name ?? ''}/status`);
  const { status } = draft as { status?: unknown };
  const next: KubeObject & { status?: unknown } = { ...old, metadata: { ...old.metadata } };
  if (status === undefined) delete next.status;
  else next.status = status;
  for (const field of kind.rules.statusMetadata ?? []) {
    const value = draft.metadata[field];
    if (value === undefined) delete next.metadata[field];
    else next.metadata[field] = value;
  }
  return next;
}

/** What no client may change. */
function carryOver(kind: KindDefinition, next: KubeObject, old: KubeObject, isStatus: boolean): void {
  const { metadata } = next;
  for (const field of ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'generateName'] as const) {
    const value = old.metadata[field];
    if (value === undefined) delete metadata[field];
    else (metadata as Record<string, unknown>)[field] = value;
  }
  delete metadata.selfLink;
  if (kind.hasStatus && !isStatus) {
    const { status } = old as { status?: unknown };
    if (status === undefined) delete (next as { status?: unknown }).status;
    else (next as { status?: unknown }).status = status;
  }
}

/** Anything but metadata and status differs; a status that is no part of its own counts as well. */
function desiredStateChanged(kind: KindDefinition, next: KubeObject, old: KubeObject): boolean {
  if (!kind.hasStatus) return !equalJson({ ...next, metadata: {} }, { ...old, metadata: {} });
  const { metadata: _a, status: _b, ...left } = next as KubeObject & { status?: unknown };
  const { metadata: _c, status: _d, ...right } = old as KubeObject & { status?: unknown };
  return !equalJson(left, right);
}
