import type { z } from 'zod';
import { atomicStruct, described, flag, pointer, quantity, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { localObjectReferenceFields } from './references.js';

// A container's environment.

const objectFieldSelectorSchema = atomicStruct({
  apiVersion: text.optional(),
  fieldPath: text.default(''),
});
/** Names a field of the pod, such as `metadata.name`. */
export interface ObjectFieldSelector extends z.infer<typeof objectFieldSelectorSchema> {}
/** Schema of {@link ObjectFieldSelector}. */
export const objectFieldSelector: Schema<ObjectFieldSelector> = described(objectFieldSelectorSchema, 'Names a field of the pod, such as metadata.name.');

const resourceFieldSelectorSchema = atomicStruct({
  containerName: text.optional(),
  resource: text.default(''),
  divisor: quantity.optional(),
});
/** Names a resource of a container, such as `limits.cpu`, in units of `divisor`. */
export interface ResourceFieldSelector extends z.infer<typeof resourceFieldSelectorSchema> {}
/** Schema of {@link ResourceFieldSelector}. */
export const resourceFieldSelector: Schema<ResourceFieldSelector> = described(resourceFieldSelectorSchema, 'Names a resource of a container, such as limits.cpu, in units of divisor.');

const configMapKeySelectorSchema = atomicStruct({
  ...localObjectReferenceFields,
  key: text.default(''),
  optional: pointer(flag),
});
/** Names a key of a ConfigMap. */
export interface ConfigMapKeySelector extends z.infer<typeof configMapKeySelectorSchema> {}
/** Schema of {@link ConfigMapKeySelector}. */
export const configMapKeySelector: Schema<ConfigMapKeySelector> = described(configMapKeySelectorSchema, 'Names a key of a ConfigMap.');

const secretKeySelectorSchema = atomicStruct({
  ...localObjectReferenceFields,
  key: text.default(''),
  optional: pointer(flag),
});
/** Names a key of a Secret. */
export interface SecretKeySelector extends z.infer<typeof secretKeySelectorSchema> {}
/** Schema of {@link SecretKeySelector}. */
export const secretKeySelector: Schema<SecretKeySelector> = described(secretKeySelectorSchema, 'Names a key of a Secret.');

const fileKeySelectorSchema = atomicStruct({
  volumeName: text.default(''),
  path: text.default(''),
  key: text.default(''),
  optional: pointer(flag),
});
/** Names a key of an env file in a volume. */
export interface FileKeySelector extends z.infer<typeof fileKeySelectorSchema> {}
/** Schema of {@link FileKeySelector}. */
export const fileKeySelector: Schema<FileKeySelector> = described(fileKeySelectorSchema, 'Names a key of an env file in a volume.');

const envVarSourceSchema = struct({
  fieldRef: pointer(objectFieldSelector),
  resourceFieldRef: pointer(resourceFieldSelector),
  configMapKeyRef: pointer(configMapKeySelector),
  secretKeyRef: pointer(secretKeySelector),
  fileKeyRef: pointer(fileKeySelector),
});
/** Where the value of a variable comes from; exactly one member is set. */
export interface EnvVarSource extends z.infer<typeof envVarSourceSchema> {}
/** Schema of {@link EnvVarSource}. */
export const envVarSource: Schema<EnvVarSource> = described(envVarSourceSchema, 'Where the value of a variable comes from; exactly one member is set.');

const envVarSchema = struct({
  name: text.default(''),
  value: text.optional(),
  valueFrom: pointer(envVarSource),
});
/** A variable. `$(OTHER)` in a literal value refers to earlier variables. */
export interface EnvVar extends z.infer<typeof envVarSchema> {}
/** Schema of {@link EnvVar}. */
export const envVar: Schema<EnvVar> = described(envVarSchema, 'A variable. $(OTHER) in a literal value refers to earlier variables.');

const configMapEnvSourceSchema = struct({
  ...localObjectReferenceFields,
  optional: pointer(flag),
});
/** All keys of a ConfigMap as variables. */
export interface ConfigMapEnvSource extends z.infer<typeof configMapEnvSourceSchema> {}
/** Schema of {@link ConfigMapEnvSource}. */
export const configMapEnvSource: Schema<ConfigMapEnvSource> = described(configMapEnvSourceSchema, 'All keys of a ConfigMap as variables.');

const secretEnvSourceSchema = struct({
  ...localObjectReferenceFields,
  optional: pointer(flag),
});
/** All keys of a Secret as variables. */
export interface SecretEnvSource extends z.infer<typeof secretEnvSourceSchema> {}
/** Schema of {@link SecretEnvSource}. */
export const secretEnvSource: Schema<SecretEnvSource> = described(secretEnvSourceSchema, 'All keys of a Secret as variables.');

const envFromSourceSchema = struct({
  prefix: text.optional(),
  configMapRef: pointer(configMapEnvSource),
  secretRef: pointer(secretEnvSource),
});
/** A set of variables, with a prefix for their names. */
export interface EnvFromSource extends z.infer<typeof envFromSourceSchema> {}
/** Schema of {@link EnvFromSource}. */
export const envFromSource: Schema<EnvFromSource> = described(envFromSourceSchema, 'A set of variables, with a prefix for their names.');
