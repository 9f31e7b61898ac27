import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Era, type Lineage, parseEras, planLoss, superseded } from './lineage.js';

const lineage = (eras: readonly Era[], revision: number, store = 's'): Lineage => ({ store, eras, revision, compacted: 0 });
const a: Era = { token: '1-a', start: 0 };
const b: Era = { token: '2-b', start: 10 };
const c: Era = { token: '2-c', start: 7 };

describe('what was lost between two views of a history', () => {
  it.each([
    ['the same server further on', lineage([a], 5), lineage([a], 9), 5, undefined],
    ['started again with everything', lineage([a], 10), lineage([a, b], 10), 10, undefined],
    ['taken over by a replica that lagged', lineage([a], 12), lineage([a, b], 10), 12, 10],
    ['taken over, and others have written since', lineage([a], 12), lineage([a, b], 40), 12, 10],
    ['taken over twice, the second time by one that lagged more', lineage([a], 9), lineage([a, b, { token: '3-d', start: 8 }], 50), 9, 8],
    ['two servers that both took over', lineage([a, b], 15), lineage([a, c], 20), 15, 7],
    ['back on the server from before', lineage([a, b], 15), lineage([a], 12), 15, 10],
    ['the same era, but behind', lineage([a], 12), lineage([a], 11), 12, 11],
    ['another store', lineage([a], 12), lineage([a], 40, 'other'), 12, 0],
    ['another store, but nothing was seen of the first', lineage([a], 0), lineage([a], 40, 'other'), 0, undefined],
    ['so many eras later that none is known', lineage([a], 12), lineage([{ token: '90-x', start: 50 }], 60), 12, 0],
  ])('%s', (_, known, found, seen, lastCommon) => {
    expect(planLoss(known, found, seen, seen)?.lastCommon).toBe(lastCommon);
  });

  it('is what a model of servers that copy each other says', () => {
    // Each server holds a list of writes; taking over copies a beginning of another's.
    const step = fc.record({ write: fc.nat(4), keep: fc.double({ min: 0, max: 1, noNaN: true }), take: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.nat(20), (steps, when) => {
        let writes: string[] = [];
        let eras: Era[] = [a];
        let known = { lineage: lineage(eras, 0), writes };
        let fresh = 0;
        steps.forEach(({ write, keep, take }, i) => {
          if (take) {
            writes = writes.slice(0, Math.round(writes.length * keep));
            eras = [...eras, { token: `${eras.length + 1}-${i}`, start: writes.length }];
          }
          writes = [...writes, ...Array.from({ length: write }, () => `w${(fresh += 1)}`)];
          if (i === when) known = { lineage: lineage(eras, writes.length), writes };
        });
        let common = 0;
        while (common < known.writes.length && known.writes[common] === writes[common]) common += 1;
        const loss = planLoss(known.lineage, lineage(eras, writes.length), known.writes.length, known.writes.length);
        expect(loss?.lastCommon).toBe(common < known.writes.length ? common : undefined);
      }),
    );
  });

  it('a server that was taken over from is known as such', () => {
    expect(superseded(lineage([a, b], 12), lineage([a], 15))).toBe(true);
    expect(superseded(lineage([a, b], 12), lineage([a, b], 15))).toBe(false);
    expect(superseded(lineage([a, b], 12), lineage([a, c], 15))).toBe(false);
    expect(superseded(lineage([a], 12), lineage([a, b], 12))).toBe(false);
  });

  it('eras are read as they are kept', () => {
    expect(parseEras(['1-abc 0', '2-def 17'])).toEqual([{ token: '1-abc', start: 0 }, { token: '2-def', start: 17 }]);
  });
});
