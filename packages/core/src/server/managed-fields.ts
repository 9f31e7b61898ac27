import type { RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { type FieldWriter, trackedFields } from '../model/apply/index.js';
import { fieldError } from '../model/field-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { timeOfMillis } from '../model/timestamp.js';

/** Who writes what; `through` is the subresource of a write that goes to the object itself. */
type Writing = RequestContext & { readonly ref: ResourceRef; readonly through?: string };

/** The managedFields of an object after a write that is no apply; undefined: nobody applied it yet, so that nobody asks. */
export function fieldsAfter(kind: KindDefinition, old: KubeObject, next: KubeObject, request: Writing, now: number): KubeObject['metadata']['managedFields'] {
  if ((old.metadata.managedFields ?? []).length === 0) return undefined;
  return trackedFields(kind, old, next, writerOf(kind, request, now));
}

/** The longest name of a field manager (FieldManagerMaxLength). */
const LONGEST_MANAGER = 128;

/** Throws Invalid for a name that a field manager may not have: it is kept with the object (ValidateFieldManager). */
function checkFieldManager(fieldManager: string): void {
  const errors = [
    ...(Buffer.byteLength(fieldManager) > LONGEST_MANAGER ? [fieldError.tooLong('fieldManager', LONGEST_MANAGER)] : []),
    ...(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u.test(fieldManager) ? [] : [fieldError.invalid('fieldManager', fieldManager.slice(0, LONGEST_MANAGER), 'should only contain printable characters')]),
  ];
  if (errors.length > 0) throw ApiError.invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', errors);
}

/** Through the status subresource only the status is written, and through the object everything else. */
export function writerOf({ hasStatus }: KindDefinition, { fieldManager = 'unknown', ref, through }: Writing, now: number): FieldWriter {
  checkFieldManager(fieldManager);
  const subresource = ref.subresource ?? through;
  const ignored = ref.subresource === 'status' ? [['spec'], ['metadata']] : hasStatus ? [['status']] : [];
  return { manager: fieldManager, ...(subresource !== undefined && { subresource }), time: timeOfMillis(now), ignored };
}
