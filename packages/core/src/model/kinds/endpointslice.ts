import type { z } from 'zod';
import { described, flag, int32, list, pointer, requiredList, struct, text, textMap } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { objectReference } from './references.js';
import { applyEndpointSliceDefaults } from '../defaults/service.js';
import { validateEndpointSlice, validateEndpointSliceUpdate } from '../validation/core.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { endpointSliceColumns } from '../table/service-columns.js';

const endpointConditionsSchema = struct({
  ready: pointer(flag),
  serving: pointer(flag),
  terminating: pointer(flag),
});
/** Whether an endpoint is ready, serving, terminating; absent means unknown. */
export interface EndpointConditions extends z.infer<typeof endpointConditionsSchema> {}
/** Schema of {@link EndpointConditions}. */
export const endpointConditions: Schema<EndpointConditions> = described(endpointConditionsSchema, 'Whether an endpoint is ready, serving, terminating; absent means unknown.');

const forZoneSchema = struct({
  name: text.default(''),
});
/** A zone that should use an endpoint. */
export interface ForZone extends z.infer<typeof forZoneSchema> {}
/** Schema of {@link ForZone}. */
export const forZone: Schema<ForZone> = described(forZoneSchema, 'A zone that should use an endpoint.');

const forNodeSchema = struct({
  name: text.default(''),
});
/** A node that should use an endpoint. */
export interface ForNode extends z.infer<typeof forNodeSchema> {}
/** Schema of {@link ForNode}. */
export const forNode: Schema<ForNode> = described(forNodeSchema, 'A node that should use an endpoint.');

const endpointHintsSchema = struct({
  forZones: list(forZone).optional(),
  forNodes: list(forNode).optional(),
});
/** Who should use an endpoint. */
export interface EndpointHints extends z.infer<typeof endpointHintsSchema> {}
/** Schema of {@link EndpointHints}. */
export const endpointHints: Schema<EndpointHints> = described(endpointHintsSchema, 'Who should use an endpoint.');

const endpointSchema = struct({
  addresses: requiredList(text, { listType: 'set' }),
  conditions: endpointConditions.optional(),
  hostname: pointer(text),
  targetRef: pointer(objectReference),
  deprecatedTopology: textMap.optional(),
  nodeName: pointer(text),
  zone: pointer(text),
  hints: pointer(endpointHints),
});
/** One backend of a service. */
export interface Endpoint extends z.infer<typeof endpointSchema> {}
/** Schema of {@link Endpoint}. */
export const endpoint: Schema<Endpoint> = described(endpointSchema, 'One backend of a service.');

const endpointPortSchema = struct({
  name: pointer(text),
  protocol: pointer(text),
  port: pointer(int32),
  appProtocol: pointer(text),
});
/** A port of all endpoints of a slice. */
export interface EndpointPort extends z.infer<typeof endpointPortSchema> {}
/** Schema of {@link EndpointPort}. */
export const endpointPort: Schema<EndpointPort> = described(endpointPortSchema, 'A port of all endpoints of a slice.');

/** A part of the backends of a service (discovery/v1). */
export interface EndpointSlice extends KubeObject {
  addressType: string;
  endpoints: Endpoint[];
  ports: EndpointPort[];
}
/** The kind {@link EndpointSlice}. */
export const EndpointSlice: KindDefinition<EndpointSlice> = buildKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  description: 'A part of the backends of a service.',
  fields: { addressType: text.default(''), endpoints: requiredList(endpoint), ports: requiredList(endpointPort) },
  columns: endpointSliceColumns,
  rules: {
    applyDefaults: applyEndpointSliceDefaults,
    validate: validateEndpointSlice,
    validateUpdate: validateEndpointSliceUpdate,
  },
});
