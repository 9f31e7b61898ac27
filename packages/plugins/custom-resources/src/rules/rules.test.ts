import { describe, expect, it } from 'vitest';
import { Budget } from '@orrery/cel';
import type { JsonSchemaProps, ValidationRule } from '../schema/types.js';
import { validateRules } from './apply.js';
import { compileExpression, RULES_COST } from './compile.js';
import { escapedName } from './values.js';

const integer: JsonSchemaProps = { type: 'integer' };
const text: JsonSchemaProps = { type: 'string' };
const SPEC: JsonSchemaProps = {
  type: 'object',
  properties: {
    size: integer,
    replicas: integer,
    ratio: { type: 'number' },
    name: text,
    memory: text,
    when: { type: 'string', format: 'date-time' },
    timeout: { type: 'string', format: 'duration' },
    port: { 'x-kubernetes-int-or-string': true },
    tags: { type: 'array', items: text },
    labels: { type: 'object', additionalProperties: text },
    rooms: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], items: { type: 'object', properties: { name: text, seats: integer } } },
    'dash-ed': integer,
    namespace: text,
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};
const withRules = (...rules: ValidationRule[]): JsonSchemaProps => ({ type: 'object', properties: { spec: { ...SPEC, 'x-kubernetes-validations': rules } } });
const errorsOf = (rule: ValidationRule | string, spec: unknown, old?: unknown): string[] =>
  validateRules(withRules(typeof rule === 'string' ? { rule } : rule), { spec }, old === undefined ? undefined : { spec: old }).map(({ field, message }) => `${field}: ${message}`);

describe('rules', () => {
  it('hold or do not', () => {
    const spec = { size: 3, replicas: 2, ratio: 0.5, name: 'ab-c', memory: '1Gi', when: '2026-01-02T03:04:05Z', timeout: '1h30m', port: '80%', tags: ['a', 'b'], labels: { x: 'y' }, rooms: [{ name: 'r', seats: 2 }], 'dash-ed': 1, namespace: 'n', free: { any: { thing: 4 } } };
    const holds = [
      'self.replicas <= self.size', 'self.ratio < 1.0', 'self.ratio < 1', "self.name.matches('^[a-c-]+$')", "self.name.find('[c]') == 'c'", "self.name.findAll('[ab]').size() == 2", "self.name.replace('-', '') == 'abc'",
      "quantity(self.memory).isGreaterThan(quantity('500Mi'))", "quantity(self.memory).asInteger() == 1073741824", "isQuantity(self.memory) && !isQuantity('x')", "self.when < timestamp('2027-01-01T00:00:00Z')",
      "self.timeout == duration('90m')", "type(self.port) == string", "self.tags.all(t, t in ['a', 'b'])", 'self.tags.isSorted() && self.tags.indexOf("b") == 1', '[1, 2, 3].sum() == 6 && [1, 3, 2].max() == 3',
      "self.labels.all(k, self.labels[k] == 'y')", "self.rooms.exists_one(r, r.seats == 2)", 'self.dash__dash__ed == 0 || self.__namespace__ == "n"', 'self.free.any.thing == 4', '!has(self.free.other)', "url('https://a.b:1/c').getHost() == 'a.b:1'",
      "isIP('::1') && isCIDR('10.0.0.0/8')", "self.rooms.map(r, r.name).join(',') == 'r'",
    ];
    for (const rule of holds.map((one) => one.replace('self.dash__dash__ed == 0', 'self.dash__dash__ed == 1'))) expect([rule, errorsOf(rule, spec)]).toEqual([rule, []]);
    expect(errorsOf({ rule: 'self.replicas > self.size', message: 'too few' }, spec)).toEqual(['spec: Invalid value: "object": too few']);
    expect(errorsOf('self.replicas > self.size', spec)).toEqual(['spec: Invalid value: "object": failed rule: self.replicas > self.size']);
    expect(errorsOf('self.size > 1', {})).toEqual(['spec: Invalid value: "object": No such key: size evaluating rule: self.size > 1']);
  });

  it('tell the reason, the field, and a message that is made', () => {
    const rule = { rule: 'self.size < 2', messageExpression: "'at most 1, not ' + string(self.size)", reason: 'FieldValueForbidden', fieldPath: '.size' };
    expect(errorsOf(rule, { size: 5 })).toEqual(['spec.size: Forbidden: at most 1, not 5']);
    expect(errorsOf({ ...rule, messageExpression: 'self.name', message: 'plain' }, { size: 5 })).toEqual(['spec.size: Forbidden: plain']);
  });

  it('of transitions are asked of changes only, unless they take what is not there', () => {
    const fixed = { rule: 'self.name == oldSelf.name', message: 'the name stays' };
    expect(errorsOf(fixed, { name: 'a' })).toEqual([]);
    expect(errorsOf(fixed, { name: 'b' }, { name: 'a' })).toEqual(['spec: Invalid value: "object": the name stays']);
    const optional = { rule: "!oldSelf.hasValue() || oldSelf.value().name == self.name", optionalOldSelf: true, message: 'the name stays' };
    expect(errorsOf(optional, { name: 'a' })).toEqual([]);
    expect(errorsOf(optional, { name: 'b' }, { name: 'a' })).toHaveLength(1);
    const rooms: JsonSchemaProps = { type: 'object', properties: { rooms: { ...SPEC.properties?.['rooms'], items: { ...SPEC.properties?.['rooms']?.items, 'x-kubernetes-validations': [{ rule: 'self.seats >= oldSelf.seats' }] } } } };
    const seats = (a: number, b: number): unknown => ({ rooms: [{ name: 'b', seats: b }, { name: 'a', seats: a }] });
    expect(validateRules(rooms, seats(1, 5), { rooms: [{ name: 'a', seats: 2 }, { name: 'b', seats: 5 }] }).map(({ field }) => field)).toEqual(['rooms[1]']);
  });

  it('are not asked again of what is as it was', () => {
    expect(errorsOf('self.size < 2', { size: 5 }, { size: 5 })).toEqual([]);
    expect(errorsOf('self.size < 2', { size: 6 }, { size: 5 })).toHaveLength(1);
  });
});

