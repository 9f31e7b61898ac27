import { memo } from './memo.js';

/** How a quantity likes to be written (resource.Format). */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/**
 * An exact amount, `unscaled × 10^scale` (k8s.io/apimachinery/pkg/api/resource.Quantity).
 * Immutable; results of arithmetic are new values.
 */
export interface Quantity {
  readonly unscaled: bigint;
  /** Finer amounts than 10^-9 are rounded away from zero when they are parsed. */
  readonly scale: number;
  readonly format: QuantityFormat;
  /** Kubernetes keeps this amount as a big decimal and not as an int64 with a scale. It shows in how values that overflow wrap. */
  readonly big: boolean;
  /** The text it was parsed from, where Kubernetes keeps that because it is canonical enough. */
  readonly text?: string;
}

const SYNTAX = /^([+-]?)0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;
/** Longer texts and larger exponents are refused before any arithmetic: its cost grows with the digits. */
const MAX_TEXT = 512;
const MAX_EXPONENT = 4096;
/** Digits that surely fit an int64. */
const INT64_DIGITS = 18;
const NANO = -9;
const MAX_INT64 = 2n ** 63n - 1n;

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL_SUFFIX = new Map(Object.entries(DECIMAL).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIX = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** The message of Kubernetes for a text that is no quantity. */
export const QUANTITY_SYNTAX_MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Zero. */
export const ZERO_QUANTITY: Quantity = { unscaled: 0n, scale: 0, format: 'DecimalSI', big: false };

/** Reads a quantity; undefined when the text is none. Never throws. */
export function parseQuantity(text: string): Quantity | undefined {
  if (text === '' || text.length > MAX_TEXT) return undefined;
  const match = SYNTAX.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', suffixText = ''] = match;
  const suffix = readSuffix(suffixText);
  if (suffix === undefined) return undefined;
  const digits = (whole || '0') + fraction;
  const parts = { text, negative: sign === '-', digits, decimals: fraction.length, ...suffix };
  return smallQuantity(parts) ?? bigQuantity(parts);
}

interface Suffix {
  readonly base: 2 | 10;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

interface Parts extends Suffix {
  readonly text: string;
  readonly negative: boolean;
  readonly digits: string;
  readonly decimals: number;
}

function readSuffix(suffix: string): Suffix | undefined {
  const decimal = DECIMAL[suffix];
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = BINARY[suffix];
  if (binary !== undefined) return { base: 2, exponent: binary, format: 'BinarySI' };
  if (!/^[eE][+-]?\d+$/.test(suffix)) return undefined;
  const exponent = Number(suffix.slice(1));
  return Math.abs(exponent) <= MAX_EXPONENT ? { base: 10, exponent, format: 'DecimalExponent' } : undefined;
}

/** An int64 with a scale, where the digits surely fit. */
function smallQuantity({ text, negative, digits, decimals, base, exponent, format }: Parts): Quantity | undefined {
  // Kubernetes' own estimate of how many decimal digits a binary factor takes.
  const room = base === 10 ? INT64_DIGITS - digits.length : decimals > 0 ? -1 : 14 - digits.length - Math.trunc((exponent * 3) / 10);
  const scale = (base === 10 ? exponent : 0) - decimals;
  if (room < 0 || scale < NANO) return undefined;
  const amount = BigInt(digits);
  const magnitude = base === 2 ? amount << BigInt(exponent) : amount;
  if (magnitude > MAX_INT64) return undefined;
  const keepsText = base === 2 ? (amount & 7n) !== 0n : scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
  return { unscaled: negative ? -magnitude : magnitude, scale, format, big: false, ...(keepsText || text === '0' ? { text } : {}) };
}

function bigQuantity({ negative, digits, decimals, base, exponent, format }: Parts): Quantity {
  const amount = base === 2 ? BigInt(digits) << BigInt(exponent) : BigInt(digits);
  let { unscaled, scale } = atNano(amount, (base === 10 ? exponent : 0) - decimals);
  if (base === 2 && compareScaled(unscaled, scale, MAX_INT64, 0) > 0) [unscaled, scale] = [MAX_INT64, 0];
  // An amount below one has no binary form.
  const shown = base === 2 && unscaled > 0n && compareScaled(unscaled, scale, 1n, 0) < 0 ? 'DecimalSI' : format;
  return { unscaled: negative ? -unscaled : unscaled, scale, format: shown, big: true };
}

/** In billionths, rounded away from zero; zero stays as it is. */
function atNano(amount: bigint, scale: number): { unscaled: bigint; scale: number } {
  if (amount === 0n) return { unscaled: 0n, scale };
  if (scale < NANO) return { unscaled: roundAwayFromZero(amount, scale, NANO).unscaled, scale: NANO };
  return { unscaled: amount * 10n ** BigInt(scale - NANO), scale: NANO };
}

/** A quantity of whole units, or of thousandths with `scale` -3. */
export function quantityOf(amount: number | bigint, format: QuantityFormat = 'DecimalSI', scale = 0): Quantity {
  return { unscaled: BigInt(amount), scale, format, big: false };
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
  const format = a.unscaled === 0n ? b.format : a.format;
  if (!a.big && !b.big) {
    if (b.unscaled === 0n) return { unscaled: a.unscaled, scale: a.scale, format, big: false };
    if (a.unscaled === 0n) return { unscaled: b.unscaled, scale: b.scale, format, big: false };
  }
  const scale = Math.min(a.scale, b.scale);
  const [left, right] = [atScale(a, scale), atScale(b, scale)];
  return { unscaled: left + right, scale, format, big: a.big || b.big || !isInt64(left) || !isInt64(right) || !isInt64(left + right) };
}

/** `a - b`, in the format of `a` unless that is zero (Quantity.Sub). */
export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return addQuantities(a, { ...b, unscaled: -b.unscaled });
}

/** `a` times a whole number (Quantity.Mul). */
export function multiplyQuantity(a: Quantity, factor: number | bigint): Quantity {
  const { format, scale } = a;
  const unscaled = a.unscaled * BigInt(factor);
  const whole = scale > 0 ? unscaled * 10n ** BigInt(scale) : unscaled;
  return { unscaled, scale: unscaled === 0n && !a.big && a.unscaled !== 0n ? 0 : scale, format, big: a.big || !isInt64(whole) };
}

/** Powers of ten that Kubernetes has a multiplication of its own for (positiveScaleInt64). */
const MULTIPLIED_AT_ONCE: ReadonlySet<number> = new Set([1, 2, 3, 6, 9]);

/** Whether the digits fit an int64: what Quantity.Mul reports. */
export function fitsInt64(quantity: Quantity): boolean {
  return isInt64(quantity.unscaled);
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

/**
 * The same as Kubernetes returns it: an int64. What does not fit wraps around for big amounts, and for others where the factor
 * is one that Kubernetes multiplies by at once; else it is 0. Big negative amounts are rounded towards zero and then up by one.
 */
export function int64Value(quantity: Quantity, scale: number): bigint {
  const { unscaled, big } = quantity;
  if (!big) {
    const value = scaledValue(quantity, scale);
    return isInt64(value) ? value : MULTIPLIED_AT_ONCE.has(quantity.scale - scale) ? wrap(value) : 0n;
  }
  const drop = scale - quantity.scale;
  if (drop <= 0) return wrap(wrap(unscaled) * (drop <= -19 ? -(2n ** 63n) : 10n ** BigInt(-drop)));
  const divisor = 10n ** BigInt(drop);
  const fast = unscaled < MAX_INT64 && drop < 19;
  const dividend = fast ? wrap(unscaled) : unscaled;
  const quotient = fast || dividend >= 0n ? dividend / divisor : (dividend - divisor + 1n) / divisor;
  return wrap(quotient * divisor === dividend ? quotient : quotient + 1n);
}

/** The amount as a float; large ones lose precision. */
export function approximateNumber(quantity: Quantity): number {
  return Number(`${quantity.unscaled}e${quantity.scale}`);
}

const valueMemo = memo(8192, (text: string) => Number(int64Value(mustParse(text), 0)));
const milliMemo = memo(8192, (text: string) => Number(int64Value(mustParse(text), -3)));
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

const milliRoundMemo = memo(8192, (text: string) => {
  const quantity = mustParse(text);
  if (quantity.scale >= -3) return formatQuantity(quantity);
  return canonicalForm({ ...quantity, unscaled: scaledValue(quantity, -3), scale: -3 });
});

/** A valid quantity text, rounded up to thousandths: what resource lists are defaulted to. Memoised. */
export function roundedToMilli(text: string): string {
  return milliRoundMemo(text);
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

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);
const isInt64 = (value: bigint): boolean => wrap(value) === value;
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
