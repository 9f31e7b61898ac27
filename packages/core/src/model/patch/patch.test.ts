import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigMap } from '../kinds/configmap.js';
import { Deployment } from '../kinds/deployment.js';
import { applyPatch, threeWayPatch } from './index.js';
import { applyMergePatch, diffMergePatch } from './merge-patch.js';
import { mergeThreeWay } from './three-way.js';

type Json = Record<string, unknown>;
const key = fc.constantFrom('a', 'b', 'c', 'd');
const value = fc.letrec<{ value: unknown; map: Json }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.integer(), fc.string({ maxLength: 3 }), fc.boolean(), fc.array(fc.integer(), { maxLength: 3 }), tie('map')),
  map: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
})).map;
const data = fc.dictionary(key, fc.string({ maxLength: 3 }), { noNullPrototype: true });
const map = (given: Json): Json => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', resourceVersion: '5' }, data: given });

describe('merge patches', () => {
  it('a difference applied gives the other, is empty only between equals, and changes neither', () => {
    fc.assert(
      fc.property(value, value, (from, to) => {
        const before = structuredClone([from, to]);
        expect(applyMergePatch(from, diffMergePatch(from, to))).toEqual(to);
        expect(Object.keys(diffMergePatch(to, to))).toEqual([]);
        expect([from, to]).toEqual(before);
      }),
    );
  });

  it('applied twice is applied once', () => {
    fc.assert(fc.property(value, value, (document, patch) => { expect(applyMergePatch(applyMergePatch(document, patch), patch)).toEqual(applyMergePatch(document, patch)); }));
  });
});

describe('three-way merge', () => {
  it('sets what is declared, drops what was and is not declared any more, keeps what is foreign, and is at rest then', () => {
    fc.assert(
      fc.property(data, data, data, (last, modified, current) => {
        const merged = mergeThreeWay(ConfigMap, map(last), map(modified), map(current)) as { data: Json };
        for (const name of ['a', 'b', 'c', 'd']) {
          const wanted = name in modified ? modified[name] : name in last ? undefined : current[name];
          expect(merged.data[name]).toEqual(wanted);
        }
        expect(threeWayPatch(ConfigMap, map(modified), map(modified), merged as unknown as Json)).toEqual({});
      }),
    );
  });

  it('lists with a merge key follow it item by item', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 });
    const deployment = (containers: readonly string[], image: string): Json => ({ spec: { template: { spec: { containers: containers.map((name) => ({ name, image })) } } } });
    const namesOf = (object: Json): string[] => (object as { spec: { template: { spec: { containers: { name: string }[] } } } }).spec.template.spec.containers.map(({ name }) => name);
    fc.assert(
      fc.property(names, names, names, (last, modified, current) => {
        const merged = mergeThreeWay(Deployment, deployment(last, 'x'), deployment(modified, 'y'), deployment(current, 'z'));
        const foreign = current.filter((name) => !modified.includes(name) && !last.includes(name));
        expect(namesOf(merged)).toEqual([...modified, ...foreign]);
        expect(mergeThreeWay(Deployment, deployment(modified, 'y'), deployment(modified, 'y'), merged)).toEqual(merged);
      }),
    );
  });
});

describe('JSON patches', () => {
  const apply = (document: unknown, ...patch: object[]): unknown => applyPatch(undefined, 'json', document, patch);

  it('follow the library of kube-apiserver where it is laxer than the standard', () => {
    expect(apply({ a: {} }, { op: 'replace', path: '/a/new', value: 1 })).toEqual({ a: { new: 1 } });
    expect(apply({ a: 1 }, { op: 'add', path: '/a' })).toEqual({ a: null });
    expect(apply({ a: 1 }, { op: 'copy', from: '/q', path: '/b' })).toEqual({ a: 1, b: null });
    expect(apply({ a: [1, 2] }, { op: 'replace', path: '/a/-1', value: 9 })).toEqual({ a: [1, 9] });
    expect(apply({ a: 1 }, { op: 'test', path: '/q', value: null })).toEqual({ a: 1 });
  });

  it('refuse what does not fit or is malformed, and never touch the document', () => {
    const document = { a: [1], b: { c: 1 } };
    const wrong: readonly (readonly [object, string])[] = [
      [{ op: 'remove', path: '/q' }, 'Invalid'],
      [{ op: 'move', from: '/q', path: '/b/d' }, 'Invalid'],
      [{ op: 'add', path: '/q/r', value: 1 }, 'Invalid'],
      [{ op: 'add', path: '/a/3', value: 1 }, 'Invalid'],
      [{ op: 'replace', path: '/a/1', value: 1 }, 'Invalid'],
      [{ op: 'add', path: '', value: {} }, 'Invalid'],
      [{ op: 'replace', path: '', value: null }, 'Invalid'],
      [{ op: 'test', path: '/b', value: { c: 2 } }, 'Invalid'],
      [{ op: 'add', path: '/toString/x', value: 1 }, 'Invalid'],
      [{ op: 'frobnicate', path: '/a' }, 'BadRequest'],
      [{ op: 'toString', path: '/a' }, 'BadRequest'],
      [{ op: 'move', path: '/a' }, 'BadRequest'],
      [{ op: 'add', path: '/b/__proto__', value: 1 }, 'BadRequest'],
    ];
    for (const [operation, reason] of wrong) {
      expect(() => apply(document, { op: 'add', path: '/b/d', value: 2 }, operation), JSON.stringify(operation)).toThrow(expect.objectContaining({ reason }));
    }
    expect(document).toEqual({ a: [1], b: { c: 1 } });
  });
});

it('no patch has keys that could reach a prototype, wherever they are', () => {
  for (const type of ['json', 'merge'] as const) {
    const patch = JSON.parse(type === 'json' ? '[{"op":"add","path":"/a","value":{"__proto__":{"x":1}}}]' : '{"a":{"__proto__":{"x":1}}}') as unknown;
    expect(() => applyPatch(undefined, type, {}, patch)).toThrow('forbidden key');
  }
});
