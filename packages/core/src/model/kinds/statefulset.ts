import type { z } from 'zod';
import { described, heldStruct, int32, int64, intOrString, list, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { metadata } from './metadata.js';
import { persistentVolumeClaimSpec } from './claim-template.js';
import { persistentVolumeClaimStatus } from './persistent-volume-claim.js';
import { podTemplateSpec } from './pod-spec.js';
import { labelSelector } from './selectors.js';
import { applyStatefulSetDefaults } from '../defaults/workloads.js';
import { dropBadMaxUnavailable, validateNewStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } from '../validation/statefulset.js';
import { isDns1123Label } from '../names.js';
import { nameRule } from '../validation/object-meta.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { statefulSetColumns } from '../table/workload-columns.js';

const rollingUpdateStatefulSetSchema = struct({
  partition: pointer(int32),
  maxUnavailable: pointer(intOrString),
});
/** Which pods a rolling update reaches (ordinals from `partition` on), and how many may be down at once. */
export interface RollingUpdateStatefulSet extends z.infer<typeof rollingUpdateStatefulSetSchema> {}
/** Schema of {@link RollingUpdateStatefulSet}. */
export const rollingUpdateStatefulSet: Schema<RollingUpdateStatefulSet> = described(rollingUpdateStatefulSetSchema, 'Which pods a rolling update reaches (ordinals from partition on), and how many may be down at once.');

const statefulSetUpdateStrategySchema = struct({
  type: text.optional(),
  rollingUpdate: pointer(rollingUpdateStatefulSet),
});
/** How old pods are replaced: RollingUpdate, or OnDelete (somebody else deletes them). */
export interface StatefulSetUpdateStrategy extends z.infer<typeof statefulSetUpdateStrategySchema> {}
/** Schema of {@link StatefulSetUpdateStrategy}. */
export const statefulSetUpdateStrategy: Schema<StatefulSetUpdateStrategy> = described(statefulSetUpdateStrategySchema, 'How old pods are replaced: RollingUpdate, or OnDelete (somebody else deletes them).');

const claimRetentionPolicySchema = struct({
  whenDeleted: text.optional(),
  whenScaled: text.optional(),
});
/** What becomes of claims when the set is deleted, and of those whose pod is scaled away: Retain or Delete. */
export interface StatefulSetPersistentVolumeClaimRetentionPolicy extends z.infer<typeof claimRetentionPolicySchema> {}
/** Schema of {@link StatefulSetPersistentVolumeClaimRetentionPolicy}. */
export const claimRetentionPolicy: Schema<StatefulSetPersistentVolumeClaimRetentionPolicy> = described(claimRetentionPolicySchema, 'What becomes of claims when the set is deleted, and of those whose pod is scaled away: Retain or Delete.');

const statefulSetOrdinalsSchema = struct({
  start: int32.default(0),
});
/** Where counting starts. */
export interface StatefulSetOrdinals extends z.infer<typeof statefulSetOrdinalsSchema> {}
/** Schema of {@link StatefulSetOrdinals}. */
export const statefulSetOrdinals: Schema<StatefulSetOrdinals> = described(statefulSetOrdinalsSchema, 'Where counting starts.');

const statefulSetClaimSchema = struct({
  apiVersion: text.optional(),
  kind: text.optional(),
  metadata: requiredStruct(metadata),
  spec: requiredStruct(persistentVolumeClaimSpec),
  status: persistentVolumeClaimStatus.optional(),
});
/** A claim of which each pod gets its own. */
export interface StatefulSetClaim extends z.infer<typeof statefulSetClaimSchema> {}
/** Schema of {@link StatefulSetClaim}. */
export const statefulSetClaim: Schema<StatefulSetClaim> = described(statefulSetClaimSchema, 'A claim of which each pod gets its own.');

const statefulSetSpecSchema = struct({
  replicas: pointer(int32),
  selector: labelSelector,
  template: requiredStruct(podTemplateSpec),
  volumeClaimTemplates: list(statefulSetClaim).optional(),
  serviceName: text.default(''),
  podManagementPolicy: text.optional(),
  updateStrategy: heldStruct(statefulSetUpdateStrategy),
  revisionHistoryLimit: pointer(int32),
  minReadySeconds: int32.optional(),
  persistentVolumeClaimRetentionPolicy: pointer(claimRetentionPolicy),
  ordinals: pointer(statefulSetOrdinals),
});
/** The desired state of a StatefulSet. */
export interface StatefulSetSpec extends z.infer<typeof statefulSetSpecSchema> {}
/** Schema of {@link StatefulSetSpec}. */
export const statefulSetSpec: Schema<StatefulSetSpec> = described(statefulSetSpecSchema, 'The desired state of a StatefulSet.');

const statefulSetConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a StatefulSet. */
export interface StatefulSetCondition extends z.infer<typeof statefulSetConditionSchema> {}
/** Schema of {@link StatefulSetCondition}. */
export const statefulSetCondition: Schema<StatefulSetCondition> = described(statefulSetConditionSchema, 'One aspect of the observed state of a StatefulSet.');

const statefulSetStatusSchema = struct({
  observedGeneration: int64.optional(),
  replicas: int32.default(0),
  readyReplicas: int32.optional(),
  currentReplicas: int32.optional(),
  updatedReplicas: int32.optional(),
  currentRevision: text.optional(),
  updateRevision: text.optional(),
  collisionCount: pointer(int32),
  conditions: list(statefulSetCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  availableReplicas: int32.default(0),
});
/** The observed state of a StatefulSet. */
export interface StatefulSetStatus extends z.infer<typeof statefulSetStatusSchema> {}
/** Schema of {@link StatefulSetStatus}. */
export const statefulSetStatus: Schema<StatefulSetStatus> = described(statefulSetStatusSchema, 'The observed state of a StatefulSet.');

/** Keeps pods with an identity each: a number, a name, claims (apps/v1). */
export interface StatefulSet extends KubeObject {
  spec: StatefulSetSpec;
  status?: StatefulSetStatus | undefined;
}
/** The kind {@link StatefulSet}. */
export const StatefulSet: KindDefinition<StatefulSet> = buildKind<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  description: 'Keeps pods with an identity each: a number, a name, claims.',
  shortNames: ['sts'],
  categories: ['all'],
  spec: statefulSetSpec,
  status: statefulSetStatus,
  scale: { specReplicas: '.spec.replicas', statusReplicas: '.status.replicas', labelSelector: '.spec.selector' },
  columns: statefulSetColumns,
  rules: {
    applyDefaults: applyStatefulSetDefaults,
    // Its name is part of its pods' host names.
    validateName: nameRule(isDns1123Label),
    prepareForCreate: dropBadMaxUnavailable,
    prepareForUpdate: dropBadMaxUnavailable,
    validateCreate: validateNewStatefulSet,
    validateUpdate: validateStatefulSetUpdate,
    validateStatusUpdate: validateStatefulSetStatus,
  },
});
