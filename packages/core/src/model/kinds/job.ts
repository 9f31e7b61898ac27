import type { z } from 'zod';
import { described, flag, int32, int64, list, pointer, requiredList, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { applyJobDefaults } from '../defaults/batch.js';
import { generateSelector } from '../job-selector.js';
import { validateJob, validateJobUpdate } from '../validation/job.js';
import { validateJobStatusUpdate } from '../validation/job-status.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { podTemplateSpec } from './pod-spec.js';
import { labelSelector } from './selectors.js';
import { jobColumns } from '../table/workload-columns.js';

const onExitCodesSchema = struct({
  containerName: pointer(text),
  operator: text.default(''),
  values: requiredList(int32, { listType: 'set' }),
});
/** Matches a failed pod by the exit codes of its containers: In or NotIn. */
export interface PodFailurePolicyOnExitCodesRequirement extends z.infer<typeof onExitCodesSchema> {}
/** Schema of {@link PodFailurePolicyOnExitCodesRequirement}. */
export const podFailurePolicyOnExitCodesRequirement: Schema<PodFailurePolicyOnExitCodesRequirement> = described(onExitCodesSchema, 'Matches a failed pod by the exit codes of its containers: In or NotIn.');

const onPodConditionsSchema = struct({
  type: text.default(''),
  status: text.default(''),
});
/** Matches a failed pod by a condition. */
export interface PodFailurePolicyOnPodConditionsPattern extends z.infer<typeof onPodConditionsSchema> {}
/** Schema of {@link PodFailurePolicyOnPodConditionsPattern}. */
export const podFailurePolicyOnPodConditionsPattern: Schema<PodFailurePolicyOnPodConditionsPattern> = described(onPodConditionsSchema, 'Matches a failed pod by a condition.');

const podFailurePolicyRuleSchema = struct({
  action: text.default(''),
  onExitCodes: pointer(podFailurePolicyOnExitCodesRequirement),
  onPodConditions: list(podFailurePolicyOnPodConditionsPattern).optional(),
});
/** What a kind of failure comes to: FailJob, FailIndex, Ignore or Count. */
export interface PodFailurePolicyRule extends z.infer<typeof podFailurePolicyRuleSchema> {}
/** Schema of {@link PodFailurePolicyRule}. */
export const podFailurePolicyRule: Schema<PodFailurePolicyRule> = described(podFailurePolicyRuleSchema, 'What a kind of failure comes to: FailJob, FailIndex, Ignore or Count.');

const podFailurePolicySchema = struct({ rules: requiredList(podFailurePolicyRule) });
/** How failed pods count; the first rule that matches decides. */
export interface PodFailurePolicy extends z.infer<typeof podFailurePolicySchema> {}
/** Schema of {@link PodFailurePolicy}. */
export const podFailurePolicy: Schema<PodFailurePolicy> = described(podFailurePolicySchema, 'How failed pods count; the first rule that matches decides.');

const successPolicyRuleSchema = struct({
  succeededIndexes: pointer(text),
  succeededCount: pointer(int32),
});
/** Indexes, a number of them, or both, that make the Job a success. */
export interface SuccessPolicyRule extends z.infer<typeof successPolicyRuleSchema> {}
/** Schema of {@link SuccessPolicyRule}. */
export const successPolicyRule: Schema<SuccessPolicyRule> = described(successPolicyRuleSchema, 'Indexes, a number of them, or both, that make the Job a success.');

const successPolicySchema = struct({ rules: requiredList(successPolicyRule) });
/** When a Job is a success before all its indexes are. */
export interface SuccessPolicy extends z.infer<typeof successPolicySchema> {}
/** Schema of {@link SuccessPolicy}. */
export const successPolicy: Schema<SuccessPolicy> = described(successPolicySchema, 'When a Job is a success before all its indexes are.');

const jobSpecSchema = struct({
  parallelism: pointer(int32),
  completions: pointer(int32),
  activeDeadlineSeconds: pointer(int64),
  podFailurePolicy: pointer(podFailurePolicy),
  successPolicy: pointer(successPolicy),
  backoffLimit: pointer(int32),
  backoffLimitPerIndex: pointer(int32),
  maxFailedIndexes: pointer(int32),
  selector: pointer(labelSelector),
  manualSelector: pointer(flag),
  template: requiredStruct(podTemplateSpec),
  ttlSecondsAfterFinished: pointer(int32),
  completionMode: pointer(text),
  suspend: pointer(flag),
  podReplacementPolicy: pointer(text),
  managedBy: pointer(text),
});
/** The desired state of a Job. */
export interface JobSpec extends z.infer<typeof jobSpecSchema> {}
/** Schema of {@link JobSpec}. */
export const jobSpec: Schema<JobSpec> = described(jobSpecSchema, 'The desired state of a Job.');

const jobConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastProbeTime: timestamp.optional(),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state of a Job: Suspended, SuccessCriteriaMet, FailureTarget, Complete, Failed. */
export interface JobCondition extends z.infer<typeof jobConditionSchema> {}
/** Schema of {@link JobCondition}. */
export const jobCondition: Schema<JobCondition> = described(jobConditionSchema, 'One aspect of the observed state of a Job: Suspended, SuccessCriteriaMet, FailureTarget, Complete, Failed.');

const uncountedTerminatedPodsSchema = struct({
  succeeded: list(text, { listType: 'set' }).optional(),
  failed: list(text, { listType: 'set' }).optional(),
});
/** UIDs of pods that ended and are not in the counters yet. */
export interface UncountedTerminatedPods extends z.infer<typeof uncountedTerminatedPodsSchema> {}
/** Schema of {@link UncountedTerminatedPods}. */
export const uncountedTerminatedPods: Schema<UncountedTerminatedPods> = described(uncountedTerminatedPodsSchema, 'UIDs of pods that ended and are not in the counters yet.');

const jobStatusSchema = struct({
  conditions: list(jobCondition, { strategy: 'merge', key: 'type' }).optional(),
  startTime: timestamp.optional(),
  completionTime: timestamp.optional(),
  active: int32.optional(),
  succeeded: int32.optional(),
  failed: int32.optional(),
  terminating: pointer(int32),
  completedIndexes: text.optional(),
  failedIndexes: pointer(text),
  uncountedTerminatedPods: pointer(uncountedTerminatedPods),
  ready: pointer(int32),
});
/** The observed state of a Job. */
export interface JobStatus extends z.infer<typeof jobStatusSchema> {}
/** Schema of {@link JobStatus}. */
export const jobStatus: Schema<JobStatus> = described(jobStatusSchema, 'The observed state of a Job.');

/** Runs pods until enough of them succeeded (batch/v1). */
export interface Job extends KubeObject {
  spec: JobSpec;
  status?: JobStatus | undefined;
}
/** The kind {@link Job}. */
export const Job: KindDefinition<Job> = buildKind<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  description: 'Runs pods until enough of them succeeded.',
  categories: ['all'],
  spec: jobSpec,
  status: jobStatus,
  columns: jobColumns,
  rules: {
    applyDefaults: applyJobDefaults,
    prepareForCreate: generateSelector,
    // For compatibility: batch/v1 Jobs leave their pods behind unless the request says otherwise (jobStrategy.DefaultGarbageCollectionPolicy).
    defaultPropagation: 'Orphan',
    validate: validateJob,
    validateUpdate: validateJobUpdate,
    validateStatusUpdate: validateJobStatusUpdate,
    selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  },
});
