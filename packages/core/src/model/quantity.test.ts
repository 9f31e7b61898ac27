import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, milliValue, parseQuantity, subtractQuantities, value } from './quantity.js';
import type { Quantity } from './quantity.js';

const quantity = fc
  .tuple(fc.bigInt(-(10n ** 20n), 10n ** 20n), fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'E-2'))
  .map(([digits, suffix]) => parseQuantity(`${digits}${suffix}`) as Quantity);

/** Above it Kubernetes has no suffix left and drops the exponent when it prints. */
const LARGEST_WRITABLE = 10n ** 21n;
const isWritable = ({ unscaled, scale }: Quantity): boolean => {
  const magnitude = unscaled < 0n ? -unscaled : unscaled;
  return scale < 0 ? magnitude < LARGEST_WRITABLE * 10n ** BigInt(-scale) : magnitude * 10n ** BigInt(scale) < LARGEST_WRITABLE;
};

describe('quantities', () => {
  it('print to what parses to the same amount', () => {
    fc.assert(fc.property(quantity.filter(isWritable), (q) => compareQuantities(parseQuantity(formatQuantity(q)) as Quantity, q) === 0));
  });

  it('have no suffix above exa, as in Kubernetes', () => {
    expect(canonicalQuantity('3125000000000G')).toBe('3125E');
    expect(canonicalQuantity('3125000000000000G')).toBe('3125');
  });

  it('add and subtract exactly', () => {
    fc.assert(fc.property(quantity, quantity, (a, b) => compareQuantities(subtractQuantities(addQuantities(a, b), b), a) === 0));
  });

  it('have cheap numbers for schedulers', () => {
    expect([milliValue('250m'), milliValue('2'), milliValue('0.0001')]).toEqual([250, 2000, 1]);
    expect([value('1Gi'), value('1500m'), value('1k')]).toEqual([2 ** 30, 2, 1000]);
    expect(() => value('many')).toThrow(RangeError);
  });

  it('refuse what is none, however long, without effort', () => {
    for (const text of ['', 'x', '1 Gi', '1.2.3', '--1', '1e99999', '9'.repeat(100_000)]) expect(canonicalQuantity(text)).toBeUndefined();
  });
});
