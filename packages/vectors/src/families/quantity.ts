import {
  addQuantities,
  approximateNumber,
  canonicalForm,
  compareQuantities,
  formatQuantity,
  multiplyQuantity,
  parseQuantity,
  quantityOf,
  scaledValue,
  subtractQuantities,
} from '@orrery/core';
import type { Quantity, QuantityFormat } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** Exact arithmetic of resource.Quantity. */
export const quantity: Family = { family: 'quantity', files: ['quantity'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  const got = compute(input as unknown as Input);
  // Only what the case says is compared; the message of a refused text is Go's.
  const wanted = Object.fromEntries(Object.entries(expected).filter(([key]) => key !== 'error' && key !== 'approxFloat'));
  const picked = Object.fromEntries(Object.keys(wanted).map((key) => [key, got[key]]));
  if (typeof expected['approxFloat'] === 'number' && !close(got['approxFloat'] as number, expected['approxFloat'])) return { ok: false, got };
  return compare(picked, wanted);
}

interface Input {
  readonly op: string;
  readonly a: string;
  readonly b?: string | number;
  readonly format?: QuantityFormat;
  readonly milli?: boolean;
}

function compute({ op, a, b, format, milli }: Input): Record<string, unknown> {
  if (op === 'new') return { ...factsOf(quantityOf(BigInt(a), format, milli === true ? -3 : 0)) };
  const left = parseQuantity(a);
  if (op === 'parse') return left === undefined ? { valid: false } : { valid: true, ...factsOf(left) };
  if (left === undefined) return {};
  if (op === 'cmpInt64') return { cmp: compareQuantities(left, quantityOf(b as number)) };
  if (op === 'mul') {
    const product = multiplyQuantity(left, b as number);
    return { ...factsOf(product), inInt64: fitsInt64(product) };
  }
  const right = parseQuantity(String(b));
  if (right === undefined) return {};
  if (op === 'cmp') return { cmp: compareQuantities(left, right), equal: compareQuantities(left, right) === 0 };
  return factsOf(op === 'add' ? addQuantities(left, right) : subtractQuantities(left, right));
}

function factsOf(q: Quantity): Record<string, unknown> {
  const milli = scaledValue(q, -3);
  const exactMilli = compareQuantities(quantityOf(milli, q.format, -3), q) === 0;
  return {
    canonical: formatQuantity(q),
    recanonical: canonicalForm(q),
    format: q.format,
    sign: q.unscaled > 0n ? 1 : q.unscaled < 0n ? -1 : 0,
    value: int64(scaledValue(q, 0)),
    milliValue: int64(milli),
    scaledMega: int64(scaledValue(q, 6)),
    ...(fitsInt64(q) && compareQuantities(quantityOf(scaledValue(q, 0)), q) === 0 ? { int64: String(scaledValue(q, 0)) } : {}),
    approxFloat: approximateNumber(q),
    roundUpMilli: { canonical: exactMilli ? formatQuantity(q) : canonicalForm(quantityOf(milli, q.format, -3)), exact: exactMilli },
  };
}

/** Go returns an int64 here, which wraps around. */
const int64 = (value: bigint): string => String(BigInt.asIntN(64, value));

const fitsInt64 = (q: Quantity): boolean => {
  const value = scaledValue(q, 0);
  return BigInt.asIntN(64, value) === value;
};

const close = (a: number, b: number): boolean => a === b || Math.abs(a - b) <= 1e-12 * Math.abs(b);
