import type { z } from 'zod';
import { applyEndpointsDefaults } from '../defaults/service.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, int32, list, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { endpointsColumns } from '../table/service-columns.js';
import { validateEndpoints } from '../validation/endpoints.js';
import { objectReference } from './references.js';

const endpointAddressSchema = struct({
  ip: text.default(''),
  hostname: text.optional(),
  nodeName: pointer(text),
  targetRef: pointer(objectReference),
});
/** One address of a service. */
export interface EndpointAddress extends z.infer<typeof endpointAddressSchema> {}
/** Schema of {@link EndpointAddress}. */
export const endpointAddress: Schema<EndpointAddress> = described(endpointAddressSchema, 'One address of a service.');

const endpointSubsetPortSchema = struct({
  name: text.optional(),
  port: int32.default(0),
  protocol: text.optional(),
  appProtocol: pointer(text),
});
/** A port under which all addresses of a subset serve. */
export interface EndpointSubsetPort extends z.infer<typeof endpointSubsetPortSchema> {}
/** Schema of {@link EndpointSubsetPort}. */
export const endpointSubsetPort: Schema<EndpointSubsetPort> = described(endpointSubsetPortSchema, 'A port under which all addresses of a subset serve.');

const endpointSubsetSchema = struct({
  addresses: list(endpointAddress).optional(),
  notReadyAddresses: list(endpointAddress).optional(),
  ports: list(endpointSubsetPort).optional(),
});
/** Addresses that serve under the same ports: each address under each port. */
export interface EndpointSubset extends z.infer<typeof endpointSubsetSchema> {}
/** Schema of {@link EndpointSubset}. */
export const endpointSubset: Schema<EndpointSubset> = described(endpointSubsetSchema, 'Addresses that serve under the same ports: each address under each port.');

/** The backends of the service of the same name (core/v1), as they were told before there were slices. */
export interface Endpoints extends KubeObject {
  subsets?: EndpointSubset[] | undefined;
}
/** The kind {@link Endpoints}. */
export const Endpoints: KindDefinition<Endpoints> = buildKind<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  description: 'The backends of the service of the same name, as they were told before there were slices.',
  plural: 'endpoints',
  shortNames: ['ep'],
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  fields: { subsets: list(endpointSubset).optional() },
  columns: endpointsColumns,
  rules: { applyDefaults: applyEndpointsDefaults, validate: validateEndpoints },
});
