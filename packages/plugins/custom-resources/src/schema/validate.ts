import { Budget, finds, patternOf, TooExpensive } from '@orrery/cel';
import { equalJson, type FieldError, fieldError, validateObjectMeta } from '@orrery/core';
import { told, VALIDATION_COST } from './bounds.js';
import { correlate } from './correlate.js';
import { fitsFormat, hasFormat } from './formats.js';
import { type Json, type JsonSchemaProps, memberOf, objectOf } from './types.js';

/** A value on its way through its schema. */
interface Place {
  readonly path: string;
  /** What was there before the change; undefined: nothing, or it cannot be told. What is as it was is not judged again (ratcheting, KEP-4008). */
  readonly old?: unknown;
}

/** What is wrong with a value by its schema, in Kubernetes' words; rules in CEL are not among it. */
export function validateValue(schema: JsonSchemaProps, value: unknown, place: Place = { path: '' }): FieldError[] {
  const errors: FieldError[] = [];
  try {
    new Check(new Budget(VALIDATION_COST)).value(schema, value, place, errors);
  } catch (error) {
    if (!(error instanceof TooExpensive)) throw error;
    errors.push(fieldError.forbidden(place.path === '' ? '<root>' : place.path, 'validating this object costs more than it may: it, or its schema, is too large'));
  }
  return told(errors);
}

class Check {
  constructor(private readonly budget: Budget) {}

  value(schema: JsonSchemaProps, value: unknown, place: Place, errors: FieldError[]): void {
    this.budget.spend(1);
    if (place.old !== undefined && value !== null && equalJson(value, place.old)) return;
    if (value === null && schema.nullable === true) return;
    if (!this.#type(schema, value, place.path, errors)) return;
    this.#enumerated(schema, value, place.path, errors);
    if (typeof value === 'string') this.#text(schema, value, place.path, errors);
    else if (typeof value === 'number') number(schema, value, place.path, errors);
    else if (Array.isArray(value)) this.#list(schema, value, place, errors);
    else if (typeof value === 'object' && value !== null) this.#object(schema, value as Json, place, errors);
    this.#junctors(schema, value, place.path, errors);
  }

  #type(schema: JsonSchemaProps, value: unknown, path: string, errors: FieldError[]): boolean {
    const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : schema.type;
    if (wanted === undefined || wanted === '') return true;
    const actual = typeOf(value);
    const fits = wanted.split(',').some((type) => type === actual || (type === 'number' && actual === 'integer'));
    if (!fits) errors.push(fieldError.typeInvalid(path, actual, `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`));
    return fits;
  }

