import type { PatchType } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { applyPatch } from '../model/patch/index.js';
import { apply } from './apply.js';
import { decodeBody } from './decode-body.js';
import type { Resource } from './resource.js';
import { type ChangeRequest, change } from './update.js';

type PatchRequest = ChangeRequest & { readonly type: PatchType; readonly body: unknown; readonly force?: boolean };

/** Patches an object or its status: applied to what is there now, and again if others wrote in between. */
export function patch(resource: Resource, request: PatchRequest): Promise<KubeObject> {
  const { type } = request;
  if (type === 'apply') return apply(resource, request);
  return change(resource, { ...request, patches: true }, (current) => patched(resource.kind, current, type, request));
}

function patched(kind: KindDefinition, current: KubeObject, type: Exclude<PatchType, 'apply'>, request: PatchRequest): KubeObject {
  // With its version, which a patch may test. One that sets another version is for that version and meets a conflict; any other is for whatever is there.
  const result = applyPatch(kind, type, current, request.body);
  if (typeof result !== 'object' || result === null) throw ApiError.badRequest('the patch leaves no object');
  const draft = decodeBody(kind, result, request);
  if (draft.metadata.resourceVersion === current.metadata.resourceVersion) delete draft.metadata.resourceVersion;
  return draft;
}
