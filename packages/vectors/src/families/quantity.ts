import {
  addQuantities,
  approximateNumber,
  canonicalForm,
  compareQuantities,
  fitsInt64,
  formatQuantity,
  int64Value,
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
  const milli: Quantity = { ...q, unscaled: scaledValue(q, -3), scale: -3 };
  const exactMilli = compareQuantities(milli, q) === 0;
  const untouched = !q.big && q.scale >= -3;
  return {
    canonical: formatQuantity(q),
    recanonical: canonicalForm(q),
    format: q.format,
    sign: q.unscaled > 0n ? 1 : q.unscaled < 0n ? -1 : 0,
    value: String(int64Value(q, 0)),
    milliValue: String(int64Value(q, -3)),
    scaledMega: String(int64Value(q, 6)),
    ...(!q.big && q.scale >= 0 && BigInt.asIntN(64, scaledValue(q, 0)) === scaledValue(q, 0) ? { int64: String(scaledValue(q, 0)) } : {}),
    approxFloat: approximateNumber(q),
    roundUpMilli: { canonical: untouched ? formatQuantity(q) : canonicalForm(milli), exact: exactMilli },
  };
}

const close = (a: number, b: number): boolean => a === b || Math.abs(a - b) <= 1e-12 * Math.abs(b);