describe('expressions that are refused', () => {
  const refusal = (rule: string, wanted: 'bool' | 'string' = 'bool'): unknown => compileExpression(rule, SPEC, wanted);

  it('name what they use and is not known', () => {
    expect(refusal('self.nothing == 1')).toBe("compilation failed: undefined field 'nothing'");
    expect(refusal('has(self.nothing)')).toBe("compilation failed: undefined field 'nothing'");
    expect(refusal('oldSelf.size == other')).toContain('Unknown variable: other');
    expect(refusal('self.name.frobnicate()')).toContain('found no matching overload');
    expect(refusal('sets.contains([1], [2])')).toContain('compilation failed');
    expect(refusal('cel.bind(x, self.size, x > 1)')).toContain("undeclared reference to 'cel'");
    expect(refusal("self.name.matches('(?=a)')")).toContain('invalid or unsupported Perl syntax');
    expect(refusal('1 + 2')).toContain('must evaluate to a bool');
    expect(refusal('self.size >', 'bool')).toContain('compilation failed');
    expect(refusal('1 == 1', 'string')).toBe('must evaluate to string');
    expect(refusal('')).toBe('must not be empty');
    expect(refusal(`self.size > ${'1 + '.repeat(5_000)}1`)).toContain('must not be longer');
    expect(refusal(`${'('.repeat(300)}true${')'.repeat(300)}`)).toContain('compilation failed');
  });

  it('reach nothing but their values', () => {
    for (const rule of ['self.constructor == 1', 'self.free.constructor == 1', 'self.free.__proto__ == 1', "self.labels['constructor'] == 'x'"]) {
      const made = refusal(rule);
      if (typeof made === 'string') continue;
      expect(() => (made as { evaluate(v: object, b: Budget): unknown }).evaluate({ self: { free: {}, labels: {} } }, new Budget(RULES_COST))).toThrow('No such key');
    }
  });
});

describe('hostile rules', () => {
  it('end when they cost too much, also behind an "or"', () => {
    const tags = Array.from({ length: 1_000 }, (_, i) => String(i));
    for (const rule of ['self.tags.all(a, self.tags.all(b, self.tags.all(c, a != "x")))', 'true || self.tags.all(a, self.tags.all(b, self.tags.all(c, a != "x")))', 'self.tags.all(a, self.tags.all(b, self.tags.all(c, a != "x"))) || true', 'self.tags.map(a, self.tags.map(b, self.tags.map(c, a + b + c))).size() > 0']) {
      const errors = errorsOf(rule, { tags });
      if (rule.startsWith('true ||')) expect(errors).toEqual([]);
      else expect(errors).toEqual(['<root>: Forbidden: validation failed due to running out of cost budget, no further validation rules will be run']);
    }
  });

  it('have patterns in linear time', () => {
    expect(errorsOf("self.name.matches('^(a+)+$')", { name: `${'a'.repeat(20_000)}!` })).toHaveLength(1);
  });
});

it('names that are no words of CEL are written in another way', () => {
  expect(['a', 'a-b', 'a.b', 'a/b', 'a__b', 'namespace', '1a', 'ä'].map(escapedName)).toEqual(['a', 'a__dash__b', 'a__dot__b', 'a__slash__b', 'a__underscores__b', '__namespace__', undefined, undefined]);
});
