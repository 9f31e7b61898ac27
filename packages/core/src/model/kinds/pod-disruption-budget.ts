import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, int32, int64, intOrString, list, mapOf, pointer, struct, text, timestamp, withMerge } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validatePodDisruptionBudget, validatePodDisruptionBudgetStatus } from '../validation/disruption.js';
import { condition, labelSelector } from './selectors.js';
import { disruptionBudgetColumns } from '../table/workload-columns.js';

const podDisruptionBudgetSpecSchema = struct({
  minAvailable: pointer(intOrString),
  selector: withMerge(labelSelector, {}),
  maxUnavailable: pointer(intOrString),
  unhealthyPodEvictionPolicy: pointer(text),
});
/** How many pods of a selection must stay available while pods are evicted. */
export interface PodDisruptionBudgetSpec extends z.infer<typeof podDisruptionBudgetSpecSchema> {}
/** Schema of {@link PodDisruptionBudgetSpec}. */
export const podDisruptionBudgetSpec: Schema<PodDisruptionBudgetSpec> = described(podDisruptionBudgetSpecSchema, 'How many pods of a selection must stay available while pods are evicted.');

const podDisruptionBudgetStatusSchema = struct({
  observedGeneration: int64.optional(),
  disruptedPods: mapOf(timestamp).optional(),
  disruptionsAllowed: int32.default(0),
  currentHealthy: int32.default(0),
  desiredHealthy: int32.default(0),
  expectedPods: int32.default(0),
  conditions: list(condition, { strategy: 'merge', key: 'type', listType: 'map' }).optional(),
});
/** How many disruptions a budget has left. */
export interface PodDisruptionBudgetStatus extends z.infer<typeof podDisruptionBudgetStatusSchema> {}
/** Schema of {@link PodDisruptionBudgetStatus}. */
export const podDisruptionBudgetStatus: Schema<PodDisruptionBudgetStatus> = described(podDisruptionBudgetStatusSchema, 'How many disruptions a budget has left.');

/** Bounds how many pods of an application may be evicted at the same time (policy/v1). */
export interface PodDisruptionBudget extends KubeObject {
  spec: PodDisruptionBudgetSpec;
  status?: PodDisruptionBudgetStatus | undefined;
}
/** The kind {@link PodDisruptionBudget}. */
export const PodDisruptionBudget: KindDefinition<PodDisruptionBudget> = buildKind<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  description: 'Bounds how many pods of an application may be evicted at the same time.',
  shortNames: ['pdb'],
  spec: podDisruptionBudgetSpec,
  status: podDisruptionBudgetStatus,
  columns: disruptionBudgetColumns,
  rules: { validate: validatePodDisruptionBudget, validateStatusUpdate: validatePodDisruptionBudgetStatus },
});
