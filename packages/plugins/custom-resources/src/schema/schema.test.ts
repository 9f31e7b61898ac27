import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applySchemaDefaults } from './defaults.js';
import { patternOf } from '@orrery/cel';
import { pruneUnknown } from './prune.js';
import type { JsonSchemaProps } from './types.js';
import { validateValue } from './validate.js';

const object = (properties: Record<string, JsonSchemaProps>, more: JsonSchemaProps = {}): JsonSchemaProps => ({ type: 'object', properties, ...more });
const text: JsonSchemaProps = { type: 'string' };
const errorsOf = (schema: JsonSchemaProps, value: unknown, old?: unknown): string[] => validateValue(schema, value, { path: 'spec', old }).map(({ field, message }) => `${field}: ${message}`);

describe('pruning', () => {
  const pruned = (schema: JsonSchemaProps, value: unknown): unknown => {
    const copy = structuredClone(value);
    return [pruneUnknown(schema, copy, true), copy];
  };

  it('drops what is not specified and says where it was', () => {
    const schema = object({ spec: object({ a: text, list: { type: 'array', items: object({ b: text }) }, map: { type: 'object', additionalProperties: object({ c: text }) } }) });
    expect(pruned(schema, { apiVersion: 'v1', kind: 'K', metadata: { any: 1 }, other: 1, spec: { a: 'x', z: 1, list: [{ b: 'y', q: 2 }], map: { k: { c: 'z', d: 3 } } } })).toEqual([
      ['other', 'spec.z', 'spec.list[0].q', 'spec.map.k.d'],
      { apiVersion: 'v1', kind: 'K', metadata: { any: 1 }, spec: { a: 'x', list: [{ b: 'y' }], map: { k: { c: 'z' } } } },
    ]);
  });

  it('keeps what is preserved, but prunes what is specified within it', () => {
    const schema = object({ free: object({ known: object({ a: text }) }, { 'x-kubernetes-preserve-unknown-fields': true }) });
    expect(pruned(schema, { free: { x: { y: 1 }, known: { a: 'a', b: 'b' } } })).toEqual([['free.known.b'], { free: { x: { y: 1 }, known: { a: 'a' } } }]);
  });

  it('keeps the fields of embedded resources', () => {
    const schema = object({ template: object({ spec: object({ a: text }) }, { 'x-kubernetes-embedded-resource': true }) });
    expect(pruned(schema, { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'n' }, spec: { a: 'a', b: 1 }, status: {} } })).toEqual([
      ['template.spec.b', 'template.status'],
      { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'n' }, spec: { a: 'a' } } },
    ]);
  });

  it('leaves nothing to prune, whatever the value is', () => {
    const schema = object({ a: object({ b: text, c: { type: 'array', items: object({ d: text }) } }), m: { type: 'object', additionalProperties: object({ e: text }) } });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('a', 'b', 'm', 'x'), fc.object({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), maxDepth: 4 })), (value) => {
        pruneUnknown(schema, value, false);
        expect(pruneUnknown(schema, value, false)).toEqual([]);
      }),
    );
  });
});

describe('defaults', () => {
  it('fill in what is missing, also in lists and maps, and take the place of null where that may not be', () => {
    const item = object({ n: { type: 'integer', default: 1 } });
    const schema = object({ a: { type: 'object', default: {}, properties: { b: { type: 'string', default: 'x' } } }, list: { type: 'array', items: item }, map: { type: 'object', additionalProperties: item }, nil: { ...text, default: 'd' }, free: { ...text, default: 'd', nullable: true } });
    const value = { list: [{}, { n: 2 }], map: { k: {} }, nil: null, free: null };
    applySchemaDefaults(schema, value);
    expect(value).toEqual({ a: { b: 'x' }, list: [{ n: 1 }, { n: 2 }], map: { k: { n: 1 } }, nil: 'd', free: null });
    const again = structuredClone(value);
    applySchemaDefaults(schema, again);
    expect(again).toEqual(value);
  });
});

