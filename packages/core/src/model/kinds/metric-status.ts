import type { z } from 'zod';
import { described, int32, pointer, quantity, requiredStruct, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { crossVersionObjectReference, metricIdentifier } from './metric-target.js';

// What HorizontalPodAutoscalers last measured.

const metricValueStatusSchema = struct({
  value: pointer(quantity),
  averageValue: pointer(quantity),
  averageUtilization: pointer(int32),
});
/** The value of a metric. */
export interface MetricValueStatus extends z.infer<typeof metricValueStatusSchema> {}
/** Schema of {@link MetricValueStatus}. */
export const metricValueStatus: Schema<MetricValueStatus> = described(metricValueStatusSchema, 'The value of a metric.');

const current = requiredStruct(metricValueStatus);

const namedMetricStatusSchema = struct({ metric: requiredStruct(metricIdentifier), current });
/** The value of a metric of pods, or of one outside the cluster. */
export interface NamedMetricStatus extends z.infer<typeof namedMetricStatusSchema> {}

const objectMetricStatusSchema = struct({ metric: requiredStruct(metricIdentifier), current, describedObject: requiredStruct(crossVersionObjectReference) });
/** The value of a metric of one object. */
export interface ObjectMetricStatus extends z.infer<typeof objectMetricStatusSchema> {}

const resourceMetricStatusSchema = struct({ name: text.default(''), current });
/** The use of a resource. */
export interface ResourceMetricStatus extends z.infer<typeof resourceMetricStatusSchema> {}

const containerResourceMetricStatusSchema = struct({ name: text.default(''), current, container: text.default('') });
/** The use of a resource by one container. */
export interface ContainerResourceMetricStatus extends z.infer<typeof containerResourceMetricStatusSchema> {}

const metricStatusSchema = struct({
  type: text.default(''),
  object: pointer(objectMetricStatusSchema as Schema<ObjectMetricStatus>),
  pods: pointer(namedMetricStatusSchema as Schema<NamedMetricStatus>),
  resource: pointer(resourceMetricStatusSchema as Schema<ResourceMetricStatus>),
  containerResource: pointer(containerResourceMetricStatusSchema as Schema<ContainerResourceMetricStatus>),
  external: pointer(namedMetricStatusSchema as Schema<NamedMetricStatus>),
});
/** One metric as it was last read. */
export interface MetricStatus extends z.infer<typeof metricStatusSchema> {}
/** Schema of {@link MetricStatus}. */
export const metricStatus: Schema<MetricStatus> = described(metricStatusSchema, 'One metric as it was last read.');
