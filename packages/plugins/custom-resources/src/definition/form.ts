import { defineKind, type KindDefinition, type KubeObject, schemas } from '@orrery/core';
import { clientConfig } from '@orrery/webhook-client';
import { z } from 'zod';
import type { JsonSchemaProps } from '../schema/types.js';

const { flag, int32, text } = schemas;
const texts = z.array(text);

const names = z.object({
  plural: text.default(''),
  singular: text.optional(),
  shortNames: texts.optional(),
  kind: text.default(''),
  listKind: text.optional(),
  categories: texts.optional(),
});
const scale = z.object({ specReplicasPath: text.default(''), statusReplicasPath: text.default(''), labelSelectorPath: text.optional() });
const column = z.object({ name: text.default(''), type: text.default(''), format: text.optional(), description: text.optional(), priority: int32.optional(), jsonPath: text.default('') });
const version = z.object({
  name: text.default(''),
  served: flag.default(false),
  storage: flag.default(false),
  deprecated: flag.optional(),
  deprecationWarning: text.optional(),
  schema: z.object({ openAPIV3Schema: schemas.anyValue.optional() }).optional(),
  subresources: z.object({ status: schemas.anyObject.optional(), scale: scale.optional() }).optional(),
  additionalPrinterColumns: z.array(column).optional(),
  selectableFields: z.array(z.object({ jsonPath: text.default('') })).optional(),
});
const spec = z.object({
  group: text.default(''),
  names: names.prefault({}),
  scope: text.default(''),
  versions: z.array(version).default([]),
  conversion: z.object({ strategy: text.default(''), webhook: z.object({ clientConfig: clientConfig.optional(), conversionReviewVersions: texts.optional() }).optional() }).optional(),
  preserveUnknownFields: flag.optional(),
});
const status = z.object({
  conditions: z.array(schemas.condition).optional(),
  acceptedNames: names.optional(),
  storedVersions: texts.optional(),
  observedGeneration: schemas.int64.optional(),
});

/** The names of a kind (apiextensions CustomResourceDefinitionNames). */
export type DefinitionNames = z.output<typeof names>;
/** One version of a kind (apiextensions CustomResourceDefinitionVersion). */
export type DefinitionVersion = Omit<z.output<typeof version>, 'schema'> & { schema?: { openAPIV3Schema?: JsonSchemaProps | undefined } | undefined };
/** A kind that is an object itself (apiextensions.k8s.io/v1). */
export interface CustomResourceDefinition extends KubeObject {
  spec: Omit<z.output<typeof spec>, 'versions'> & { versions: DefinitionVersion[] };
  status?: z.output<typeof status> | undefined;
}

/** The finalizer by which the objects of a definition go before it does. */
export const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** The kind as far as zod describes it: schemas in it are any objects. */
export const baseDefinition = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  spec,
  status,
  columns: [{ name: 'Created At', type: 'date', value: ({ metadata }) => metadata.creationTimestamp ?? '' }],
}) as unknown as KindDefinition<CustomResourceDefinition>;
