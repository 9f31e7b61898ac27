import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeCommit } from './encode-commit.js';

const key = fc.stringMatching(/^[\x20-\x7e]{1,20}$/);
const guard = fc.oneof(fc.record({ key, modRevision: fc.nat() }), fc.record({ lease: key, epoch: fc.nat() }));
const write = fc.oneof(fc.record({ key, value: fc.dictionary(fc.string(), fc.jsonValue()) }), fc.record({ key, delete: fc.constant(true as const) }));

it('what the script is told is JSON with the same guards and writes', () => {
  fc.assert(
    fc.property(fc.array(guard), fc.array(write), (guards, writes) => {
      const { json, values, keys, frees } = encodeCommit({ guards, writes }, 1_000_000);
      const told = JSON.parse(json) as { guards: unknown[]; writes: { key: string; value?: number }[] };
      expect(told.guards).toEqual(guards.map((one) => ('key' in one ? { key: one.key, revision: one.modRevision } : one)));
      expect(told.writes.map((one) => [one.key, one.value === undefined ? undefined : values[one.value - 1]])).toEqual(writes.map((one) => [one.key, 'delete' in one ? undefined : JSON.stringify(one.value)]));
      expect(keys).toBe(guards.length + writes.length);
      expect(frees).toBe(writes.length > 0 && writes.every((one) => 'delete' in one));
    }),
  );
});

it('a revision that is none matches nothing', () => {
  for (const modRevision of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY]) expect(JSON.parse(encodeCommit({ guards: [{ key: '/a', modRevision }], writes: [] }, 1).json)).toMatchObject({ guards: [{ revision: -1 }] });
});
