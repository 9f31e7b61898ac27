import type { z } from 'zod';
import { described, int32, pointer, quantity, requiredStruct, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { labelSelector } from './selectors.js';

// What HorizontalPodAutoscalers measure, and what they aim at.

const crossVersionObjectReferenceSchema = struct({
  kind: text.default(''),
  name: text.default(''),
  apiVersion: text.optional(),
});
/** Names an object of the same namespace in some version of its group. */
export interface CrossVersionObjectReference extends z.infer<typeof crossVersionObjectReferenceSchema> {}
/** Schema of {@link CrossVersionObjectReference}. */
export const crossVersionObjectReference: Schema<CrossVersionObjectReference> = described(crossVersionObjectReferenceSchema, 'Names an object of the same namespace in some version of its group.');

const metricIdentifierSchema = struct({
  name: text.default(''),
  selector: pointer(labelSelector),
});
/** Names a metric; the selector narrows down its series. */
export interface MetricIdentifier extends z.infer<typeof metricIdentifierSchema> {}
/** Schema of {@link MetricIdentifier}. */
export const metricIdentifier: Schema<MetricIdentifier> = described(metricIdentifierSchema, 'Names a metric; the selector narrows down its series.');

const metricTargetSchema = struct({
  type: text.default(''),
  value: pointer(quantity),
  averageValue: pointer(quantity),
  averageUtilization: pointer(int32),
});
/** What a metric should be: Utilization (per cent of the requests), Value, or AverageValue (per pod). */
export interface MetricTarget extends z.infer<typeof metricTargetSchema> {}
/** Schema of {@link MetricTarget}. */
export const metricTarget: Schema<MetricTarget> = described(metricTargetSchema, 'What a metric should be: Utilization (per cent of the requests), Value, or AverageValue (per pod).');

const objectMetricSourceSchema = struct({
  describedObject: requiredStruct(crossVersionObjectReference),
  target: requiredStruct(metricTarget),
  metric: requiredStruct(metricIdentifier),
});
/** A metric of one object, such as the requests of an Ingress. */
export interface ObjectMetricSource extends z.infer<typeof objectMetricSourceSchema> {}

const podsMetricSourceSchema = struct({
  metric: requiredStruct(metricIdentifier),
  target: requiredStruct(metricTarget),
});
/** A metric that each pod has a value of; they are averaged. */
export interface PodsMetricSource extends z.infer<typeof podsMetricSourceSchema> {}

const resourceMetricSourceSchema = struct({
  name: text.default(''),
  target: requiredStruct(metricTarget),
});
/** The use of a resource by the containers of each pod. */
export interface ResourceMetricSource extends z.infer<typeof resourceMetricSourceSchema> {}

const containerResourceMetricSourceSchema = struct({
  name: text.default(''),
  target: requiredStruct(metricTarget),
  container: text.default(''),
});
/** The use of a resource by one container of each pod. */
export interface ContainerResourceMetricSource extends z.infer<typeof containerResourceMetricSourceSchema> {}

const externalMetricSourceSchema = struct({
  metric: requiredStruct(metricIdentifier),
  target: requiredStruct(metricTarget),
});
/** A metric that belongs to no object of the cluster, such as the length of a queue. */
export interface ExternalMetricSource extends z.infer<typeof externalMetricSourceSchema> {}

const metricSpecSchema = struct({
  type: text.default(''),
  object: pointer(objectMetricSourceSchema as Schema<ObjectMetricSource>),
  pods: pointer(podsMetricSourceSchema as Schema<PodsMetricSource>),
  resource: pointer(resourceMetricSourceSchema as Schema<ResourceMetricSource>),
  containerResource: pointer(containerResourceMetricSourceSchema as Schema<ContainerResourceMetricSource>),
  external: pointer(externalMetricSourceSchema as Schema<ExternalMetricSource>),
});
/** One metric and its target; `type` names the member that is set: Object, Pods, Resource, ContainerResource or External. */
export interface MetricSpec extends z.infer<typeof metricSpecSchema> {}
/** Schema of {@link MetricSpec}. */
export const metricSpec: Schema<MetricSpec> = described(metricSpecSchema, 'One metric and its target; type names the member that is set: Object, Pods, Resource, ContainerResource or External.');
