import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { applyConfiguration } from '../model/apply/index.js';
import { fieldError } from '../model/field-error.js';
import { forbiddenKey } from '../model/json.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { checkBodySize } from './body-size.js';
import { create } from './create.js';
import { decodeBody } from './decode-body.js';
import { writerOf } from './managed-fields.js';
import type { Resource } from './resource.js';
import { change } from './update.js';

type ApplyRequest = RequestContext & { readonly ref: ResourceRef; readonly body: unknown; readonly force?: boolean };

/**
 * Server-side apply: makes what the body names so under the name of its field manager, and the object itself when there is none. Throws Invalid without a manager, BadRequest for a body
 * that does not fit, Conflict when other managers have what would change.
 */
export async function apply(resource: Resource, request: ApplyRequest): Promise<KubeObject> {
  const { kind, context } = resource;
  const { ref, fieldManager, force = false, body } = request;
  if (fieldManager === undefined || fieldManager === '') throw ApiError.invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [fieldError.required('fieldManager', 'is required for apply patch')]);
  const config = configOf(resource.kind, body, ref);
  const writer = { ...writerOf(kind, request, context.clock.now()), force };
  const merged = (live: KubeObject | undefined): KubeObject => {
    const draft = decodeBody(kind, applyConfiguration(kind, live, config, writer), request);
    // Unless the configuration is for one version, it is for whatever is there.
    if (draft.metadata.resourceVersion === live?.metadata.resourceVersion) delete draft.metadata.resourceVersion;
    return draft;
  };
  for (;;) {
    try {
      return await change(resource, { ...request, applies: true, patches: true }, merged);
    } catch (error) {
      if (!isMissing(kind, error, ref) || ref.subresource !== undefined) throw error;
    }
    try {
      const { name: _name, ...place } = ref;
      const made = await create(resource, { ...request, ref: place, body: merged(undefined), applies: true });
      request.created?.();
      return made;
    } catch (error) {
      // Somebody else made it meanwhile: now there is something to apply to.
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
  }
}

const isMissing = (kind: KindDefinition, error: unknown, ref: ResourceRef): boolean => ApiError.is(error, 'NotFound') && error.details.kind === kind.plural && error.details.name === ref.name;

/** The configuration as an object that names itself as the request does. */
function configOf(kind: KindDefinition, body: unknown, { name = '', namespace }: ResourceRef): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw ApiError.badRequest('an apply patch must be an object');
  checkBodySize(body);
  const forbidden = forbiddenKey(body);
  if (forbidden !== undefined) throw ApiError.badRequest(`the patch has a forbidden key: ${forbidden.slice(0, 200)}`);
  const { apiVersion, kind: name_, metadata } = body as { apiVersion?: unknown; kind?: unknown; metadata?: unknown };
  if (apiVersion !== kind.apiVersion || name_ !== kind.kind) throw ApiError.badRequest(`an apply patch must name apiVersion ${kind.apiVersion} and kind ${kind.kind}`);
  const own = typeof metadata === 'object' && metadata !== null ? (metadata as { name?: unknown; namespace?: unknown }) : {};
  if (own.name !== undefined && own.name !== name) throw ApiError.badRequest(`the name of the object does not match the name on the URL (${name})`);
  return { ...body, metadata: { ...own, name, ...(namespace !== undefined && { namespace: own.namespace ?? namespace }) } };
}
