import type { z } from 'zod';
import { described, flag, heldStruct, int32, int64, list, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { applyCronJobDefaults } from '../defaults/batch.js';
import { validateCronJob, validateCronJobCreate, validateCronJobUpdate } from '../validation/cronjob.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { jobSpec } from './job.js';
import { metadata } from './metadata.js';
import { objectReference } from './references.js';
import { cronJobColumns } from '../table/workload-columns.js';

const jobTemplateSpecSchema = struct({
  metadata: heldStruct(metadata),
  spec: requiredStruct(jobSpec),
});
/** What a CronJob makes Jobs from. */
export interface JobTemplateSpec extends z.infer<typeof jobTemplateSpecSchema> {}
/** Schema of {@link JobTemplateSpec}. */
export const jobTemplateSpec: Schema<JobTemplateSpec> = described(jobTemplateSpecSchema, 'What a CronJob makes Jobs from.');

const cronJobSpecSchema = struct({
  schedule: text.default(''),
  timeZone: pointer(text),
  startingDeadlineSeconds: pointer(int64),
  concurrencyPolicy: text.optional(),
  suspend: pointer(flag),
  jobTemplate: requiredStruct(jobTemplateSpec),
  successfulJobsHistoryLimit: pointer(int32),
  failedJobsHistoryLimit: pointer(int32),
});
/** The desired state of a CronJob. */
export interface CronJobSpec extends z.infer<typeof cronJobSpecSchema> {}
/** Schema of {@link CronJobSpec}. */
export const cronJobSpec: Schema<CronJobSpec> = described(cronJobSpecSchema, 'The desired state of a CronJob.');

const cronJobStatusSchema = struct({
  active: list(objectReference).optional(),
  lastScheduleTime: timestamp.optional(),
  lastSuccessfulTime: timestamp.optional(),
});
/** The observed state of a CronJob. */
export interface CronJobStatus extends z.infer<typeof cronJobStatusSchema> {}
/** Schema of {@link CronJobStatus}. */
export const cronJobStatus: Schema<CronJobStatus> = described(cronJobStatusSchema, 'The observed state of a CronJob.');

/** Makes Jobs at the times of a schedule (batch/v1). */
export interface CronJob extends KubeObject {
  spec: CronJobSpec;
  status?: CronJobStatus | undefined;
}
/** The kind {@link CronJob}. */
export const CronJob: KindDefinition<CronJob> = buildKind<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  description: 'Makes Jobs at the times of a schedule.',
  shortNames: ['cj'],
  categories: ['all'],
  spec: cronJobSpec,
  status: cronJobStatus,
  columns: cronJobColumns,
  rules: {
    applyDefaults: applyCronJobDefaults,
    validate: validateCronJob,
    validateCreate: validateCronJobCreate,
    validateUpdate: validateCronJobUpdate,
  },
});
