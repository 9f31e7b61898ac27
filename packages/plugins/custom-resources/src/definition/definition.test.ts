import { applyPatch, decodeObject, type FieldError } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import type { JsonSchemaProps } from '../schema/types.js';
import { CustomResourceDefinition } from './kind.js';
import { validateStructuralSchema } from './structural.js';

const version = (name: string, more: object = {}): object => ({ name, served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } }, ...more });
const given = (spec: object = {}, metadata: object = {}): unknown => ({
  metadata: { name: 'toys.example.com', ...metadata },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'toys', kind: 'Toy' }, versions: [version('v1')], ...spec },
});
const made = (input: unknown): CustomResourceDefinition => {
  const { object } = decodeObject(CustomResourceDefinition, input);
  CustomResourceDefinition.rules.applyDefaults?.(object);
  CustomResourceDefinition.rules.prepareForCreate?.(object);
  return object;
};
const shown = (errors: readonly FieldError[] = []): string[] => errors.map(({ field, message }) => `${field}: ${message}`);
const errorsOf = (input: unknown): string[] => shown(CustomResourceDefinition.rules.validate?.(made(input)));
const schemaErrors = (schema: unknown): string[] => shown(validateStructuralSchema(schema as JsonSchemaProps, 's'));
const inSpec = (spec: unknown, more: object = {}): unknown => ({ type: 'object', properties: { spec }, ...more });

