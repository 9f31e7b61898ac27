import type { z } from 'zod';
import { described, int32, int64, list, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { podTemplateSpec } from './pod-spec.js';
import { labelSelector } from './selectors.js';
import { applyReplicaSetDefaults } from '../defaults/workloads.js';
import { validateReplicaSet, validateSelectorUpdate } from '../validation/workloads.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { replicaSetColumns } from '../table/workload-columns.js';

const replicaSetSpecSchema = struct({
  replicas: pointer(int32),
  selector: labelSelector,
  template: requiredStruct(podTemplateSpec),
  minReadySeconds: int32.optional(),
});
/** The desired state of a ReplicaSet. */
export interface ReplicaSetSpec extends z.infer<typeof replicaSetSpecSchema> {}
/** Schema of {@link ReplicaSetSpec}. */
export const replicaSetSpec: Schema<ReplicaSetSpec> = described(replicaSetSpecSchema, 'The desired state of a ReplicaSet.');

const replicaSetConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a ReplicaSet. */
export interface ReplicaSetCondition extends z.infer<typeof replicaSetConditionSchema> {}
/** Schema of {@link ReplicaSetCondition}. */
export const replicaSetCondition: Schema<ReplicaSetCondition> = described(replicaSetConditionSchema, 'One aspect of the observed state of a ReplicaSet.');

const replicaSetStatusSchema = struct({
  replicas: int32.default(0),
  fullyLabeledReplicas: int32.optional(),
  observedGeneration: int64.optional(),
  readyReplicas: int32.optional(),
  availableReplicas: int32.optional(),
  conditions: list(replicaSetCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  terminatingReplicas: pointer(int32),
});
/** The observed state of a ReplicaSet. */
export interface ReplicaSetStatus extends z.infer<typeof replicaSetStatusSchema> {}
/** Schema of {@link ReplicaSetStatus}. */
export const replicaSetStatus: Schema<ReplicaSetStatus> = described(replicaSetStatusSchema, 'The observed state of a ReplicaSet.');

/** Keeps a number of equal pods (apps/v1). */
export interface ReplicaSet extends KubeObject {
  spec: ReplicaSetSpec;
  status?: ReplicaSetStatus | undefined;
}
/** The kind {@link ReplicaSet}. */
export const ReplicaSet: KindDefinition<ReplicaSet> = buildKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  description: 'Keeps a number of equal pods.',
  shortNames: ['rs'],
  categories: ['all'],
  spec: replicaSetSpec,
  status: replicaSetStatus,
  scale: { specReplicas: '.spec.replicas', statusReplicas: '.status.replicas', labelSelector: '.spec.selector' },
  columns: replicaSetColumns,
  rules: {
    applyDefaults: applyReplicaSetDefaults,
    validate: validateReplicaSet,
    validateUpdate: validateSelectorUpdate,
  },
});
