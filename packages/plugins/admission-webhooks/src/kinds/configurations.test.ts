import { decodeObject, type KindDefinition, type KubeObject, tableOf } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from './configurations.js';

const good = { name: 'a.example.com', clientConfig: { url: 'https://a.example.com' }, sideEffects: 'None', admissionReviewVersions: ['v1'], rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }] };
const made = (webhooks: object[], kind: KindDefinition<MutatingWebhookConfiguration> = MutatingWebhookConfiguration) => {
  const { object, unknown } = decodeObject(kind, { metadata: { name: 'm' }, webhooks });
  kind.rules.applyDefaults?.(object);
  return { object, unknown, errors: (kind.rules.validate?.(object) ?? []).map(({ field, message }) => `${field}: ${message}`) };
};
const wrong = (more: object): string[] => made([{ ...good, ...more }]).errors;
const rule = (more: object): string[] => wrong({ rules: [{ ...good.rules[0], ...more }] });

describe('configurations of webhooks', () => {
  it('have defaults', () => {
    const { object, errors } = made([{ ...good, clientConfig: { service: { namespace: 'n', name: 's' } } }]);
    expect(errors).toEqual([]);
    expect(object.webhooks?.[0]).toMatchObject({ failurePolicy: 'Fail', matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10, reinvocationPolicy: 'Never', rules: [{ scope: '*' }], clientConfig: { service: { port: 443 } } });
    const validating = made([{ ...good, reinvocationPolicy: 'Never' }], ValidatingWebhookConfiguration);
    expect(validating.object.webhooks?.[0]).not.toHaveProperty('reinvocationPolicy');
    expect(validating.unknown).toEqual(['webhooks[0].reinvocationPolicy']);
  });

  it('are refused by field, in Kubernetes’ words', () => {
    expect(wrong({ name: '' })).toEqual(['webhooks[0].name: Required value']);
    expect(wrong({ name: 'short.name' })).toEqual(['webhooks[0].name: Invalid value: "short.name": should be a domain with at least three segments separated by dots']);
    expect(made([good, good]).errors).toEqual(['webhooks[1].name: Duplicate value: "a.example.com"']);
    expect(wrong({ sideEffects: undefined })).toEqual(['webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun']);
    expect(wrong({ sideEffects: 'Some' })).toEqual(['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"']);
    expect(wrong({ failurePolicy: 'x', matchPolicy: 'y', reinvocationPolicy: 'z' })).toEqual([
      'webhooks[0].failurePolicy: Unsupported value: "x": supported values: "Fail", "Ignore"',
      'webhooks[0].matchPolicy: Unsupported value: "y": supported values: "Equivalent", "Exact"',
      'webhooks[0].reinvocationPolicy: Unsupported value: "z": supported values: "IfNeeded", "Never"',
    ]);
    expect([0, 31].flatMap((timeoutSeconds) => wrong({ timeoutSeconds }))).toEqual([0, 31].map((value) => `webhooks[0].timeoutSeconds: Invalid value: ${value}: the timeout value must be between 1 and 30 seconds`));
    expect(wrong({ clientConfig: {} })).toEqual(['webhooks[0].clientConfig: Required value: exactly one of url or service is required']);
    expect(wrong({ objectSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } })[0]).toMatch(/^webhooks\[0\]\.objectSelector\.matchExpressions\[0\]\.values: Required value/);
    expect(wrong({ admissionReviewVersions: [] })).toEqual(['webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1']);
    expect(wrong({ admissionReviewVersions: ['v2', 'v2'] })).toEqual(['webhooks[0].admissionReviewVersions[1]: Invalid value: "v2": duplicate version', 'webhooks[0].admissionReviewVersions: Invalid value: ["v2","v2"]: must include at least one of v1, v1beta1']);
  });

  it('have rules that say each thing once', () => {
    expect(wrong({ rules: [{}] })).toEqual(['operations', 'apiGroups', 'apiVersions', 'resources'].map((field) => `webhooks[0].rules[0].${field}: Required value`));
    expect(rule({ operations: ['*', 'CREATE'] })).toEqual(['webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations']);
    expect(rule({ operations: ['create'] })[0]).toContain('webhooks[0].rules[0].operations[0]: Unsupported value: "create"');
    expect(rule({ resources: ['*', 'pods'] })[0]).toContain("if '*' is present, must not specify other resources without subresources");
    expect(rule({ resources: ['*/*', 'pods'] })[0]).toContain("if '*/*' is present, must not specify other resources");
    expect(rule({ resources: ['pods/*', 'pods/status'] })[0]).toContain("resources[1]: Invalid value: \"pods/status\": if 'pods/*' is present, must not specify pods/status");
    expect(rule({ resources: ['*/status', 'pods/status'] })[0]).toContain("if '*/status' is present, must not specify pods/status");
    expect(rule({ scope: 'Everywhere' })[0]).toContain('scope: Unsupported value: "Everywhere": supported values: "*", "Cluster", "Namespaced"');
  });

  it('have conditions that can be asked', () => {
    const condition = (expression: string, name = 'c') => wrong({ matchConditions: [{ name, expression }] });
    expect(condition("object.metadata.name == 'x' && request.operation in ['CREATE'] && oldObject == null")).toEqual([]);
    expect(condition('')).toEqual(['webhooks[0].matchConditions[0].expression: Required value']);
    expect(condition('1 + 1')).toEqual(['webhooks[0].matchConditions[0].expression: Invalid value: "1 + 1": must evaluate to bool']);
    expect(condition('nobody.name')[0]).toContain('compilation failed: Unknown variable: nobody');
    expect(condition('true', 'not a name')[0]).toMatch(/^webhooks\[0\]\.matchConditions\[0\]\.name: Invalid value: "not a name": name part must consist of/);
    expect(wrong({ matchConditions: Array.from({ length: 65 }, (_, i) => ({ name: `c${i}`, expression: 'true' })) })[0]).toContain('Too many: 65: must have at most 64 items');
    expect(wrong({ matchConditions: [{ name: 'c', expression: 'true' }, { name: 'c', expression: 'true' }] })).toEqual(['webhooks[0].matchConditions[1].name: Duplicate value: "c"']);
  });

  it('are shown with how many they have', () => {
    const table = tableOf(MutatingWebhookConfiguration as unknown as KindDefinition, made([good, { ...good, name: 'b.example.com' }]).object as KubeObject, { now: 0, include: 'None' });
    expect([table.columnDefinitions.map(({ name }) => name), table.rows[0]?.cells.slice(0, 2)]).toEqual([['Name', 'Webhooks', 'Age'], ['m', 2]]);
  });
});