describe('definitions', () => {
  it('get their defaults', () => {
    expect(made(given())).toMatchObject({
      metadata: { finalizers: ['customresourcecleanup.apiextensions.k8s.io'] },
      spec: { names: { singular: 'toy', listKind: 'ToyList' }, conversion: { strategy: 'None' } },
      status: { storedVersions: ['v1'] },
    });
    expect(errorsOf(given())).toEqual([]);
  });

  it('lose words that schemas do not have, which are told', () => {
    const { object, unknown } = decodeObject(CustomResourceDefinition, given({ versions: [version('v1', { schema: { openAPIV3Schema: { type: 'object', propertys: {}, nullable: null, properties: { a: { type: 'string', minLenght: 1 } } } } })] }));
    expect(unknown).toEqual(['spec.versions[0].schema.openAPIV3Schema.propertys', 'spec.versions[0].schema.openAPIV3Schema.properties[a].minLenght']);
    expect(object.spec.versions[0]?.schema?.openAPIV3Schema).toEqual({ type: 'object', properties: { a: { type: 'string' } } });
  });

  it('are refused for what is wrong with them', () => {
    const cases: readonly [unknown, string][] = [
      [given({}, { name: 'others.example.com' }), 'metadata.name: Invalid value: "others.example.com": must be spec.names.plural+"."+spec.group'],
      [given({ group: 'example' }), 'spec.group: Invalid value: "example": should be a domain with at least one dot'],
      [given({ scope: 'Everywhere' }), 'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"'],
      [given({ versions: [] }), 'spec.versions: Required value: must have exactly one version marked as storage version'],
      [given({ versions: [version('v1'), version('v2')] }), 'spec.versions: Invalid value: ["v1","v2"]: must have exactly one version marked as storage version'],
      [given({ versions: [version('v1'), version('v1', { storage: false })] }), 'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names'],
      [given({ versions: [version('v1', { schema: undefined })] }), 'spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required'],
      [given({ preserveUnknownFields: true }), 'spec.preserveUnknownFields: Invalid value: true: must be false in order to use defaults in the schema'],
      [given({ conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'] } } }), 'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook'],
      [given({ conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'http://a' } } } }), "spec.conversion.webhookClientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]"],
      [given({ conversion: { strategy: 'Webhook', webhook: { clientConfig: { url: 'https://a' } } } }), 'spec.conversion.conversionReviewVersions: Required value: must specify one of v1, v1beta1'],
      [given({ conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v9'], clientConfig: { url: 'https://a' } } } }), 'spec.conversion.conversionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1'],
      [given({ group: 'x.k8s.io' }, { name: 'toys.x.k8s.io' }), 'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'],
      [given({ names: { plural: 'toys', kind: 'Toy', listKind: 'Toy' } }), 'spec.names.listKind: Invalid value: "Toy": kind and listKind may not be the same'],
      [given({ versions: [version('v1', { subresources: { scale: { specReplicasPath: '.replicas', statusReplicasPath: '.status.n' } } })] }), 'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec'],
      [given({ versions: [version('v1', { additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.a[' }] })] }), 'spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: ".a[": malformed path in JSON: cannot be read from "["'],
    ];
    for (const [input, error] of cases) expect(errorsOf(input)).toContain(error);
  });

  it('keep what names their objects, and the versions in which these are stored', () => {
    const old = made(given());
    const change = (spec: object): string[] => shown(CustomResourceDefinition.rules.validateUpdate?.({ ...made(given(spec)), status: old.status }, old));
    expect(change({ scope: 'Cluster' })).toEqual(['spec.scope: Invalid value: "Cluster": field is immutable']);
    expect(change({ names: { plural: 'toys', kind: 'Other' } })).toEqual(['spec.names.kind: Invalid value: "Other": field is immutable']);
    expect(change({ versions: [version('v2')] })[0]).toContain('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions');
    expect(change({ versions: [version('v2'), version('v1', { storage: false })] })).toEqual([]);
  });

  it('can be patched as other kinds can', () => {
    expect(applyPatch(CustomResourceDefinition, 'strategic', made(given()), { spec: { names: { shortNames: ['ty'] } } })).toMatchObject({ spec: { names: { plural: 'toys', shortNames: ['ty'] } } });
  });
});

describe('structural schemas', () => {
  it('say what everything is, once', () => {
    const cases: readonly [unknown, string][] = [
      [{}, 's.type: Required value: must not be empty at the root'],
      [{ type: 'string' }, 's.type: Invalid value: "string": must be object at the root'],
      [inSpec({}), 's.properties[spec].type: Required value: must not be empty for specified object fields'],
      [inSpec({ type: 'array', items: {} }), 's.properties[spec].items.type: Required value: must not be empty for specified array items'],
      [inSpec({ type: 'array' }), 's.properties[spec].items: Required value: must be specified'],
      [inSpec({ type: 'array', items: [{ type: 'string' }] }), 's.properties[spec].items: Forbidden: items must be a schema object and not an array'],
      [inSpec({ type: 'thing' }), 's.properties[spec].type: Unsupported value: "thing"'],
      [inSpec({ $ref: '#/definitions/x' }), 's.properties[spec].$ref: Forbidden: $ref is not supported'],
      [inSpec({ type: 'object', patternProperties: {} }), 's.properties[spec].patternProperties: Forbidden'],
      [inSpec({ type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } }), 's.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
      [inSpec({ type: 'object', additionalProperties: false }), 's.properties[spec].additionalProperties: Forbidden: additionalProperties cannot be set to false'],
      [inSpec({ type: 'array', items: { type: 'string' }, uniqueItems: true }), 's.properties[spec].uniqueItems: Forbidden'],
      [inSpec({ type: 'string', 'x-kubernetes-int-or-string': true }), 's.properties[spec].type: Invalid value: "string": must be empty if x-kubernetes-int-or-string is true'],
      [inSpec({ type: 'object', 'x-kubernetes-embedded-resource': true }), 's.properties[spec].properties: Required value'],
      [inSpec({ type: 'object', anyOf: [{ type: 'object' }] }), 's.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural'],
      [inSpec({ type: 'object', anyOf: [{ properties: { a: { minimum: 1 } } }] }), 's.properties[spec].properties[a]: Required value: because it is defined in s.properties[spec].anyOf[0].properties[a]'],
      [inSpec({ type: 'string', pattern: '(?=a)' }), "s.properties[spec].pattern: Invalid value: \"(?=a)\": must be a valid regular expression, but isn't"],
      [inSpec({ type: 'array', items: { type: 'object', properties: { n: { type: 'string' } } }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'] }), 's.properties[spec].items.properties[n].default: Required value'],
      [inSpec({ type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'set' }), 's.properties[spec].items: Invalid value'],
      [inSpec({ type: 'integer', maximum: 1, default: 2 }), 's.properties[spec].default: Invalid value: 2'],
      [inSpec({ type: 'object', properties: { a: { type: 'string' } }, default: { b: 1 } }), 's.properties[spec].default: Invalid value: {"b":1}: must not have unknown fields'],
      [{ type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } }, 's.properties[metadata]: Forbidden: must not specify anything other than name and generateName'],
      [inSpec({ type: 'object', 'x-kubernetes-validations': [{ rule: 'self.a == 1' }] }), 's.properties[spec].x-kubernetes-validations[0].rule: Invalid value: "self.a == 1": compilation failed: undefined field \'a\''],
      [inSpec({ type: 'object', 'x-kubernetes-validations': [{ rule: 'true', reason: 'Because' }] }), 's.properties[spec].x-kubernetes-validations[0].reason: Unsupported value: "Because"'],
      [inSpec({ type: 'object', 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.nothing' }] }), 's.properties[spec].x-kubernetes-validations[0].fieldPath: Invalid value'],
      [inSpec({ type: 'object', 'x-kubernetes-validations': [{ rule: 'true', optionalOldSelf: true }] }), 's.properties[spec].x-kubernetes-validations[0].optionalOldSelf: Invalid value'],
    ];
    for (const [schema, error] of cases) expect([schema, schemaErrors(schema).some((one) => one.startsWith(error)), schemaErrors(schema)]).toEqual([schema, true, schemaErrors(schema)]);
  });

  it('may be what generators of code make', () => {
    expect(
      schemaErrors(
        inSpec({
          type: 'object',
          required: ['port'],
          properties: {
            port: { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true, pattern: '^\\d+%?$' },
            template: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
            limits: { type: 'object', additionalProperties: { anyOf: [{ type: 'integer' }, { type: 'string' }], 'x-kubernetes-int-or-string': true } },
            conditions: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'], items: { type: 'object', required: ['type'], properties: { type: { type: 'string', maxLength: 316 } } } },
            selector: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { matchLabels: { type: 'object', additionalProperties: { type: 'string' } } } },
          },
          oneOf: [{ required: ['template'] }, { properties: { limits: { minProperties: 1 } } }],
        }),
      ),
    ).toEqual([]);
  });

  it('that are as large as a request may be are judged in seconds, and told of in bounds', () => {
    const started = process.hrtime.bigint();
    const long = Array.from({ length: 300 }, (_, i) => `self.p${i} == ${i}`).join(' || ');
    const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`p${i}`, { type: 'integer' }]));
    expect(schemaErrors(inSpec({ type: 'object', properties: fields, 'x-kubernetes-validations': Array.from({ length: 100 }, () => ({ rule: long })) }))).toEqual([]);
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(5_000);
    expect(schemaErrors({ type: 'object', properties: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, {}])) })).toHaveLength(100);
  });

  it('that are nothing of the kind are refused, not fallen over', () => {
    for (const schema of [null, 1, 'x', [], { type: 5 }, { type: 'object', properties: [] }, { type: 'object', properties: { a: null } }, { type: 'object', properties: { a: { type: 'string', enum: 'x' } } }, inSpec({ type: 'object', allOf: {} }), inSpec({ type: 'object', required: 'a' }), inSpec({ type: 'object', 'x-kubernetes-validations': ['true'] })]) {
      expect(schemaErrors(schema).length).toBeGreaterThan(0);
    }
    const deep = Array.from({ length: 200 }).reduce<object>((inner) => ({ type: 'object', properties: { a: inner } }), { type: 'object' });
    expect(() => decodeObject(CustomResourceDefinition, given({ versions: [version('v1', { schema: { openAPIV3Schema: deep } })] }))).toThrow('nested deeper');
    expect(() => decodeObject(CustomResourceDefinition, given({ versions: [version('v1', { schema: { openAPIV3Schema: JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}') as object } })] }))).toThrow('not allowed');
  });
});
