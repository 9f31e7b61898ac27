import type { z } from 'zod';
import { atomicStruct, described, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

// References from one object to others.

/** Names an object of the same namespace. */
export const localObjectReferenceFields = {
  name: text.optional(),
};

const localObjectReferenceSchema = atomicStruct(localObjectReferenceFields);
/** Names an object of the same namespace. */
export interface LocalObjectReference extends z.infer<typeof localObjectReferenceSchema> {}
/** Schema of {@link LocalObjectReference}. */
export const localObjectReference: Schema<LocalObjectReference> = described(localObjectReferenceSchema, 'Names an object of the same namespace.');

const objectReferenceSchema = atomicStruct({
  kind: text.optional(),
  namespace: text.optional(),
  name: text.optional(),
  uid: text.optional(),
  apiVersion: text.optional(),
  resourceVersion: text.optional(),
  fieldPath: text.optional(),
});
/** Points to any object, or to a field of it. */
export interface ObjectReference extends z.infer<typeof objectReferenceSchema> {}
/** Schema of {@link ObjectReference}. */
export const objectReference: Schema<ObjectReference> = described(objectReferenceSchema, 'Points to any object, or to a field of it.');

const typedLocalObjectReferenceSchema = atomicStruct({
  apiGroup: pointer(text),
  kind: text.default(''),
  name: text.default(''),
});
/** Names an object of any kind in the same namespace. */
export interface TypedLocalObjectReference extends z.infer<typeof typedLocalObjectReferenceSchema> {}
/** Schema of {@link TypedLocalObjectReference}. */
export const typedLocalObjectReference: Schema<TypedLocalObjectReference> = described(typedLocalObjectReferenceSchema, 'Names an object of any kind in the same namespace.');

const typedObjectReferenceSchema = struct({
  apiGroup: pointer(text),
  kind: text.default(''),
  name: text.default(''),
  namespace: pointer(text),
});
/** Names an object of any kind in any namespace. */
export interface TypedObjectReference extends z.infer<typeof typedObjectReferenceSchema> {}
/** Schema of {@link TypedObjectReference}. */
export const typedObjectReference: Schema<TypedObjectReference> = described(typedObjectReferenceSchema, 'Names an object of any kind in any namespace.');
