import { SeededRandom } from '@orrery/core/testing';

/** A source of chance of its own for each part, so that what one part draws does not change what another gets (FNV-1a over the names). */
export function chanceOf(seed: number, ...names: readonly (string | number)[]): SeededRandom {
  let hash = 0x811c9dc5 ^ seed;
  for (const char of names.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return new SeededRandom(hash >>> 0);
}
