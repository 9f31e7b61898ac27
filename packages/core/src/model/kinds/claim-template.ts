import type { z } from 'zod';
import { described, heldStruct, list, pointer, quantityMap, requiredStruct, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { metadata } from './metadata.js';
import { typedLocalObjectReference, typedObjectReference } from './references.js';
import { labelSelector } from './selectors.js';

// Claims made from a pod (generic ephemeral volumes).

const volumeResourceRequirementsSchema = struct({
  limits: quantityMap.optional(),
  requests: quantityMap.optional(),
});
/** What a claim asks for. */
export interface VolumeResourceRequirements extends z.infer<typeof volumeResourceRequirementsSchema> {}
/** Schema of {@link VolumeResourceRequirements}. */
export const volumeResourceRequirements: Schema<VolumeResourceRequirements> = described(volumeResourceRequirementsSchema, 'What a claim asks for.');

const persistentVolumeClaimSpecSchema = struct({
  accessModes: list(text).optional(),
  resources: heldStruct(volumeResourceRequirements),
  volumeName: text.optional(),
  selector: pointer(labelSelector),
  storageClassName: pointer(text),
  volumeMode: pointer(text),
  dataSource: pointer(typedLocalObjectReference),
  dataSourceRef: pointer(typedObjectReference),
  volumeAttributesClassName: pointer(text),
});
/** What a claim for storage asks for. */
export interface PersistentVolumeClaimSpec extends z.infer<typeof persistentVolumeClaimSpecSchema> {}
/** Schema of {@link PersistentVolumeClaimSpec}. */
export const persistentVolumeClaimSpec: Schema<PersistentVolumeClaimSpec> = described(persistentVolumeClaimSpecSchema, 'What a claim for storage asks for.');

const persistentVolumeClaimTemplateSchema = struct({
  metadata: heldStruct(metadata),
  spec: requiredStruct(persistentVolumeClaimSpec),
});
/** A claim made together with a pod. */
export interface PersistentVolumeClaimTemplate extends z.infer<typeof persistentVolumeClaimTemplateSchema> {}
/** Schema of {@link PersistentVolumeClaimTemplate}. */
export const persistentVolumeClaimTemplate: Schema<PersistentVolumeClaimTemplate> = described(persistentVolumeClaimTemplateSchema, 'A claim made together with a pod.');

const ephemeralVolumeSourceSchema = struct({
  volumeClaimTemplate: pointer(persistentVolumeClaimTemplate),
});
/** A claim that lives as long as the pod. */
export interface EphemeralVolumeSource extends z.infer<typeof ephemeralVolumeSourceSchema> {}
/** Schema of {@link EphemeralVolumeSource}. */
export const ephemeralVolumeSource: Schema<EphemeralVolumeSource> = described(ephemeralVolumeSourceSchema, 'A claim that lives as long as the pod.');
