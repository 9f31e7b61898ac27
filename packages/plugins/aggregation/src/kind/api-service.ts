import { type Condition, defineKind, type KindDefinition, type KubeObject, schemas } from '@orrery/core';
import type { z } from 'zod';
import { apiServiceColumns } from './columns.js';
import { validateApiService } from './validate.js';

const { bytes, flag, int32, list, pointer, struct, text } = schemas;

const serviceReference = struct({ namespace: text.optional(), name: text.optional(), port: pointer(int32) });
const spec = struct({
  service: pointer(serviceReference),
  group: text.optional(),
  version: text.optional(),
  insecureSkipTLSVerify: flag.optional(),
  caBundle: bytes.optional(),
  groupPriorityMinimum: int32.default(0),
  versionPriority: int32.default(0),
});
const status = struct({ conditions: list(schemas.condition, { strategy: 'merge', listType: 'map', key: 'type' }).optional() });

/** Which server has the objects of one version of a group. */
export interface APIServiceSpec extends z.infer<typeof spec> {}

/** A version of a group, and who serves it: this server (`Local`), or a service (apiregistration.k8s.io/v1). Its name is `<version>.<group>`. */
export interface APIService extends KubeObject {
  spec: APIServiceSpec;
  status?: { conditions?: Condition[] | undefined } | undefined;
}

/** The kind {@link APIService}. */
export const APIService = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  namespaced: false,
  categories: ['api-extensions'],
  // It has no generation in Kubernetes either.
  tracksGeneration: false,
  spec,
  status,
  columns: apiServiceColumns as never,
  rules: {
    applyDefaults: (draft) => {
      const { service } = (draft as unknown as APIService).spec;
      if (service !== undefined) service.port ??= 443;
    },
    // A version of a group need not be a DNS name: `v1.` is the core's.
    validateName: () => [],
    validate: (object) => validateApiService(object as unknown as APIService),
  },
}) as unknown as KindDefinition<APIService>;
