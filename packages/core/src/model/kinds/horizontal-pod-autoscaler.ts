import type { z } from 'zod';
import { described, int32, int64, list, pointer, quantity, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { applyAutoscalerDefaults } from '../defaults/autoscaling.js';
import { validateAutoscaler, validateAutoscalerCreate, validateAutoscalerStatus, validateAutoscalerUpdate } from '../validation/autoscaling.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { metricStatus } from './metric-status.js';
import { crossVersionObjectReference, metricSpec } from './metric-target.js';
import { autoscalerColumns } from '../table/workload-columns.js';

const scalingPolicySchema = struct({
  type: text.default(''),
  value: int32.default(0),
  periodSeconds: int32.default(0),
});
/** How far the number of replicas may move within a period: so many Pods, or so much Percent. */
export interface HPAScalingPolicy extends z.infer<typeof scalingPolicySchema> {}
/** Schema of {@link HPAScalingPolicy}. */
export const scalingPolicy: Schema<HPAScalingPolicy> = described(scalingPolicySchema, 'How far the number of replicas may move within a period: so many Pods, or so much Percent.');

const scalingRulesSchema = struct({
  stabilizationWindowSeconds: pointer(int32),
  selectPolicy: pointer(text),
  policies: pointer(list(scalingPolicy)),
  tolerance: pointer(quantity),
});
/** How to scale in one direction. */
export interface HPAScalingRules extends z.infer<typeof scalingRulesSchema> {}
/** Schema of {@link HPAScalingRules}. */
export const scalingRules: Schema<HPAScalingRules> = described(scalingRulesSchema, 'How to scale in one direction.');

const behaviorSchema = struct({
  scaleUp: pointer(scalingRules),
  scaleDown: pointer(scalingRules),
});
/** How to scale in either direction. */
export interface HorizontalPodAutoscalerBehavior extends z.infer<typeof behaviorSchema> {}

const specSchema = struct({
  scaleTargetRef: requiredStruct(crossVersionObjectReference),
  minReplicas: pointer(int32),
  maxReplicas: int32.default(0),
  metrics: list(metricSpec).optional(),
  behavior: pointer(behaviorSchema as Schema<HorizontalPodAutoscalerBehavior>),
});
/** The desired state of a HorizontalPodAutoscaler. */
export interface HorizontalPodAutoscalerSpec extends z.infer<typeof specSchema> {}

const conditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  lastTransitionTime: timestamp.optional(),
  reason: text.optional(),
  message: text.optional(),
});
/** One aspect of the observed state: AbleToScale, ScalingActive or ScalingLimited. */
export interface HorizontalPodAutoscalerCondition extends z.infer<typeof conditionSchema> {}

const statusSchema = struct({
  observedGeneration: pointer(int64),
  lastScaleTime: timestamp.optional(),
  currentReplicas: int32.optional(),
  desiredReplicas: int32.default(0),
  currentMetrics: list(metricStatus).optional(),
  conditions: list(conditionSchema as Schema<HorizontalPodAutoscalerCondition>, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
});
/** The observed state of a HorizontalPodAutoscaler. */
export interface HorizontalPodAutoscalerStatus extends z.infer<typeof statusSchema> {}

/** Keeps the number of replicas of a workload where its metrics want it (autoscaling/v2). */
export interface HorizontalPodAutoscaler extends KubeObject {
  spec: HorizontalPodAutoscalerSpec;
  status?: HorizontalPodAutoscalerStatus | undefined;
}
/** The kind {@link HorizontalPodAutoscaler}. */
export const HorizontalPodAutoscaler: KindDefinition<HorizontalPodAutoscaler> = buildKind<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  description: 'Keeps the number of replicas of a workload where its metrics want it.',
  shortNames: ['hpa'],
  categories: ['all'],
  spec: specSchema as Schema<HorizontalPodAutoscalerSpec>,
  status: statusSchema as Schema<HorizontalPodAutoscalerStatus>,
  // Its strategy does not count changes (registry/autoscaling/horizontalpodautoscaler).
  tracksGeneration: false,
  columns: autoscalerColumns,
  rules: {
    applyDefaults: applyAutoscalerDefaults,
    validate: validateAutoscaler,
    validateCreate: validateAutoscalerCreate,
    validateUpdate: validateAutoscalerUpdate,
    validateStatusUpdate: validateAutoscalerStatus,
  },
});