  #enumerated({ enum: allowed }: JsonSchemaProps, value: unknown, path: string, errors: FieldError[]): void {
    if (allowed === undefined || allowed.length === 0) return;
    this.budget.spend(allowed.length);
    if (allowed.some((one) => equalJson(one, value))) return;
    errors.push(fieldError.notSupported(path, value, allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))));
  }

  #text(schema: JsonSchemaProps, value: string, path: string, errors: FieldError[]): void {
    const { maxLength, minLength, pattern, format } = schema;
    const length = maxLength === undefined && minLength === undefined ? 0 : lengthOf(value);
    if (maxLength !== undefined && length > maxLength) errors.push(fieldError.tooLong(path, maxLength));
    if (minLength !== undefined && length < minLength) errors.push(fieldError.invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
    if (pattern !== undefined && pattern !== '') {
      const compiled = patternOf(pattern);
      if (typeof compiled === 'string' || !finds(compiled, value, this.budget)) errors.push(fieldError.invalid(path, value, `${path} in body should match '${pattern}'`));
    }
    if (format !== undefined && !hasFormat(format, value)) errors.push(fieldError.invalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
  }

  #list(schema: JsonSchemaProps, value: readonly unknown[], { path, old }: Place, errors: FieldError[]): void {
    const { maxItems, minItems, items } = schema;
    if (maxItems !== undefined && value.length > maxItems) errors.push(fieldError.tooMany(path, value.length, maxItems));
    if (minItems !== undefined && value.length < minItems) errors.push(fieldError.invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
    const keys = keysOf(schema);
    if (keys !== undefined) {
      const seen = new Set<string>();
      value.forEach((item, i) => {
        const key = keys(item);
        if (seen.has(JSON.stringify(key))) errors.push(fieldError.duplicate(`${path}[${i}]`, key));
        seen.add(JSON.stringify(key));
      });
    }
    if (items === undefined) return;
    const before = correlate(schema, old);
    value.forEach((item, i) => this.value(items, item, { path: `${path}[${i}]`, old: before(item, i) }, errors));
  }

  #object(schema: JsonSchemaProps, value: Json, { path, old }: Place, errors: FieldError[]): void {
    const { maxProperties, minProperties, required = [] } = schema;
    const keys = Object.keys(value);
    if (maxProperties !== undefined && keys.length > maxProperties) errors.push(fieldError.tooMany(path, keys.length, maxProperties));
    if (minProperties !== undefined && keys.length < minProperties) errors.push(fieldError.invalid(path, keys.length, `${path} in body should have at least ${minProperties} properties`));
    for (const key of required) if (!Object.hasOwn(value, key)) errors.push(fieldError.required(join(path, key)));
    if (schema['x-kubernetes-embedded-resource'] === true) embedded(value, path, errors);
    const before = objectOf(old);
    for (const key of keys) {
      const of = memberOf(schema, key);
      if (of !== undefined) this.value(of, value[key], { path: join(path, key), old: before?.[key] }, errors);
    }
  }

  #junctors({ allOf = [], anyOf = [], oneOf = [], not }: JsonSchemaProps, value: unknown, path: string, errors: FieldError[]): void {
    const failure = (text: string): number => errors.push(fieldError.invalid(path, '', `${JSON.stringify(path)} ${text}`));
    const fits = (schema: JsonSchemaProps): boolean => {
      const found: FieldError[] = [];
      this.value(schema, value, { path }, found);
      return found.length === 0;
    };
    for (const schema of allOf) this.value(schema, value, { path }, errors);
    if (anyOf.length > 0 && !anyOf.some(fits)) failure('must validate at least one schema (anyOf)');
    if (oneOf.length > 0) {
      const count = oneOf.filter(fits).length;
      if (count !== 1) failure(`must validate one and only one schema (oneOf). ${count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`}`);
    }
    if (not !== undefined && fits(not)) failure('must not validate the schema (not)');
  }
}

function number(schema: JsonSchemaProps, value: number, path: string, errors: FieldError[]): void {
  const { maximum, exclusiveMaximum, minimum, exclusiveMinimum, multipleOf, format } = schema;
  const wrong = (detail: string): number => errors.push(fieldError.invalid(path, value, `${path} in body should be ${detail}`));
  if (maximum !== undefined && (exclusiveMaximum === true ? value >= maximum : value > maximum)) wrong(`less than ${exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`);
  if (minimum !== undefined && (exclusiveMinimum === true ? value <= minimum : value < minimum)) wrong(`greater than ${exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`);
  // Decimal fractions are not exact: 0.3 is a multiple of 0.1.
  if (multipleOf !== undefined && multipleOf > 0 && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9) wrong(`a multiple of ${multipleOf}`);
  if (format !== undefined && !fitsFormat(format, value)) errors.push(fieldError.invalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(String(value))}`));
}

function embedded(value: Json, path: string, errors: FieldError[]): void {
  for (const key of ['apiVersion', 'kind']) {
    if (value[key] === undefined || value[key] === '') errors.push(fieldError.required(join(path, key), 'must not be empty'));
    else if (typeof value[key] !== 'string') errors.push(fieldError.typeInvalid(join(path, key), typeOf(value[key]), 'must be a string'));
  }
  const metadata = objectOf(value['metadata']);
  if (metadata === undefined) return;
  const { name, namespace, generateName } = metadata;
  if ([name, namespace, generateName].every((text) => text === undefined || typeof text === 'string') && typeof name === 'string') {
    errors.push(...validateObjectMeta({ name, ...(typeof namespace === 'string' && { namespace }) }, { namespaced: typeof namespace === 'string' }).map((error) => ({ ...error, field: join(path, error.field) })));
  }
}

/** What must be different in the items of a list; undefined when nothing must. */
function keysOf(schema: JsonSchemaProps): ((item: unknown) => unknown) | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return (item) => item;
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  return (item) => Object.fromEntries(keys.map((key) => [key, objectOf(item)?.[key]]));
}

/** Characters, not code units. */
function lengthOf(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The type of a JSON value in words of schemas. */
export const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
