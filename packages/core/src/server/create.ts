import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { cloneJson } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';
import { validateObjectMeta } from '../model/validation/object-meta.js';
import { admissionRequest, writeOptions } from './admission-request.js';
import { mutateAdmission, validateAdmission } from './admit.js';
import { commitFor } from './commit.js';
import { decodeBody } from './decode-body.js';
import { generateName } from '../model/names.js';
import { storageKey } from './keys.js';
import { underReservation, type Written } from './reservation.js';
import type { Resource, ServerContext } from './resource.js';
import { formsOf, versioned } from './versioned.js';

/** A request for a new object. */
export type CreateRequest = RequestContext & {
  readonly ref: ResourceRef;
  readonly body: unknown;
  /** The body comes from an apply: it says itself who manages which field. */
  readonly applies?: boolean;
};

/** Tries to find a free name for `generateName`, as kube-apiserver does. */
const NAME_ATTEMPTS = 8;

/**
 * Creates one object: decode, server's own metadata, defaults, mutating admission, validation, validating admission, commit
 * (the order of k8s.io/apiserver's create handler and rest.BeforeCreate).
 */
export async function create(resource: Resource, request: CreateRequest): Promise<KubeObject> {
  const { kind, context } = resource;
  const decoded = decodeBody(kind, request.body, request);
  placeInNamespace(kind, decoded, request.ref.namespace);
  await checkNamespace(context, kind, decoded);
  const { generateName: base, name: given = '', managedFields } = decoded.metadata;
  const named = given !== '';
  let [nameAttempts, contested] = [0, 0];
  for (;;) {
    // An attempt fills in its draft (addresses, what admission adds) and freezes it: the next one begins anew. Only generated names and addresses have a next one.
    const draft = named && !context.claims.mayContest(kind) ? decoded : cloneJson(decoded);
    prepare(resource, draft, named ? undefined : base, request.user);
    if (request.applies === true) draft.metadata.managedFields = managedFields;
    const result = await createOnce(resource, request, draft);
    if (result.object !== undefined) return result.object;
    // Each turn means that somebody else has taken an address, which is then known: this ends.
    if (result.contested !== undefined) {
      contested += 1;
      context.claims.learn(result.contested, contested);
      continue;
    }
    nameAttempts += 1;
    if (named || nameAttempts === NAME_ATTEMPTS) throw ApiError.alreadyExists(kind, draft.metadata.name ?? '');
  }
}

/** Without an object: the name is taken, or an address of it was contested. */
async function createOnce(resource: Resource, request: CreateRequest, draft: KubeObject): Promise<Written> {
  const { kind, context } = resource;
  const applies = request.applies === true;
  const admission = admissionRequest(request, {
    operation: 'CREATE',
    kind,
    object: draft,
    options: writeOptions(applies ? 'PatchOptions' : 'CreateOptions', request),
    settle: (object) => settled(resource, draft, object, request),
  });
  await mutateAdmission(context, admission);
  const early = kind.rules.validateFirst?.(draft) ?? [];
  const errors = early.length > 0 ? early : [
    ...validateObjectMeta(draft.metadata, { namespaced: kind.namespaced, ...(kind.rules.validateName && { validateName: kind.rules.validateName }), anyFinalizer: kind.shape !== undefined }),
    ...(kind.rules.validate?.(draft) ?? []),
    ...(kind.rules.validateCreate?.(draft) ?? []),
  ];
  if (errors.length > 0) throw ApiError.invalid(kind, draft.metadata.name ?? draft.metadata.generateName ?? '', errors);
  return underReservation(
    () => context.claims.reserve(kind, draft, undefined),
    async () => {
      await validateAdmission(context, admission);
      const { kept, told } = await formsOf(kind, draft);
      const key = storageKey(kind, draft.metadata.namespace, draft.metadata.name ?? '');
      if (request.dryRun === true) {
        const isFree = (await context.store.get(key)) === undefined;
        return { object: isFree ? (told as unknown as KubeObject) : undefined, committed: false };
      }
      const { guards, writes } = context.claims.changes(kind, undefined, draft);
      const result = await commitFor(context, request, { guards: [{ key, modRevision: 0 }, ...guards], writes: [{ key, value: kept }, ...writes] });
      return { object: result.ok ? versioned(told, result.revision) : undefined, committed: result.ok, contested: context.claims.contested(result) };
    },
  );
}

