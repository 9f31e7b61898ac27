import { memo } from './memo.js';

/** How a quantity likes to be written (resource.Format). */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/**
 * An exact amount, `unscaled × 10^scale` (k8s.io/apimachinery/pkg/api/resource.Quantity).
 * Immutable; results of arithmetic are new values.
 */
export interface Quantity {
  readonly unscaled: bigint;
  /** Never below -9: finer amounts are rounded away from zero when they are parsed. */
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text it was parsed from, where Kubernetes keeps it (plain integers). */
  readonly text?: string;
}

const SYNTAX = /^([+-]?)(\d*)(?:\.(\d*))?(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?$/;
const LOOKS_NUMERIC = /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/;
/** Longer texts are refused before any arithmetic: cost grows with the square of the digits. */
const MAX_TEXT = 512;
const NANO = -9;
const MAX_INT64 = 2n ** 63n - 1n;

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIX = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** The message of Kubernetes for a text that is no quantity. */
export const QUANTITY_SYNTAX_MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Zero. */
export const ZERO_QUANTITY: Quantity = { unscaled: 0n, scale: 0, format: 'DecimalSI' };

/** Reads a quantity; undefined when the text is none. Never throws. */
export function parseQuantity(text: string): Quantity | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const match = SYNTAX.exec(text);
  if (match === null || !LOOKS_NUMERIC.test(text)) return undefined;
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return undefined;
  const magnitude = BigInt(whole + fraction);
  const binary = BINARY[suffix];
  if (binary !== undefined) return binaryQuantity(sign, magnitude, fraction.length, binary);
  const decimal = DECIMAL[suffix];
  const exponent = decimal ?? Number(suffix.slice(1));
  // strconv.ParseInt(exponent, 10, 32) of the original; the bound also keeps powers of ten small.
  if (!Number.isSafeInteger(exponent) || Math.abs(exponent) > MAX_TEXT) return undefined;
  const format = decimal === undefined ? 'DecimalExponent' : 'DecimalSI';
  const rounded = roundAwayFromZero(magnitude, exponent - fraction.length, NANO);
  const unscaled = sign === '-' ? -rounded.unscaled : rounded.unscaled;
  const plain = suffix === '' && !text.includes('.') && whole.length <= 18;
  return { unscaled, scale: rounded.scale, format, ...(plain ? { text } : {}) };
}

function binaryQuantity(sign: string, magnitude: bigint, decimals: number, exponent: number): Quantity {
  let { unscaled, scale } = roundAwayFromZero(magnitude << BigInt(exponent), -decimals, NANO);
  if (compareScaled(unscaled, scale, MAX_INT64, 0) > 0) [unscaled, scale] = [MAX_INT64, 0];
  // An amount below one has no binary form.
  const format = unscaled > 0n && compareScaled(unscaled, scale, 1n, 0) < 0 ? 'DecimalSI' : 'BinarySI';
  return { unscaled: sign === '-' ? -unscaled : unscaled, scale, format };
}

/** A quantity of whole units, or of thousandths with `scale` -3. */
export function quantityOf(amount: number | bigint, format: QuantityFormat = 'DecimalSI', scale = 0): Quantity {
  return { unscaled: BigInt(amount), scale, format };
}

/** The text Kubernetes would store: the original one for plain integers, else the canonical form. */
export function formatQuantity(quantity: Quantity): string {
  return quantity.text ?? canonicalForm(quantity);
}

/**
 * The canonical form: no fraction, the largest suffix that needs none (Quantity.CanonicalizeBytes).
 * Amounts of binary format are written in decimal below 1024 and when they are not whole.
 */
export function canonicalForm(quantity: Quantity): string {
  if (quantity.unscaled === 0n) return '0';
  if (quantity.format === 'BinarySI') {
    const whole = roundAwayFromZero(quantity.unscaled, quantity.scale, 0);
    const amount = whole.unscaled * 10n ** BigInt(whole.scale);
    if (whole.exact && (amount <= -1024n || amount >= 1024n)) return binaryForm(amount);
  }
  let amount = quantity.unscaled;
  let exponent = quantity.scale;
  while (amount % 10n === 0n) {
    amount /= 10n;
    exponent++;
  }
  for (; exponent % 3 !== 0; exponent--) amount *= 10n;
  if (quantity.format === 'DecimalExponent') return exponent === 0 ? `${amount}` : `${amount}e${exponent}`;
  return `${amount}${DECIMAL_SUFFIX.get(exponent) ?? ''}`;
}

