import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, list, mapOf, pointer, quantity, struct, text, textMap, withMerge } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { runtimeClassColumns } from '../table/networking-columns.js';
import { validateRuntimeClass, validateRuntimeClassUpdate } from '../validation/runtime-class.js';
import { toleration } from './affinity.js';

const runtimeClassOverheadSchema = struct({ podFixed: mapOf(quantity).optional() });
/** What a pod of the class costs beside its containers. */
export interface RuntimeClassOverhead extends z.infer<typeof runtimeClassOverheadSchema> {}
/** Schema of {@link RuntimeClassOverhead}. */
export const runtimeClassOverhead: Schema<RuntimeClassOverhead> = described(runtimeClassOverheadSchema, 'What a pod of the class costs beside its containers.');

const runtimeClassSchedulingSchema = struct({
  nodeSelector: withMerge(textMap, { mapType: 'atomic' }),
  tolerations: list(toleration).optional(),
});
/** Which nodes have the class. */
export interface RuntimeClassScheduling extends z.infer<typeof runtimeClassSchedulingSchema> {}
/** Schema of {@link RuntimeClassScheduling}. */
export const runtimeClassScheduling: Schema<RuntimeClassScheduling> = described(runtimeClassSchedulingSchema, 'Which nodes have the class.');

/** A way of running containers (node.k8s.io/v1); `handler` is the name of a runtime seat. */
export interface RuntimeClass extends KubeObject {
  handler: string;
  overhead?: RuntimeClassOverhead | undefined;
  scheduling?: RuntimeClassScheduling | undefined;
}
/** The kind {@link RuntimeClass}. */
export const RuntimeClass: KindDefinition<RuntimeClass> = buildKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  description: 'A way of running containers; handler is the name of a runtime seat.',
  plural: 'runtimeclasses',
  namespaced: false,
  fields: { handler: text.default(''), overhead: pointer(runtimeClassOverhead), scheduling: pointer(runtimeClassScheduling) },
  columns: runtimeClassColumns,
  rules: { validate: validateRuntimeClass, validateUpdate: validateRuntimeClassUpdate },
});
