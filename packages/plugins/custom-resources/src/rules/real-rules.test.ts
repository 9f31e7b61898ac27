import { describe, expect, it } from 'vitest';
import type { JsonSchemaProps } from '../schema/types.js';
import { validateRules } from './apply.js';
import { compileExpression } from './compile.js';

// Rules in the manner of those that widely used definitions have (Gateway API, cert-manager, Cluster API).

const text: JsonSchemaProps = { type: 'string' };
const integer: JsonSchemaProps = { type: 'integer' };
const of = (schema: JsonSchemaProps, rule: string): JsonSchemaProps => ({ type: 'object', properties: { spec: { ...schema, 'x-kubernetes-validations': [{ rule }] } } });
const holds = (schema: JsonSchemaProps, rule: string, value: unknown, old?: unknown): string[] => {
  expect([rule, typeof compileExpression(rule, schema, 'bool')]).toEqual([rule, 'object']);
  return validateRules(of(schema, rule), { spec: value }, old === undefined ? undefined : { spec: old }).map(({ message }) => message);
};
const list = (properties: Record<string, JsonSchemaProps>): JsonSchemaProps => ({ type: 'array', items: { type: 'object', properties } });

describe('rules of real definitions', () => {
  it('over lists', () => {
    const listeners = list({ name: text, port: integer, hostname: text, protocol: text, tls: { type: 'object', properties: { mode: text } } });
    const good = [{ name: 'a', port: 80, protocol: 'HTTP' }, { name: 'b', port: 443, protocol: 'HTTPS', hostname: 'x.y', tls: { mode: 'Terminate' } }];
    for (const rule of [
      "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
      "self.all(l, (l.protocol == 'HTTPS' && has(l.tls)) ? (l.tls.mode == '' || l.tls.mode == 'Terminate') : true)",
      'self.all(l1, self.exists_one(l2, l1.name == l2.name))',
      "self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))",
      "self.filter(l, l.port == 80).size() <= 1",
      'self.map(l, l.name).size() == size(self)',
      "self.exists(l, l.name.startsWith('a'))",
    ]) expect([rule, holds(listeners, rule, good)]).toEqual([rule, []]);
    expect(holds(listeners, 'self.all(l1, self.exists_one(l2, l1.name == l2.name))', [{ name: 'a' }, { name: 'a' }])).toEqual(['Invalid value: "array": failed rule: self.all(l1, self.exists_one(l2, l1.name == l2.name))']);
  });

  it('over objects', () => {
    const path: JsonSchemaProps = { type: 'object', properties: { type: text, value: text, weight: integer, refs: { type: 'array', items: text }, extra: { type: 'object', additionalProperties: text } } };
    const good = { type: 'PathPrefix', value: '/a/b', weight: 5, refs: ['x'], extra: { k: 'v' } };
    for (const rule of [
      "(self.type in ['Exact','PathPrefix']) ? self.value.startsWith('/') : true",
      "(self.type in ['Exact','PathPrefix']) ? !self.value.contains('//') : true",
      "(self.type == 'PathPrefix') ? self.value.matches(r\"\"\"^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$\"\"\") : true",
      "!(has(self.weight) && self.weight > 10) && has(self.refs)",
      '[has(self.type), has(self.value)].filter(x, x == true).size() == 2',
      "self.extra.all(key, key.matches('^[a-z]+$') && size(self.extra[key]) < 64)",
      "'k' in self.extra && self.extra['k'] == 'v'",
      "int(self.value.split('/').size()) == 3",
      "(has(self.weight) ? self.weight : 0) + 1 <= 10",
      "self.refs.all(r, r in ['x', 'y'])",
      "self.value.lowerAscii() == self.value && self.value.substring(0, 1) == '/'",
      "has(self.extra) && has(self.extra.k)",
      'dyn(self.weight) == 5',
      "self.?extra.?k.orValue('') == 'v'",
      "self.weight % 5 == 0 && -self.weight < 0 && self.weight * 2 == 10",
    ]) expect([rule, holds(path, rule, good)]).toEqual([rule, []]);
  });

  it('over plain values, and their changes', () => {
    expect(holds(text, "self.matches('^[a-z]+$') && self.size() < 5", 'abc')).toEqual([]);
    expect(holds(text, "self != 'abc'", 'abc')).toEqual(['Invalid value: "string": failed rule: self != \'abc\'']);
    expect(holds(text, 'self == oldSelf', 'b', 'a')).toHaveLength(1);
    expect(holds(integer, 'self >= oldSelf', 2, 1)).toEqual([]);
    expect(holds({ 'x-kubernetes-int-or-string': true }, "type(self) == int ? self > 0 : self.endsWith('%')", '5%')).toEqual([]);
    expect(holds({ 'x-kubernetes-int-or-string': true }, "type(self) == int ? self > 0 : self.endsWith('%')", 0)).toHaveLength(1);
    expect(holds({ type: 'boolean' }, 'self || !oldSelf', false, true)).toHaveLength(1);
  });

  it('over the whole object see its name and nothing else of its metadata', () => {
    const root: JsonSchemaProps = { type: 'object', properties: { spec: { type: 'object', properties: { name: text } } }, 'x-kubernetes-validations': [{ rule: "self.metadata.name == self.spec.name", message: 'names differ' }] };
    const object = (name: string): unknown => ({ apiVersion: 'a/v1', kind: 'K', metadata: { name: 'x', labels: { a: 'b' } }, spec: { name } });
    expect(validateRules(root, object('x'))).toEqual([]);
    expect(validateRules(root, object('y')).map(({ field, message }) => `${field}: ${message}`)).toEqual(['<nil>: Invalid value: "object": names differ']);
    const labels = { ...root, 'x-kubernetes-validations': [{ rule: "has(self.metadata.labels)" }] };
    expect(validateRules(labels, object('x'))).toHaveLength(1);
  });
});
