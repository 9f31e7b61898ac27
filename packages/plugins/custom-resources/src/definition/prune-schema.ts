import { objectOf } from '../schema/types.js';

type Word = 'value' | 'schema' | 'schemas' | 'map' | 'schema or flag' | 'rules' | 'schema or list';

/** The words of JSONSchemaProps, and what is under them. */
const WORDS: Readonly<Record<string, Word>> = {
  ...Object.fromEntries(
    [
      'id', '$schema', '$ref', 'description', 'type', 'format', 'title', 'default', 'maximum', 'exclusiveMaximum', 'minimum', 'exclusiveMinimum', 'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems',
      'uniqueItems', 'multipleOf', 'enum', 'maxProperties', 'minProperties', 'required', 'externalDocs', 'example', 'nullable', 'definitions', 'dependencies', 'patternProperties', 'additionalItems',
      'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string', 'x-kubernetes-list-map-keys', 'x-kubernetes-list-type', 'x-kubernetes-map-type',
    ].map((word) => [word, 'value' as const]),
  ),
  items: 'schema or list',
  not: 'schema',
  allOf: 'schemas',
  anyOf: 'schemas',
  oneOf: 'schemas',
  properties: 'map',
  additionalProperties: 'schema or flag',
  'x-kubernetes-validations': 'rules',
};
const WORDS_OF_RULES: ReadonlySet<string> = new Set(['rule', 'message', 'messageExpression', 'reason', 'fieldPath', 'optionalOldSelf']);

/** Drops the words that a schema cannot have, as decoding does with all unknown fields, and answers their paths; changes the schema. */
export function pruneSchema(schema: unknown, path: string): string[] {
  const object = objectOf(schema);
  if (object === undefined) return [];
  return Object.entries(object).flatMap(([word, value]) => {
    const at = `${path}.${word}`;
    if (value === null) {
      // Null is absence, but for what may be any value.
      if (word !== 'default' && word !== 'example') delete object[word];
      return [];
    }
    switch (Object.hasOwn(WORDS, word) ? WORDS[word] : undefined) {
      case undefined:
        delete object[word];
        return [at];
      case 'schema':
      case 'schema or flag':
        return pruneSchema(value, at);
      case 'schemas':
      case 'schema or list':
        return Array.isArray(value) ? value.flatMap((one, i) => pruneSchema(one, `${at}[${i}]`)) : pruneSchema(value, at);
      case 'map':
        return Object.entries(objectOf(value) ?? {}).flatMap(([name, one]) => pruneSchema(one, `${at}[${name}]`));
      case 'rules':
        return Array.isArray(value) ? value.flatMap((rule, i) => pruneRule(rule, `${at}[${i}]`)) : [];
      default:
        return [];
    }
  });
}

function pruneRule(rule: unknown, path: string): string[] {
  const object = objectOf(rule);
  const unknown = Object.keys(object ?? {}).filter((word) => !WORDS_OF_RULES.has(word));
  for (const word of unknown) delete object?.[word];
  return unknown.map((word) => `${path}.${word}`);
}
