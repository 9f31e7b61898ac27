import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { type FieldWriter, trackedFields } from '../model/apply/index.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';

/** The managedFields of an object after a write that is no apply; undefined: nobody applied it yet, so that nobody asks. */
export function fieldsAfter(kind: KindDefinition, old: KubeObject, next: KubeObject, request: RequestContext & { readonly ref: ResourceRef }, now: number): KubeObject['metadata']['managedFields'] {
  if ((old.metadata.managedFields ?? []).length === 0) return undefined;
  return trackedFields(kind, old, next, writerOf(kind, request, now));
}

/** Through the status subresource only the status is written, and through the object everything else. */
export function writerOf({ hasStatus }: KindDefinition, { fieldManager = 'unknown', ref }: RequestContext & { readonly ref: ResourceRef }, now: number): FieldWriter {
  const ignored = ref.subresource === 'status' ? [['spec'], ['metadata']] : hasStatus ? [['status']] : [];
  return { manager: fieldManager, ...(ref.subresource !== undefined && { subresource: ref.subresource }), time: timeOfMillis(now), ignored };
}
