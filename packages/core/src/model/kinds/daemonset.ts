import type { z } from 'zod';
import { described, heldStruct, int32, int64, intOrString, list, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { podTemplateSpec } from './pod-spec.js';
import { labelSelector } from './selectors.js';
import { applyDaemonSetDefaults } from '../defaults/workloads.js';
import { countTemplates } from '../daemon-generation.js';
import { validateDaemonSet, validateDaemonSetStatus } from '../validation/daemonset.js';
import { validateSelectorUpdate } from '../validation/workloads.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { daemonSetColumns } from '../table/workload-columns.js';

const rollingUpdateDaemonSetSchema = struct({
  maxUnavailable: pointer(intOrString),
  maxSurge: pointer(intOrString),
});
/** On how many nodes the daemon may be down, or be there twice, during an update. Exactly one of them is not zero. */
export interface RollingUpdateDaemonSet extends z.infer<typeof rollingUpdateDaemonSetSchema> {}
/** Schema of {@link RollingUpdateDaemonSet}. */
export const rollingUpdateDaemonSet: Schema<RollingUpdateDaemonSet> = described(rollingUpdateDaemonSetSchema, 'On how many nodes the daemon may be down, or be there twice, during an update. Exactly one of them is not zero.');

const daemonSetUpdateStrategySchema = struct({
  type: text.optional(),
  rollingUpdate: pointer(rollingUpdateDaemonSet),
});
/** How old pods are replaced: RollingUpdate, or OnDelete (somebody else deletes them). */
export interface DaemonSetUpdateStrategy extends z.infer<typeof daemonSetUpdateStrategySchema> {}
/** Schema of {@link DaemonSetUpdateStrategy}. */
export const daemonSetUpdateStrategy: Schema<DaemonSetUpdateStrategy> = described(daemonSetUpdateStrategySchema, 'How old pods are replaced: RollingUpdate, or OnDelete (somebody else deletes them).');

const daemonSetSpecSchema = struct({
  selector: labelSelector,
  template: requiredStruct(podTemplateSpec),
  updateStrategy: heldStruct(daemonSetUpdateStrategy),
  minReadySeconds: int32.optional(),
  revisionHistoryLimit: pointer(int32),
});
/** The desired state of a DaemonSet. */
export interface DaemonSetSpec extends z.infer<typeof daemonSetSpecSchema> {}
/** Schema of {@link DaemonSetSpec}. */
export const daemonSetSpec: Schema<DaemonSetSpec> = described(daemonSetSpecSchema, 'The desired state of a DaemonSet.');

const daemonSetConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a DaemonSet. */
export interface DaemonSetCondition extends z.infer<typeof daemonSetConditionSchema> {}
/** Schema of {@link DaemonSetCondition}. */
export const daemonSetCondition: Schema<DaemonSetCondition> = described(daemonSetConditionSchema, 'One aspect of the observed state of a DaemonSet.');

const daemonSetStatusSchema = struct({
  currentNumberScheduled: int32.default(0),
  numberMisscheduled: int32.default(0),
  desiredNumberScheduled: int32.default(0),
  numberReady: int32.default(0),
  observedGeneration: int64.optional(),
  updatedNumberScheduled: int32.optional(),
  numberAvailable: int32.optional(),
  numberUnavailable: int32.optional(),
  collisionCount: pointer(int32),
  conditions: list(daemonSetCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
});
/** The observed state of a DaemonSet. */
export interface DaemonSetStatus extends z.infer<typeof daemonSetStatusSchema> {}
/** Schema of {@link DaemonSetStatus}. */
export const daemonSetStatus: Schema<DaemonSetStatus> = described(daemonSetStatusSchema, 'The observed state of a DaemonSet.');

/** Keeps one pod on every node that fits (apps/v1). */
export interface DaemonSet extends KubeObject {
  spec: DaemonSetSpec;
  status?: DaemonSetStatus | undefined;
}
/** The kind {@link DaemonSet}. */
export const DaemonSet: KindDefinition<DaemonSet> = buildKind<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  description: 'Keeps one pod on every node that fits.',
  shortNames: ['ds'],
  categories: ['all'],
  spec: daemonSetSpec,
  status: daemonSetStatus,
  columns: daemonSetColumns,
  rules: {
    applyDefaults: applyDaemonSetDefaults,
    prepareForCreate: (draft) => countTemplates(draft),
    prepareForUpdate: countTemplates,
    validate: validateDaemonSet,
    validateUpdate: validateSelectorUpdate,
    validateStatusUpdate: validateDaemonSetStatus,
  },
});
