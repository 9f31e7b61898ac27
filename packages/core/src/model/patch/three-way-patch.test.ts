import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deployment } from '../kinds/deployment.js';
import type { KindDefinition } from '../kind.js';
import { applyPatch } from './index.js';
import { threeWayMergePatch, threeWayStrategicPatch } from './three-way-patch.js';

const kind = Deployment as unknown as KindDefinition;
const of = (spec: object): Record<string, unknown> => ({ spec: { template: { spec } } });

describe('the patch of a client that remembers what it applied last', () => {
  it('sets what is declared, takes back what is not any more, and leaves to others what they added', () => {
    const last = of({ containers: [{ name: 'a', image: '1' }, { name: 'b', image: '1' }], nodeSelector: { x: '1' } });
    const modified = of({ containers: [{ name: 'a', image: '2' }, { name: 'c', image: '1' }] });
    const current = of({ containers: [{ name: 'a', image: '1', tty: true }, { name: 'b', image: '1' }, { name: 'side', image: '1' }], nodeSelector: { x: '1' }, priority: 3 });
    const patch = threeWayStrategicPatch(kind, last, modified, current);
    expect(patch).toEqual(of({ '$setElementOrder/containers': [{ name: 'a' }, { name: 'c' }], containers: [{ name: 'a', image: '2' }, { name: 'c', image: '1' }, { $patch: 'delete', name: 'b' }], nodeSelector: null }));
    const { containers, ...rest } = (applyPatch(kind, 'strategic', current, patch) as any).spec.template.spec;
    expect(rest).toEqual({ priority: 3 });
    expect(new Set(containers.map(({ name, image }: any) => name + image))).toEqual(new Set(['a2', 'c1', 'side1']));
    expect(containers.find(({ name }: any) => name === 'a')).toEqual({ name: 'a', image: '2', tty: true });
  });

  const json = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
    value: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b', true), fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3 }), tie('map')),
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3, noNullPrototype: true }),
  })).map;

  it('brings an object that only this client writes to what it declares, and is empty when it is there', () =>
    fc.assert(
      fc.property(json, json, (last, modified) => {
        const reached = applyPatch(undefined, 'merge', last, threeWayMergePatch(last, modified, last));
        expect(threeWayMergePatch(modified, modified, reached as never)).toEqual({});
        expect(reached).toEqual(modified);
      }),
      { numRuns: 500 },
    ));

  const containers = fc.uniqueArray(fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), image: fc.constantFrom('1', '2'), env: fc.uniqueArray(fc.record({ name: fc.constantFrom('X', 'Y'), value: fc.constantFrom('1', '2') }), { selector: ({ name }) => name, maxLength: 2 }) }), { selector: ({ name }) => name, minLength: 1, maxLength: 4 });

  it('does so for lists with a merge key, in the declared order', () =>
    fc.assert(
      fc.property(containers, containers, (before, after) => {
        const [last, modified] = [of({ containers: before }), of({ containers: after })];
        expect(applyPatch(kind, 'strategic', last, threeWayStrategicPatch(kind, last, modified, last))).toEqual(modified);
        expect(threeWayStrategicPatch(kind, modified, modified, modified)).toEqual({});
      }),
      { numRuns: 500 },
    ));
});