/** What the server decides about a new object; `base` is what a name is to be generated from. */
function prepare(resource: Resource, draft: KubeObject, base: string | undefined, by: RequestContext['user']): void {
  const { kind, context } = resource;
  const { metadata } = draft;
  if ((metadata.resourceVersion ?? '') !== '') throw ApiError.badRequest('resourceVersion should not be set on objects to be created');
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.managedFields;
  metadata.uid = context.random.uuid();
  // Before the kind's own rules: they may use the name, as a Job's labels do.
  if (base !== undefined && base !== '') metadata.name = generateName(base, context.random);
  metadata.creationTimestamp = timeOfMillis(context.clock.now());
  if (kind.tracksGeneration) metadata.generation = 1;
  else delete metadata.generation;
  if (kind.hasStatus) delete (draft as { status?: unknown }).status;
  kind.rules.applyDefaults?.(draft);
  kind.rules.prepareForCreate?.(draft, by);
}

/** What an object from outside comes to in the place of a draft: the same one by name and uid. */
function settled({ kind }: Resource, draft: KubeObject, object: unknown, request: CreateRequest): KubeObject {
  const next = decodeBody(kind, object, { user: request.user, fieldValidation: 'Ignore' });
  placeInNamespace(kind, next, draft.metadata.namespace);
  const { name, uid, creationTimestamp, generation, managedFields } = draft.metadata;
  if (next.metadata.name !== name) throw ApiError.badRequest(`the name of the object may not be changed by admission (${name} to ${String(next.metadata.name).slice(0, 100)})`);
  for (const field of ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation', 'managedFields'] as const) delete next.metadata[field];
  Object.assign(next.metadata, { uid, creationTimestamp, ...(generation !== undefined && { generation }), ...(managedFields !== undefined && { managedFields }) });
  if (kind.hasStatus) delete (next as { status?: unknown }).status;
  kind.rules.applyDefaults?.(next);
  kind.rules.prepareForCreate?.(next, request.user);
  return next;
}

/** The namespace of the request and of the object must agree; the object gets it. */
export function placeInNamespace(kind: KindDefinition, draft: KubeObject, namespace: string | undefined): void {
  if (!kind.namespaced) {
    if ((draft.metadata.namespace ?? '') === '') delete draft.metadata.namespace;
    return;
  }
  const own = draft.metadata.namespace ?? '';
  const asked = namespace ?? own;
  if (own !== '' && own !== asked) throw ApiError.badRequest(`the namespace of the provided object does not match the namespace sent on the request (${own} and ${asked})`);
  if (asked === '') throw ApiError.badRequest('an empty namespace may not be set during creation');
  draft.metadata.namespace = asked;
}

/** New objects need a namespace that exists and is not ending (NamespaceLifecycle admission). */
async function checkNamespace(context: ServerContext, kind: KindDefinition, draft: KubeObject): Promise<void> {
  if (!kind.namespaced) return;
  const name = draft.metadata.namespace ?? '';
  const namespace = await context.namespace(name);
  if (namespace === undefined) throw ApiError.notFound({ group: '', plural: 'namespaces' }, name);
  if (namespace.terminating) {
    const text = `unable to create new content in namespace ${name} because it is being terminated`;
    const why = { reason: 'NamespaceTerminating', message: `namespace ${name} is being terminated`, field: 'metadata.namespace' };
    throw new ApiError('Forbidden', `${kind.plural} ${JSON.stringify(draft.metadata.name ?? '')} is forbidden: ${text}`, { name: draft.metadata.name ?? '', kind: kind.plural, causes: [why] });
  }
}
