import type { z } from 'zod';
import { described, flag, heldStruct, int32, int64, intOrString, list, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { podTemplateSpec } from './pod-spec.js';
import { labelSelector } from './selectors.js';
import { applyDeploymentDefaults } from '../defaults/workloads.js';
import { validateDeployment, validateSelectorUpdate } from '../validation/workloads.js';
import { equalJson } from '../json.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { deploymentColumns } from '../table/workload-columns.js';

const rollingUpdateDeploymentSchema = struct({
  maxUnavailable: pointer(intOrString),
  maxSurge: pointer(intOrString),
});
/** How far a rolling update may deviate from the wanted number. */
export interface RollingUpdateDeployment extends z.infer<typeof rollingUpdateDeploymentSchema> {}
/** Schema of {@link RollingUpdateDeployment}. */
export const rollingUpdateDeployment: Schema<RollingUpdateDeployment> = described(rollingUpdateDeploymentSchema, 'How far a rolling update may deviate from the wanted number.');

const deploymentStrategySchema = struct({
  type: text.optional(),
  rollingUpdate: pointer(rollingUpdateDeployment),
});
/** How old pods are replaced: RollingUpdate or Recreate. */
export interface DeploymentStrategy extends z.infer<typeof deploymentStrategySchema> {}
/** Schema of {@link DeploymentStrategy}. */
export const deploymentStrategy: Schema<DeploymentStrategy> = described(deploymentStrategySchema, 'How old pods are replaced: RollingUpdate or Recreate.');

const deploymentSpecSchema = struct({
  replicas: pointer(int32),
  selector: labelSelector,
  template: requiredStruct(podTemplateSpec),
  strategy: heldStruct(deploymentStrategy, { strategy: 'retainKeys' }),
  minReadySeconds: int32.optional(),
  revisionHistoryLimit: pointer(int32),
  paused: flag.optional(),
  progressDeadlineSeconds: pointer(int32),
});
/** The desired state of a Deployment. */
export interface DeploymentSpec extends z.infer<typeof deploymentSpecSchema> {}
/** Schema of {@link DeploymentSpec}. */
export const deploymentSpec: Schema<DeploymentSpec> = described(deploymentSpecSchema, 'The desired state of a Deployment.');

const deploymentConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  reason: text.optional(),
  message: text.optional(),
  lastUpdateTime: timestamp.optional(),
  lastTransitionTime: timestamp.optional(),
});
/** One aspect of the observed state of a Deployment. */
export interface DeploymentCondition extends z.infer<typeof deploymentConditionSchema> {}
/** Schema of {@link DeploymentCondition}. */
export const deploymentCondition: Schema<DeploymentCondition> = described(deploymentConditionSchema, 'One aspect of the observed state of a Deployment.');

const deploymentStatusSchema = struct({
  observedGeneration: int64.optional(),
  replicas: int32.optional(),
  updatedReplicas: int32.optional(),
  availableReplicas: int32.optional(),
  unavailableReplicas: int32.optional(),
  conditions: list(deploymentCondition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
  readyReplicas: int32.optional(),
  collisionCount: pointer(int32),
  terminatingReplicas: pointer(int32),
});
/** The observed state of a Deployment. */
export interface DeploymentStatus extends z.infer<typeof deploymentStatusSchema> {}
/** Schema of {@link DeploymentStatus}. */
export const deploymentStatus: Schema<DeploymentStatus> = described(deploymentStatusSchema, 'The observed state of a Deployment.');

/** Rolls pods from one template to the next (apps/v1). */
export interface Deployment extends KubeObject {
  spec: DeploymentSpec;
  status?: DeploymentStatus | undefined;
}
/** The kind {@link Deployment}. */
export const Deployment: KindDefinition<Deployment> = buildKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  description: 'Rolls pods from one template to the next.',
  shortNames: ['deploy'],
  categories: ['all'],
  spec: deploymentSpec,
  status: deploymentStatus,
  scale: { specReplicas: '.spec.replicas', statusReplicas: '.status.replicas', labelSelector: '.spec.selector' },
  columns: deploymentColumns,
  rules: {
    applyDefaults: applyDeploymentDefaults,
    // Its controller notes the revision there (deploymentStatusStrategy).
    statusMetadata: ['annotations'],
    prepareForUpdate: (draft, old) => {
      // Annotations of a Deployment take part in its roll-out, so their changes count as well (deploymentStrategy.PrepareForUpdate).
      if (!equalJson(draft.metadata.annotations ?? {}, old.metadata.annotations ?? {})) draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
    },
    validate: validateDeployment,
    validateUpdate: validateSelectorUpdate,
  },
});
