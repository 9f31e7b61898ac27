import type { Subresource } from '../contracts/subresources.js';
import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { deepFreeze } from '../model/json.js';
import type { KubeObject } from '../model/object.js';
import { admissionRequest, writeOptions } from './admission-request.js';
import { mutateAdmission, validateAdmission } from './admit.js';
import { decodeBody } from './decode-body.js';
import { readCurrent, type Resource } from './resource.js';

/** A request that creates a subresource of one object. */
export type SubresourceCreation = RequestContext & { readonly ref: ResourceRef; readonly body: unknown };

/** Answers what is asked of an object by a subresource of a plugin. Nothing is stored. Throws NotFound when there is no such object. */
export async function askSubresource(resource: Resource, part: Subresource, request: SubresourceCreation): Promise<KubeObject> {
  const { kind, context } = resource;
  const { ref, user, dryRun = false } = request;
  const object = decodeBody(part.kind, request.body, request);
  const current = await readCurrent(resource, ref.namespace, ref.name ?? '');
  if (current === undefined) throw ApiError.notFound(kind, ref.name ?? '');
  const asked = { ref, user, dryRun, parent: current.object, object };
  part.prepare?.(asked);
  const admission = admissionRequest(request, {
    operation: 'CREATE',
    kind: part.kind,
    object,
    options: writeOptions('CreateOptions', request),
    settle: (other) => decodeBody(part.kind, other, { user, fieldValidation: 'Ignore' }),
  });
  await mutateAdmission(context, admission);
  const errors = part.validate?.(object) ?? [];
  if (errors.length > 0) throw ApiError.invalid(part.kind, object.metadata.name ?? '', errors);
  await validateAdmission(context, admission);
  return deepFreeze(await part.create(asked));
}