describe('validation', () => {
  it('speaks as Kubernetes does', () => {
    const cases: readonly [JsonSchemaProps, unknown, string[]][] = [
      [{ type: 'integer', maximum: 10 }, 99, ['spec: Invalid value: 99: spec in body should be less than or equal to 10']],
      [{ type: 'integer', minimum: 1, exclusiveMinimum: true }, 1, ['spec: Invalid value: 1: spec in body should be greater than 1']],
      [{ type: 'integer' }, 'x', ['spec: Invalid value: "string": spec in body must be of type integer: "string"']],
      [{ type: 'integer' }, 1.5, ['spec: Invalid value: "number": spec in body must be of type integer: "number"']],
      [{ type: 'number' }, 1, []],
      [text, null, ['spec: Invalid value: "null": spec in body must be of type string: "null"']],
      [{ ...text, nullable: true }, null, []],
      [{ ...text, minLength: 2 }, 'é', ['spec: Invalid value: "é": spec in body should be at least 2 chars long']],
      [{ ...text, maxLength: 1 }, '𝒳', []],
      [{ ...text, maxLength: 1 }, 'ab', ['spec: Too long: may not be more than 1 bytes']],
      [{ ...text, pattern: '^a+$' }, 'b', ["spec: Invalid value: \"b\": spec in body should match '^a+$'"]],
      [{ ...text, enum: ['a', 'b'] }, 'c', ['spec: Unsupported value: "c": supported values: "a", "b"']],
      [{ ...text, format: 'date-time' }, 'now', ['spec: Invalid value: "now": spec in body must be of type date-time: "now"']],
      [{ ...text, format: 'ipv4' }, '10.0.0.1', []],
      [{ ...text, format: 'uuid' }, 'x', ['spec: Invalid value: "x": spec in body must be of type uuid: "x"']],
      [{ ...text, format: 'nobody-knows' }, 'x', []],
      [{ type: 'number', multipleOf: 0.1 }, 0.3, []],
      [{ type: 'integer', multipleOf: 5 }, 7, ['spec: Invalid value: 7: spec in body should be a multiple of 5']],
      [{ type: 'array', items: text, minItems: 1 }, [], ['spec: Invalid value: 0: spec in body should have at least 1 items']],
      [{ type: 'array', items: text, maxItems: 1 }, ['a', 'b'], ['spec: Too many: 2: must have at most 1 items']],
      [{ type: 'array', items: text, 'x-kubernetes-list-type': 'set' }, ['a', 'a'], ['spec[1]: Duplicate value: "a"']],
      [{ type: 'array', items: object({ n: text, v: text }), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] }, [{ n: 'a', v: '1' }, { n: 'a', v: '2' }], ['spec[1]: Duplicate value: {"n":"a"}']],
      [object({ a: text }, { required: ['a'] }), {}, ['spec.a: Required value']],
      [{ type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 }, { a: 'x' }, ['spec: Invalid value: 1: spec in body should have at least 2 properties', 'spec.a: Invalid value: "string": spec.a in body must be of type integer: "string"']],
      [{ 'x-kubernetes-int-or-string': true }, true, ['spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"']],
      [{ 'x-kubernetes-int-or-string': true }, '25%', []],
      [object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }), {}, ['spec: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid']],
      [object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }), { a: '', b: '' }, ['spec: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives']],
      [object({ a: text }, { anyOf: [{ required: ['a'] }] }), {}, ['spec: Invalid value: "": "spec" must validate at least one schema (anyOf)']],
      [object({ a: text }, { not: { required: ['a'] } }), { a: '' }, ['spec: Invalid value: "": "spec" must not validate the schema (not)']],
      [object({}, { allOf: [{ minProperties: 1 }] }), {}, ['spec: Invalid value: 0: spec in body should have at least 1 properties']],
      [object({}, { 'x-kubernetes-embedded-resource': true }), { kind: 'Pod', metadata: { name: 'Not A Name' } }, ['spec.apiVersion: Required value: must not be empty']],
    ];
    for (const [schema, value, errors] of cases) expect([schema, value, errorsOf(schema, value).slice(0, Math.max(1, errors.length))]).toEqual([schema, value, errors]);
  });

  it('does not judge again what is as it was', () => {
    const schema = object({ a: { type: 'integer', maximum: 1 }, b: text, list: { type: 'array', items: object({ n: text, v: { type: 'integer', maximum: 1 } }), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] } });
    const old = { a: 5, list: [{ n: 'x', v: 5 }, { n: 'y', v: 0 }] };
    expect(errorsOf(schema, { ...old, b: 'new' }, old)).toEqual([]);
    expect(errorsOf(schema, { a: 5, list: [{ n: 'y', v: 7 }, { n: 'x', v: 5 }] }, old)).toEqual(['spec.list[0].v: Invalid value: 7: spec.list[0].v in body should be less than or equal to 1']);
    expect(errorsOf(schema, { ...old, a: 6 }, old)).toHaveLength(1);
  });

  it('takes keys that every object has for data', () => {
    expect(errorsOf(object({ a: text }, { required: ['toString'] }), {})).toEqual(['spec.toString: Required value']);
    expect(errorsOf(object({ a: text }), { hasOwnProperty: 1, valueOf: 2 })).toEqual([]);
  });
});

describe('hostile schemas', () => {
  it('have patterns in linear time, and none that are too large', () => {
    const started = process.hrtime.bigint();
    expect(errorsOf({ ...text, pattern: '^(a+)+$' }, `${'a'.repeat(100_000)}!`)).toHaveLength(1);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(3_000);
    for (const pattern of ['(?=a)', '(a)\\1', '(', 'a'.repeat(5_000), '(((a{100}){100}){100})', '('.repeat(2_000)]) expect(typeof patternOf(pattern)).toBe('string');
  });

  it('cannot make one validation cost more than it may', () => {
    const many: JsonSchemaProps = { type: 'array', items: { type: 'integer', anyOf: Array.from({ length: 500 }, (_, i) => ({ minimum: 10 + i })) } };
    expect(errorsOf(many, Array.from({ length: 200_000 }, () => 0))).toContain('spec: Forbidden: validating this object costs more than it may: it, or its schema, is too large');
    const nested = Array.from({ length: 30 }).reduce<JsonSchemaProps>((schema) => ({ anyOf: [schema, schema] }), { minimum: 5 });
    expect(errorsOf({ type: 'integer', ...nested }, 1).at(-1)).toContain('costs more than it may');
  });
});
