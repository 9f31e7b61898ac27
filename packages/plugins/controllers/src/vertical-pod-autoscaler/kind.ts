import { defineKind, type KindDefinition, type KubeObject, schemas } from '@orrery/core';
import { z } from 'zod';

const RESOURCES = ['cpu', 'memory'] as const;

const containerPolicy = z.object({
  /** `*`: every container that has none of its own. */
  containerName: z.string().default('*'),
  mode: z.enum(['Auto', 'Off']).default('Auto'),
  minAllowed: schemas.quantityMap.optional(),
  maxAllowed: schemas.quantityMap.optional(),
  controlledResources: z.array(z.enum(RESOURCES)).default([...RESOURCES]),
  controlledValues: z.enum(['RequestsAndLimits', 'RequestsOnly']).default('RequestsAndLimits'),
});
/** What a VerticalPodAutoscaler may recommend for a container. */
export interface ContainerPolicy extends z.infer<typeof containerPolicy> {}

const spec = z.object({
  targetRef: z.object({ apiVersion: z.string().optional(), kind: z.string().min(1).max(63), name: z.string().min(1).max(253) }),
  updatePolicy: z
    .object({
      /** Off: advice only. Initial: new pods get what is recommended. Recreate (and Auto): pods that are far from it are evicted too. */
      updateMode: z.enum(['Off', 'Initial', 'Recreate', 'Auto']).default('Off'),
      /** Nothing is evicted while there are fewer replicas. */
      minReplicas: z.int().min(1).default(2),
    })
    .prefault({}),
  resourcePolicy: z.object({ containerPolicies: z.array(containerPolicy).default([]) }).prefault({}),
});

const containerRecommendation = z.object({
  containerName: z.string(),
  target: schemas.quantityMap,
  lowerBound: schemas.quantityMap.optional(),
  upperBound: schemas.quantityMap.optional(),
  uncappedTarget: schemas.quantityMap.optional(),
});
/** What a container should ask for, by resource: below the lower and above the upper bound it is worth a restart. */
export interface ContainerRecommendation extends z.infer<typeof containerRecommendation> {}

const condition = z.object({ type: z.string(), status: z.string(), lastTransitionTime: z.string().optional(), reason: z.string().optional(), message: z.string().optional() });
/** One aspect of the state of a VerticalPodAutoscaler. */
export interface VerticalCondition extends z.infer<typeof condition> {}

const status = z.object({
  recommendation: z.object({ containerRecommendations: z.array(containerRecommendation).default([]) }).optional(),
  conditions: z.array(condition).optional(),
});

/** Recommends what the containers of a workload should ask for, from what they were seen to use (autoscaling.k8s.io/v1, Kubernetes' autoscaler project). */
export interface VerticalPodAutoscaler extends KubeObject {
  spec: z.infer<typeof spec>;
  status?: z.infer<typeof status> | undefined;
}
/** The kind {@link VerticalPodAutoscaler}. */
export const VerticalPodAutoscaler: KindDefinition<VerticalPodAutoscaler> = defineKind({
  group: 'autoscaling.k8s.io',
  version: 'v1',
  kind: 'VerticalPodAutoscaler',
  shortNames: ['vpa'],
  spec,
  status,
  columns: [
    { name: 'Mode', type: 'string', jsonPath: '.spec.updatePolicy.updateMode' },
    { name: 'CPU', type: 'string', value: (vpa) => (vpa as VerticalPodAutoscaler).status?.recommendation?.containerRecommendations[0]?.target['cpu'] ?? '' },
    { name: 'Mem', type: 'string', value: (vpa) => (vpa as VerticalPodAutoscaler).status?.recommendation?.containerRecommendations[0]?.target['memory'] ?? '' },
  ],
}) as unknown as KindDefinition<VerticalPodAutoscaler>;

const histogram = z.object({ referenceTimestamp: z.number(), totalWeight: z.number().nonnegative(), bucketWeights: z.record(z.string().regex(/^\d{1,4}$/), z.int().nonnegative()) });

const checkpointSpec = z.object({
  vpaObjectName: z.string(),
  containerName: z.string(),
  cpuHistogram: histogram,
  memoryHistogram: histogram,
  firstSample: z.number(),
  lastSample: z.number(),
  totalSamplesCount: z.int().nonnegative(),
});
/** What was learnt of one container, so that a restart does not forget it. Times in milliseconds since the epoch. */
export interface VerticalPodAutoscalerCheckpoint extends KubeObject {
  spec: z.infer<typeof checkpointSpec>;
}
/** The kind {@link VerticalPodAutoscalerCheckpoint}. */
export const VerticalPodAutoscalerCheckpoint: KindDefinition<VerticalPodAutoscalerCheckpoint> = defineKind({
  group: 'autoscaling.k8s.io',
  version: 'v1',
  kind: 'VerticalPodAutoscalerCheckpoint',
  shortNames: ['vpacheckpoint'],
  spec: checkpointSpec,
}) as unknown as KindDefinition<VerticalPodAutoscalerCheckpoint>;
