import type { z } from 'zod';
import { applyClaimDefaults } from '../defaults/storage.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, list, pointer, quantityMap, struct, text, textMap, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validateClaim, validateClaimUpdate } from '../validation/claims.js';
import { persistentVolumeClaimSpec } from './claim-template.js';
import type { PersistentVolumeClaimSpec } from './claim-template.js';
import { claimColumns } from '../table/storage-columns.js';

const persistentVolumeClaimConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastProbeTime: timestamp.optional(),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a claim. */
export interface PersistentVolumeClaimCondition extends z.infer<typeof persistentVolumeClaimConditionSchema> {}
/** Schema of {@link PersistentVolumeClaimCondition}. */
export const persistentVolumeClaimCondition: Schema<PersistentVolumeClaimCondition> = described(persistentVolumeClaimConditionSchema, 'One aspect of the observed state of a claim.');

const persistentVolumeClaimStatusSchema = struct({
  phase: text.optional(),
  accessModes: list(text).optional(),
  capacity: quantityMap.optional(),
  conditions: list(persistentVolumeClaimCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  allocatedResources: quantityMap.optional(),
  allocatedResourceStatuses: textMap.optional(),
  currentVolumeAttributesClassName: pointer(text),
});
/** The observed state of a claim. */
export interface PersistentVolumeClaimStatus extends z.infer<typeof persistentVolumeClaimStatusSchema> {}
/** Schema of {@link PersistentVolumeClaimStatus}. */
export const persistentVolumeClaimStatus: Schema<PersistentVolumeClaimStatus> = described(persistentVolumeClaimStatusSchema, 'The observed state of a claim.');

/** Asks for storage that outlives pods (core/v1). */
export interface PersistentVolumeClaim extends KubeObject {
  spec: PersistentVolumeClaimSpec;
  status?: PersistentVolumeClaimStatus | undefined;
}
/** The kind {@link PersistentVolumeClaim}. */
export const PersistentVolumeClaim: KindDefinition<PersistentVolumeClaim> = buildKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  description: 'Asks for storage that outlives pods.',
  shortNames: ['pvc'],
  spec: persistentVolumeClaimSpec,
  status: persistentVolumeClaimStatus,
  tracksGeneration: false,
  columns: claimColumns,
  rules: {
    applyDefaults: applyClaimDefaults,
    prepareForCreate: (draft) => {
      draft.status = { phase: 'Pending' };
    },
    validate: validateClaim,
    validateUpdate: validateClaimUpdate,
  },
});
