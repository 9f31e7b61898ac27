import { z } from 'zod';
import type { KindDefinition } from './kind.js';
import type { KubeObject } from './object.js';
import { fieldFacts } from './schema/fields.js';
import type { MergeInfo } from './schema/fields.js';

/** A JSON Schema of the OpenAPI 3.0 dialect. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The schema of a kind as clients see it: of the input, in OpenAPI 3.0, with the `x-kubernetes-*` keys that say how patches merge
 * and which kind it is. Made anew on each call; keep it if you need it often.
 */
export function jsonSchemaOf<T extends KubeObject>(kind: KindDefinition<T>): JsonSchema {
  const identity = { 'x-kubernetes-group-version-kind': [{ group: kind.group, version: kind.version, kind: kind.kind }] };
  if (kind.shape !== undefined) return { ...kind.shape.jsonSchema, ...identity };
  const schema = z.toJSONSchema(kind.schema, {
    target: 'openapi-3.0',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const facts = fieldFacts.get(zodSchema as unknown as z.ZodType);
      if (facts?.description !== undefined) Object.assign(jsonSchema, { description: facts.description });
      if (facts?.merge !== undefined) Object.assign(jsonSchema, mergeKeys(facts.merge, jsonSchema.type === 'array'));
      if (facts?.format === 'int-or-string') Object.assign(jsonSchema, { 'x-kubernetes-int-or-string': true });
      else if (facts?.format !== undefined && facts.format !== 'quantity') Object.assign(jsonSchema, { format: facts.format === 'micro-time' ? 'date-time' : facts.format });
    },
  });
  return { ...(kind.description !== undefined && { description: kind.description }), ...withWords(schema), ...identity };
}

/** What the fields are that all objects have. */
const COMMON: Readonly<Record<string, string>> = {
  apiVersion: 'The version of the API that the object is written in: `v1` or `group/version`.',
  kind: 'What the object is, in UpperCamelCase.',
  metadata: 'Name, labels, owners and whatever else all objects have.',
  spec: 'What is wanted.',
  status: 'What is, as those who keep it so have seen it last.',
};

/** Fields that all objects have are described where they are not yet. */
function withWords(schema: JsonSchema): JsonSchema {
  const { properties } = schema as { readonly properties?: Readonly<Record<string, JsonSchema>> };
  if (properties === undefined) return schema;
  const described = Object.entries(properties).map(([name, field]) => [name, Object.hasOwn(COMMON, name) && field['description'] === undefined ? { description: COMMON[name], ...field } : field]);
  return { ...schema, properties: Object.fromEntries(described) };
}

function mergeKeys(merge: MergeInfo, isList: boolean): Record<string, unknown> {
  return {
    ...(merge.strategy === undefined ? {} : { 'x-kubernetes-patch-strategy': merge.strategy }),
    ...(merge.key === undefined ? {} : { 'x-kubernetes-patch-merge-key': merge.key }),
    ...(isList ? { 'x-kubernetes-list-type': merge.listType ?? 'atomic' } : {}),
    ...(merge.listType === 'map' ? { 'x-kubernetes-list-map-keys': merge.listKeys ?? [merge.key] } : {}),
    ...(merge.mapType === undefined ? {} : { 'x-kubernetes-map-type': merge.mapType }),
  };
}
