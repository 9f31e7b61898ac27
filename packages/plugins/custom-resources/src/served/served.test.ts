import { describe, expect, it } from 'vitest';
import { columnsOf } from './columns.js';
import { parseJsonPath, readJsonPath } from './json-path.js';
import { byPriority } from './version-priority.js';

describe('JSON paths', () => {
  const value = { spec: { a: 1, list: [{ n: 'x', v: 1 }, { n: 'y', v: 2 }], 'a.b': 'dotted' }, status: { conditions: [{ type: 'Ready', status: 'True' }, { type: 'Other', status: 'False' }] } };
  const read = (path: string): readonly unknown[] => {
    const parsed = parseJsonPath(path);
    if (typeof parsed === 'string') throw new Error(parsed);
    return readJsonPath(parsed, value);
  };

  it('lead where kubectl goes', () => {
    expect(read('.spec.a')).toEqual([1]);
    expect(read('.spec.list[*].n')).toEqual(['x', 'y']);
    expect(read('.spec.list[-1].n')).toEqual(['y']);
    expect(read(".spec['a.b']")).toEqual(['dotted']);
    expect(read('.spec.a\\.b')).toEqual(['dotted']);
    expect(read('.status.conditions[?(@.type=="Ready")].status')).toEqual(['True']);
    expect(read('.spec.list[?(@.v >= 2)].n')).toEqual(['y']);
    expect(read('.spec.nothing.at.all')).toEqual([]);
    expect(read('.spec.toString')).toEqual([]);
  });

  it('that cannot be read are refused, quickly', () => {
    for (const path of ['.a[', '.a[?(@.b==', '.a[x]', `.${'a'.repeat(5_000)}`, `.a[?(@${'.b'.repeat(900)}=`]) expect(typeof parseJsonPath(path)).toBe('string');
  });
});

describe('columns', () => {
  it('are the age where none are given, and otherwise what they are', () => {
    const object = { apiVersion: 'v1', kind: 'K', metadata: { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' }, spec: { n: 'text', list: ['a', 'b'] } };
    const cells = (columns: readonly object[]): unknown[] => columnsOf({ additionalPrinterColumns: columns } as never).map((column) => column.value?.(object, Date.parse('2026-01-01T00:05:00Z')));
    expect(columnsOf({} as never).map(({ name }) => name)).toEqual(['Age']);
    expect(cells([{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }, { name: 'N', type: 'integer', jsonPath: '.spec.n' }, { name: 'L', type: 'string', jsonPath: '.spec.list[*]' }])).toEqual(['5m', '', 'a,b']);
  });
});

it('versions are preferred as Kubernetes prefers them', () => {
  expect(['foo10', 'v1alpha1', 'v1', 'v11beta2', 'v10', 'foo1', 'v3beta1', 'v2', 'v12alpha1', 'v10beta3'].sort(byPriority)).toEqual(['v10', 'v2', 'v1', 'v11beta2', 'v10beta3', 'v3beta1', 'v12alpha1', 'v1alpha1', 'foo1', 'foo10']);
});
