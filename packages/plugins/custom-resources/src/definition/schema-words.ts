import { type FieldError, fieldError } from '@orrery/core';
import { objectOf } from '../schema/types.js';

/** Words that no structural schema may have, as Kubernetes does not have them. */
const FORBIDDEN = ['$ref', 'id', '$schema', 'definitions', 'dependencies', 'patternProperties', 'additionalItems'] as const;
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

const isText = (value: unknown): boolean => typeof value === 'string';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const FORMS: Readonly<Record<string, readonly [string, (value: unknown) => boolean]>> = {
  ...Object.fromEntries(['type', 'format', 'title', 'description', 'pattern', 'x-kubernetes-list-type', 'x-kubernetes-map-type'].map((word) => [word, ['a string', isText] as const])),
  ...Object.fromEntries(
    ['nullable', 'exclusiveMaximum', 'exclusiveMinimum', 'uniqueItems', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-int-or-string'].map((word) => [word, ['a boolean', isFlag] as const]),
  ),
  ...Object.fromEntries(['maximum', 'minimum', 'multipleOf'].map((word) => [word, ['a number', isNumber] as const])),
  ...Object.fromEntries(['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'].map((word) => [word, ['an integer', isCount] as const])),
  ...Object.fromEntries(['required', 'x-kubernetes-list-map-keys'].map((word) => [word, ['a list of strings', isTexts] as const])),
  enum: ['a list', Array.isArray],
};

/** What in a schema has not the form that its word wants, and words that must not be there, through all levels. */
export function checkWords(schema: unknown, path: string): FieldError[] {
  const object = objectOf(schema);
  if (object === undefined) return [fieldError.typeInvalid(path, Array.isArray(schema) ? 'array' : typeof schema, 'must be a schema')];
  const errors: FieldError[] = FORBIDDEN.filter((word) => object[word] !== undefined).map((word) => fieldError.forbidden(`${path}.${word}`, `${word} is not supported`));
  for (const [word, [form, fits]] of Object.entries(FORMS)) {
    if (object[word] !== undefined && !fits(object[word])) errors.push(fieldError.typeInvalid(`${path}.${word}`, typeof object[word], `must be ${form}`));
  }
  const { type, properties, additionalProperties, items, not, 'x-kubernetes-validations': rules } = object as Record<string, unknown> & { type?: unknown };
  if (isText(type) && type !== '' && !TYPES.includes(type as string)) errors.push(fieldError.notSupported(`${path}.type`, type, TYPES));
  if (properties !== undefined && objectOf(properties) === undefined) errors.push(fieldError.typeInvalid(`${path}.properties`, typeof properties, 'must be an object'));
  for (const [name, property] of Object.entries(objectOf(properties) ?? {})) errors.push(...checkWords(property, `${path}.properties[${name}]`));
  if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean') errors.push(...checkWords(additionalProperties, `${path}.additionalProperties`));
  if (Array.isArray(items)) errors.push(fieldError.forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  else if (items !== undefined) errors.push(...checkWords(items, `${path}.items`));
  if (not !== undefined) errors.push(...checkWords(not, `${path}.not`));
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) {
    const list = object[word];
    if (list === undefined) continue;
    if (!Array.isArray(list)) errors.push(fieldError.typeInvalid(`${path}.${word}`, typeof list, 'must be a list'));
    else list.forEach((one, i) => errors.push(...checkWords(one, `${path}.${word}[${i}]`)));
  }
  if (rules !== undefined) errors.push(...checkRules(rules, `${path}.x-kubernetes-validations`));
  return errors;
}

function checkRules(rules: unknown, path: string): FieldError[] {
  if (!Array.isArray(rules)) return [fieldError.typeInvalid(path, typeof rules, 'must be a list')];
  return rules.flatMap((one: unknown, i) => {
    const rule = objectOf(one);
    const texts = ['message', 'messageExpression', 'reason', 'fieldPath'].every((word) => rule?.[word] === undefined || isText(rule[word]));
    const fits = rule !== undefined && isText(rule['rule']) && texts && (rule['optionalOldSelf'] === undefined || isFlag(rule['optionalOldSelf']));
    return fits ? [] : [fieldError.typeInvalid(`${path}[${i}]`, typeof one, 'must be a rule')];
  });
}

