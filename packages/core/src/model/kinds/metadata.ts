import { anyObject, atomicStruct, flag, int64, list, pointer, struct, text, textMap, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../object.js';

const ownerReference: Schema<OwnerReference> = atomicStruct({
  apiVersion: text.default(''),
  kind: text.default(''),
  name: text.default(''),
  uid: text.default(''),
  controller: pointer(flag),
  blockOwnerDeletion: pointer(flag),
});

const managedFieldsEntry: Schema<ManagedFieldsEntry> = struct({
  manager: text.optional(),
  operation: text.optional(),
  apiVersion: text.optional(),
  time: timestamp.optional(),
  fieldsType: text.optional(),
  fieldsV1: anyObject.optional(),
  subresource: text.optional(),
});

/** Schema of {@link ObjectMeta}. */
export const metadata: Schema<ObjectMeta> = struct({
  name: text.optional(),
  generateName: text.optional(),
  namespace: text.optional(),
  selfLink: text.optional(),
  uid: text.optional(),
  resourceVersion: text.optional(),
  generation: int64.optional(),
  creationTimestamp: timestamp.optional(),
  deletionTimestamp: timestamp.optional(),
  deletionGracePeriodSeconds: pointer(int64),
  labels: textMap.optional(),
  annotations: textMap.optional(),
  ownerReferences: list(ownerReference, { strategy: 'merge', key: 'uid', listType: 'map' }).optional(),
  finalizers: list(text, { strategy: 'merge', listType: 'set' }).optional(),
  managedFields: list(managedFieldsEntry).optional(),
});
