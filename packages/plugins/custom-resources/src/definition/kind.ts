import { decodeObject, jsonSchemaOf, type KindDefinition, mergeRoot } from '@orrery/core';
import { applyDefinitionDefaults, prepareDefinition } from './defaults.js';
import { baseDefinition, type CustomResourceDefinition as Definition } from './form.js';
import { pruneSchema } from './prune-schema.js';
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from './validate.js';

/** A kind that is an object itself (apiextensions.k8s.io/v1). */
export type CustomResourceDefinition = Definition;
/** The kind {@link CustomResourceDefinition}. */
export const CustomResourceDefinition: KindDefinition<CustomResourceDefinition> = {
  ...baseDefinition,
  shape: {
    decode: (input) => {
      const { object, unknown } = decodeObject(baseDefinition, input);
      const more = object.spec.versions.flatMap(({ schema }, i) => (schema?.openAPIV3Schema === undefined ? [] : pruneSchema(schema.openAPIV3Schema, `spec.versions[${i}].schema.openAPIV3Schema`)));
      return { object, unknown: [...unknown, ...more] };
    },
    merge: mergeRoot(baseDefinition),
    jsonSchema: jsonSchemaOf(baseDefinition),
  },
  rules: {
    applyDefaults: applyDefinitionDefaults,
    prepareForCreate: prepareDefinition,
    validate: validateDefinition,
    validateUpdate: validateDefinitionUpdate,
    validateStatusUpdate: validateDefinitionStatus,
  },
};