function binaryForm(amount: bigint): string {
  let step = 0;
  while (amount % 1024n === 0n) {
    amount /= 1024n;
    step++;
  }
  return `${amount}${BINARY_SUFFIX[step] ?? ''}`;
}

/** `a + b`, in the format of `a` unless that is zero (Quantity.Add). */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  const scale = Math.min(a.scale, b.scale);
  return { unscaled: atScale(a, scale) + atScale(b, scale), scale, format: a.unscaled === 0n ? b.format : a.format };
}

/** `a - b`, in the format of `a` unless that is zero (Quantity.Sub). */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  const scale = Math.min(a.scale, b.scale);
  return { unscaled: atScale(a, scale) - atScale(b, scale), scale, format: a.unscaled === 0n ? b.format : a.format };
}

/** `a` times a whole number (Quantity.Mul). */
export function multiplyQuantity(a: Quantity, factor: number | bigint): Quantity {
  return { unscaled: a.unscaled * BigInt(factor), scale: a.scale, format: a.format };
}

/** Negative, zero or positive, as `a` is below, equal to or above `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return compareScaled(a.unscaled, a.scale, b.unscaled, b.scale);
}

/** The amount in units of `10^scale`, rounded away from zero (Quantity.ScaledValue): 0 for units, -3 for thousandths. */
export function scaledValue(quantity: Quantity, scale: number): bigint {
  const rounded = roundAwayFromZero(quantity.unscaled, quantity.scale, scale);
  return rounded.unscaled * 10n ** BigInt(rounded.scale - scale);
}

/** The amount as a float; large ones lose precision. */
export function approximateNumber(quantity: Quantity): number {
  return Number(`${quantity.unscaled}e${quantity.scale}`);
}

const valueMemo = memo(8192, (text: string) => Number(scaledValue(mustParse(text), 0)));
const milliMemo = memo(8192, (text: string) => Number(scaledValue(mustParse(text), -3)));
const canonicalMemo = memo(8192, (text: string) => {
  const quantity = parseQuantity(text);
  return quantity === undefined ? undefined : formatQuantity(quantity);
});

/** Whole units of a valid quantity text, rounded up, as a number (bytes, counts). Memoised; throws RangeError on a text that is none. */
export function value(text: string): number {
  return valueMemo(text);
}

/** Thousandths of a valid quantity text, rounded up, as a number (cpu). Memoised; throws RangeError on a text that is none. */
export function milliValue(text: string): number {
  return milliMemo(text);
}

/** The text Kubernetes would store for this one; undefined when it is no quantity. Memoised. */
export function canonicalQuantity(text: string): string | undefined {
  return canonicalMemo(text);
}

function mustParse(text: string): Quantity {
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new RangeError(`Not a quantity: ${JSON.stringify(text.slice(0, 64))}`);
  return quantity;
}

const atScale = (q: Quantity, scale: number): bigint => q.unscaled * 10n ** BigInt(q.scale - scale);

function compareScaled(a: bigint, aScale: number, b: bigint, bScale: number): number {
  const scale = Math.min(aScale, bScale);
  const left = a * 10n ** BigInt(aScale - scale);
  const right = b * 10n ** BigInt(bScale - scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

function roundAwayFromZero(unscaled: bigint, scale: number, lowest: number): { unscaled: bigint; scale: number; exact: boolean } {
  if (scale >= lowest) return { unscaled, scale, exact: true };
  const divisor = 10n ** BigInt(lowest - scale);
  const quotient = unscaled / divisor;
  const exact = quotient * divisor === unscaled;
  return { unscaled: exact ? quotient : quotient + (unscaled < 0n ? -1n : 1n), scale: lowest, exact };
}
