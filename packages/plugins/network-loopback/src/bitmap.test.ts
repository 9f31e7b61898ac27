import { SeededRandom } from '@orrery/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bitmap } from './bitmap.js';

describe('Bitmap', () => {
  it('agrees with a set, whatever is taken and released', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('take' as const), n: fc.nat(69) }),
      fc.record({ op: fc.constant('release' as const), n: fc.nat(69) }),
      fc.record({ op: fc.constant('any' as const), n: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.integer(), fc.nat(70), fc.array(step, { maxLength: 300 }), (seed, reserved, steps) => {
        const bitmap = new Bitmap(70, reserved, new SeededRandom(seed));
        const model = new Set<number>();
        for (const { op, n } of steps) {
          if (op === 'release') {
            bitmap.release(n);
            model.delete(n);
          } else if (op === 'take') {
            expect(bitmap.take(n)).toBe(!model.has(n));
            model.add(n);
          } else {
            const upperIsFree = Array.from({ length: 70 - reserved }, (_, i) => reserved + i).some((i) => !model.has(i));
            const got = bitmap.takeAny();
            if (model.size === 70) expect(got).toBeUndefined();
            else {
              expect(model.has(got as number)).toBe(false);
              if (upperIsFree) expect(got).toBeGreaterThanOrEqual(reserved);
              model.add(got as number);
            }
          }
          expect(bitmap.taken).toBe(model.size);
        }
        for (let n = 0; n < 70; n += 1) expect(bitmap.has(n)).toBe(model.has(n));
      }),
    );
  });

  it('gives out every number exactly once', () => {
    const bitmap = new Bitmap(1_000, 62, new SeededRandom(1));
    const got = Array.from({ length: 1_000 }, () => bitmap.takeAny());
    expect(new Set(got).size).toBe(1_000);
    expect(got.slice(0, 938).every((n) => (n as number) >= 62)).toBe(true);
    expect(bitmap.takeAny()).toBeUndefined();
  });

  it('refuses numbers outside', () => {
    const bitmap = new Bitmap(10, 0, new SeededRandom(1));
    for (const n of [-1, 10, 1.5, Number.NaN]) expect(() => bitmap.take(n)).toThrow(RangeError);
    expect(bitmap.has(-1)).toBe(false);
  });
});
