import { patternOf } from '@orrery/cel';
import { cloneJson, equalJson, type FieldError, fieldError } from '@orrery/core';
import { compileExpression } from '../rules/compile.js';
import { escapedName } from '../rules/values.js';
import { told } from '../schema/bounds.js';
import { pruneUnknown } from '../schema/prune.js';
import { type JsonSchemaProps, objectOf, type ValidationRule } from '../schema/types.js';
import { validateValue } from '../schema/validate.js';
import { checkWords } from './schema-words.js';

/** What is wrong with a schema by the rules for structural ones (apiextensions structuralschema.ValidateStructural). Rules in CEL are compiled: what they use and is not known is told here. */
export function validateStructuralSchema(schema: JsonSchemaProps, path: string): FieldError[] {
  const wrong = checkWords(schema, path);
  // What is no schema at all cannot be judged further.
  if (wrong.length > 0) return told(wrong);
  const errors: FieldError[] = [];
  if (schema.type !== 'object') {
    errors.push(schema.type === undefined || schema.type === '' ? fieldError.required(`${path}.type`, 'must not be empty at the root') : fieldError.invalid(`${path}.type`, schema.type, 'must be object at the root'));
  }
  if (schema.nullable === true) errors.push(fieldError.forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  if (schema['x-kubernetes-embedded-resource'] === true) errors.push(fieldError.forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used at the root'));
  errors.push(...ofMetadata(schema, path));
  structure(schema, path, 'root', errors);
  if (errors.length === 0) defaults(schema, path, errors);
  return told(errors);
}

type Level = 'root' | 'field' | 'item';

function ofMetadata(schema: JsonSchemaProps, path: string): FieldError[] {
  const metadata = schema.properties?.['metadata'];
  if (metadata === undefined) return [];
  const at = `${path}.properties[metadata]`;
  const others = Object.keys(metadata).filter((word) => !['type', 'properties', 'description'].includes(word));
  const fields = Object.keys(metadata.properties ?? {}).filter((name) => name !== 'name' && name !== 'generateName');
  return [
    ...(metadata.type === 'object' ? [] : [fieldError.invalid(`${at}.type`, metadata.type, 'must be object')]),
    ...(others.length > 0 || fields.length > 0 ? [fieldError.forbidden(at, 'must not specify anything other than name and generateName, but metadata is implicitly specified')] : []),
  ];
}

function structure(schema: JsonSchemaProps, path: string, level: Level, errors: FieldError[]): void {
  const { type = '', items, properties = {}, additionalProperties } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const isEither = schema['x-kubernetes-int-or-string'] === true;
  const forbid = (word: string, why: string): number => errors.push(fieldError.forbidden(`${path}.${word}`, why));
  if (type === '' && level !== 'root' && !isOpen && !isEither) errors.push(fieldError.required(`${path}.type`, `must not be empty for specified ${level === 'item' ? 'array items' : 'object fields'}`));
  if (isEither && type !== '') errors.push(fieldError.invalid(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true'));
  if (isOpen && type !== '' && type !== 'object' && type !== 'array') errors.push(fieldError.invalid(`${path}.type`, type, 'must be object if x-kubernetes-preserve-unknown-fields is true'));
  if (schema['x-kubernetes-embedded-resource'] === true) {
    if (type !== 'object') errors.push(fieldError.invalid(`${path}.type`, type, 'must be object if x-kubernetes-embedded-resource is true'));
    if (!isOpen && Object.keys(properties).length === 0) errors.push(fieldError.required(`${path}.properties`, 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'));
  }
  if (additionalProperties === false) forbid('additionalProperties', 'additionalProperties cannot be set to false');
  if (additionalProperties !== undefined && Object.keys(properties).length > 0) forbid('additionalProperties', 'additionalProperties and properties are mutual exclusive');
  if (additionalProperties !== undefined && level === 'root') forbid('additionalProperties', 'must not be used at the root');
  if (type === 'array' && items === undefined) errors.push(fieldError.required(`${path}.items`, 'must be specified'));
  if (schema.uniqueItems === true) forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  lists(schema, path, errors);
  valueRules(schema, path, errors);
  (schema['x-kubernetes-validations'] ?? []).forEach((rule, i) => celRule(rule, schema, `${path}.x-kubernetes-validations[${i}]`, level === 'root', errors));
  for (const [name, property] of Object.entries(properties)) structure(property, `${path}.properties[${name}]`, 'field', errors);
  if (typeof additionalProperties === 'object') structure(additionalProperties, `${path}.additionalProperties`, 'field', errors);
  if (items !== undefined) structure(items, `${path}.items`, 'item', errors);
  junctors(schema, schema, path, errors);
}

const SCALARS: ReadonlySet<string> = new Set(['string', 'integer', 'number', 'boolean']);

function lists(schema: JsonSchemaProps, path: string, errors: FieldError[]): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const mapType = schema['x-kubernetes-map-type'];
  const { items } = schema;
  if (mapType !== undefined && mapType !== 'granular' && mapType !== 'atomic') errors.push(fieldError.notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  if (mapType !== undefined && schema.type !== 'object') errors.push(fieldError.invalid(`${path}.type`, schema.type ?? '', 'must be object if x-kubernetes-map-type is specified'));
  if (listType === undefined) {
    if (keys.length > 0) errors.push(fieldError.required(`${path}.x-kubernetes-list-type`, 'must be map if x-kubernetes-list-map-keys is non-empty'));
    return;
  }
  if (schema.type !== 'array') errors.push(fieldError.invalid(`${path}.type`, schema.type ?? '', 'must be array if x-kubernetes-list-type is specified'));
  if (!['atomic', 'map', 'set'].includes(listType)) errors.push(fieldError.notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'map', 'set']));
  if (listType !== 'map' && keys.length > 0) errors.push(fieldError.forbidden(`${path}.x-kubernetes-list-map-keys`, 'must be empty if x-kubernetes-list-type is not map'));
  if (listType === 'set' && !SCALARS.has(items?.type ?? '') && items?.['x-kubernetes-int-or-string'] !== true && items?.['x-kubernetes-list-type'] !== 'atomic' && items?.['x-kubernetes-map-type'] !== 'atomic') {
    errors.push(fieldError.invalid(`${path}.items`, items?.type ?? '', 'items of a set must be plain values, or atomic'));
  }
  if (listType !== 'map') return;
  if (keys.length === 0) errors.push(fieldError.required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'));
  if (items?.type !== 'object') errors.push(fieldError.invalid(`${path}.items.type`, items?.type ?? '', 'must be object if parent array\'s x-kubernetes-list-type is map'));
  keys.forEach((key, i) => {
    const at = `${path}.x-kubernetes-list-map-keys[${i}]`;
    const property = items?.properties?.[key];
    if (keys.indexOf(key) !== i) errors.push(fieldError.duplicate(at, key));
    if (property === undefined) errors.push(fieldError.invalid(at, key, 'must be a property of the items'));
    else if (!SCALARS.has(property.type ?? '')) errors.push(fieldError.invalid(`${path}.items.properties[${key}].type`, property.type ?? '', 'must be a scalar type if parent array\'s x-kubernetes-list-type is map'));
    else if (property.default === undefined && !(items?.required ?? []).includes(key)) errors.push(fieldError.required(`${path}.items.properties[${key}].default`, 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'));
  });
}

/** What values are compared with must be something they can be compared with. */
function valueRules({ pattern, multipleOf }: JsonSchemaProps, path: string, errors: FieldError[]): void {
  const compiled = pattern === undefined || pattern === '' ? undefined : patternOf(pattern);
  if (typeof compiled === 'string') errors.push(fieldError.invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${compiled}`));
  if (multipleOf !== undefined && multipleOf <= 0) errors.push(fieldError.invalid(`${path}.multipleOf`, multipleOf, 'must be greater than 0'));
}

/** Words that say what a value is: in alternatives they would make the structure depend on the value. */
const STRUCTURAL_WORDS = [
  'description', 'type', 'default', 'additionalProperties', 'nullable', 'title', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type', 'x-kubernetes-int-or-string', 'x-kubernetes-validations',
] as const;

/** Alternatives only narrow down what is specified outside of them. `within`: the schema they are about. */
function junctors(schema: JsonSchemaProps, within: JsonSchemaProps, path: string, errors: FieldError[]): void {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema;
  const all = [...allOf.map((one, i) => [one, `allOf[${i}]`] as const), ...anyOf.map((one, i) => [one, `anyOf[${i}]`] as const), ...oneOf.map((one, i) => [one, `oneOf[${i}]`] as const), ...(not === undefined ? [] : [[not, 'not'] as const])];
  for (const [one, word] of all) alternative(one, within, `${path}.${word}`, errors);
}

function alternative(schema: JsonSchemaProps, within: JsonSchemaProps, path: string, errors: FieldError[]): void {
  for (const word of STRUCTURAL_WORDS) {
    // The one way in which an int-or-string may be written out.
    if (word === 'type' && within['x-kubernetes-int-or-string'] === true && (schema.type === 'integer' || schema.type === 'string')) continue;
    if (schema[word] !== undefined && schema[word] !== false && schema[word] !== '') errors.push(fieldError.forbidden(`${path}.${word}`, 'must be empty to be structural'));
  }
  valueRules(schema, path, errors);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const outside = within.properties?.[name] ?? objectOf(within.additionalProperties);
    if (outside === undefined) errors.push(fieldError.required(`${path.replace(/\.(?:allOf|anyOf|oneOf)\[\d+\]|\.not/g, '')}.properties[${name}]`, `because it is defined in ${path}.properties[${name}]`));
    else alternative(property, outside, `${path}.properties[${name}]`, errors);
  }
  if (schema.items !== undefined) {
    if (within.items === undefined) errors.push(fieldError.required(`${path}.items`, 'because items are specified in an alternative only'));
    else alternative(schema.items, within.items, `${path}.items`, errors);
  }
  junctors(schema, within, path, errors);
}

const REASONS = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueDuplicate'];

function celRule({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule, schema: JsonSchemaProps, path: string, isRoot: boolean, errors: FieldError[]): void {
  const options = { optionalOld: optionalOldSelf === true, isRoot };
  const compiled = compileExpression(rule, schema, 'bool', options);
  if (typeof compiled === 'string') errors.push(rule.trim() === '' ? fieldError.required(`${path}.rule`, 'rule is not specified') : fieldError.invalid(`${path}.rule`, rule, compiled));
  else if (optionalOldSelf === true && !compiled.usesOld) errors.push(fieldError.invalid(`${path}.optionalOldSelf`, true, 'may not be set if oldSelf is not used in rule'));
  if (message !== undefined && (message.trim() === '' ? message !== '' : message.includes('\n'))) errors.push(fieldError.invalid(`${path}.message`, message, 'message must not contain line breaks, and must not be empty if specified'));
  if (message !== undefined && message.length > 2048) errors.push(fieldError.invalid(`${path}.message`, `${message.slice(0, 20)}...`, 'message must have a maximum length of 2048 characters'));
  if (messageExpression !== undefined && messageExpression !== '') {
    const text = compileExpression(messageExpression, schema, 'string', options);
    if (typeof text === 'string') errors.push(fieldError.invalid(`${path}.messageExpression`, messageExpression, text));
  }
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(fieldError.notSupported(`${path}.reason`, reason, REASONS));
  if (fieldPath !== undefined && fieldPath !== '' && !leadsTo(schema, fieldPath)) errors.push(fieldError.invalid(`${path}.fieldPath`, fieldPath, 'fieldPath must be a valid path'));
}

/** Whether a path such as `.foo.bar` or `.foo['a.b']` leads to something that is specified. */
function leadsTo(schema: JsonSchemaProps, path: string): boolean {
  const parts = [...path.matchAll(/\.([A-Za-z_][\w-]*)|\['([^']+)'\]/g)];
  if (parts.map(([text]) => text).join('') !== path) return false;
  let at: JsonSchemaProps | undefined = schema;
  for (const [, plain, quoted] of parts) {
    const name: string = plain ?? quoted ?? '';
    at = at?.properties?.[name] ?? (objectOf(at?.additionalProperties) as JsonSchemaProps | undefined);
    if (at === undefined || (plain !== undefined && escapedName(plain) === undefined)) return false;
  }
  return true;
}

/** Defaults must be what they stand for. */
function defaults(schema: JsonSchemaProps, path: string, errors: FieldError[]): void {
  if (schema.default !== undefined) {
    const at = `${path}.default`;
    const value = { of: cloneJson(schema.default) };
    pruneUnknown({ type: 'object', properties: { of: schema } }, value, false);
    if (!equalJson(value.of, schema.default)) errors.push(fieldError.invalid(at, schema.default, 'must not have unknown fields'));
    else errors.push(...validateValue(schema, schema.default, { path: at }));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) defaults(property, `${path}.properties[${name}]`, errors);
  if (typeof schema.additionalProperties === 'object') defaults(schema.additionalProperties, `${path}.additionalProperties`, errors);
  if (schema.items !== undefined) defaults(schema.items, `${path}.items`, errors);
}
