import type { PatchType } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { applyPatch } from '../model/patch/index.js';
import { decodeBody } from './decode-body.js';
import type { Resource } from './resource.js';
import { type ChangeRequest, change } from './update.js';

type PatchRequest = ChangeRequest & { readonly type: PatchType; readonly body: unknown };

/** Patches an object or its status: applied to what is there now, and again if others wrote in between. */
export function patch(resource: Resource, request: PatchRequest): Promise<KubeObject> {
  return change(resource, request, (current) => patched(resource.kind, current, request));
}

function patched(kind: KindDefinition, current: KubeObject, request: PatchRequest): KubeObject {
  const { resourceVersion: _version, ...metadata } = current.metadata;
  const result = applyPatch(kind, request.type, { ...current, metadata }, request.body);
  if (typeof result !== 'object' || result === null) throw ApiError.badRequest('the patch leaves no object');
  const { metadata: after } = result as { metadata?: { resourceVersion?: unknown } };
  const draft = decodeBody(kind, result, request);
  // A patch may name the version it is for; otherwise it is for whatever is there.
  if (typeof after?.resourceVersion !== 'string') delete draft.metadata.resourceVersion;
  return draft;
}
