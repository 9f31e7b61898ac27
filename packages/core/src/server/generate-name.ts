import type { Random } from '../kernel/clock.js';

/** Letters and digits without vowels and without 0, 1, 3, so that no word comes out (k8s.io/apimachinery util/rand). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX = 5;
const LONGEST = 63;

/** `base` (cut so that the whole stays a DNS label) and five random characters, as names.SimpleNameGenerator makes them. */
export function generateName(base: string, random: Random): string {
  let suffix = '';
  for (let i = 0; i < SUFFIX; i += 1) suffix += ALPHABET[random.int(ALPHABET.length)];
  return base.slice(0, LONGEST - SUFFIX) + suffix;
}
