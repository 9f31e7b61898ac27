import fc from 'fast-check';

/** A source of chance: a whole number from 0 to below the bound. */
export type Chance = (below: number) => number;

/** What happens, one after the other: numbers that choose, so that fast-check can make a failing run shorter. Long ones are as likely as short ones. */
export const courses: fc.Arbitrary<readonly (readonly [number, number])[]> = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 1_000_000 })), { maxLength: 80, size: 'max' });

/** A small generator of its own for each step, so that leaving out a step does not change the others. */
export function chanceOf(seed: number): Chance {
  let state = seed + 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** One of several by chance; undefined when there are none. */
export const oneOf = <T>(chance: Chance, items: readonly T[]): T | undefined => (items.length === 0 ? undefined : items[chance(items.length)]);
