import { describe, expect, it } from 'vitest';
import { Budget, TooExpensive } from './budget.js';
import { compileExpression, type Expression } from './compile.js';
import { celJson } from './values.js';

const compile = (text: string): Expression | string => compileExpression(text, { variables: { object: 'dyn', old: 'optional<dyn>' }, wanted: 'bool', mismatch: 'must evaluate to bool' });
const ask = (text: string, object: unknown, budget = new Budget(10_000)): unknown => {
  const made = compile(text);
  return typeof made === 'string' ? made : made.evaluate({ object: celJson(object) }, budget);
};

describe('expressions', () => {
  it('are asked of values of JSON', () => {
    expect(ask('object.replicas > 2 && object.name.startsWith("a")', { replicas: 3, name: 'abc' })).toBe(true);
    expect(ask('has(object.labels) && "x" in object.labels', { labels: { y: '1' } })).toBe(false);
    expect(ask('object.half == 0.5 && object.list.exists(i, i == null)', { half: 0.5, list: [1, null] })).toBe(true);
    expect(() => ask('object.nothing == 1', {})).toThrow('No such key');
  });

  it('say which variables they name', () => {
    const made = compile('object.a == 1') as Expression;
    expect([made.uses('object'), made.uses('old')]).toEqual([true, false]);
  });

  it('that are none say why', () => {
    expect(compile('')).toBe('must not be empty');
    expect(compile('1 + 1')).toBe('must evaluate to bool');
    expect(compile('other.a')).toContain('Unknown variable: other');
    expect(compile('object.name.matches("(?=a)")')).toContain('compilation failed');
    expect(compileExpression('object.a', { variables: { object: 'dyn' }, wanted: 'bool', mismatch: '', check: ({ op }) => (op === '.' ? 'no fields' : undefined) })).toBe('compilation failed: no fields');
  });

  it('cost what they do, also behind an "or"', () => {
    const object = { list: Array.from({ length: 500 }, (_, i) => i) };
    expect(() => ask('object.list.all(a, object.list.all(b, a != b + 1000)) || true', object)).toThrow(TooExpensive);
    expect(() => ask('object.text.matches("^(a+)+$")', { text: 'a'.repeat(100_000) })).toThrow(TooExpensive);
  });
});
