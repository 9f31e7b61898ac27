import { approximateNumber, formatQuantity, parseQuantity, quantityOf } from '@orrery/core';
import { type Observation, SIGNALS, UNMEASURED_SIGNALS } from './signals.js';

/** An amount of its own, or a part of the capacity. */
export type ThresholdValue = { readonly quantity: string } | { readonly percentage: number };

/** When a node is short of something. */
export interface Threshold {
  readonly signal: string;
  readonly value: ThresholdValue;
  /** How long it must have been met before a pod is evicted; 0: a hard threshold. */
  readonly gracePeriodMs: number;
  /** So much more than the threshold must be available again before it counts as resolved. */
  readonly minReclaim?: ThresholdValue;
}

/** Texts by signal, e.g. `{ 'memory.available': '100Mi', 'nodefs.available': '10%' }`. */
export type Statements = Readonly<Record<string, string>>;

/**
 * Reads thresholds as the kubelet does (eviction/helpers.go parseThresholdStatements): a quantity above 0, or a percentage; `0%` and `100%` mean none.
 * Throws a RangeError with the kubelet's words. Pure.
 */
export function parseThresholds(statements: Statements, gracePeriodMs = 0): readonly Threshold[] {
  return Object.entries(statements).flatMap(([signal, text]) => {
    const value = parseValue(signal, text, 'threshold');
    return value === undefined ? [] : [{ signal, value, gracePeriodMs }];
  });
}

/** Reads `evictionMinimumReclaim`; zero is allowed. Throws a RangeError. Pure. */
export function parseMinimumReclaims(statements: Statements): ReadonlyMap<string, ThresholdValue> {
  return new Map(
    Object.entries(statements).flatMap(([signal, text]): [string, ThresholdValue][] => {
      const value = parseValue(signal, text, 'minimum reclaim');
      return value === undefined ? [] : [[signal, value]];
    }),
  );
}

/** Puts together the thresholds of a node. Throws a RangeError for a soft one without grace period (kubelet ParseThresholdConfig). Pure. */
export function thresholdsOf(config: {
  readonly evictionHard: Statements;
  readonly evictionSoft: Statements;
  readonly evictionSoftGracePeriodSeconds: Readonly<Record<string, number>>;
  readonly evictionMinimumReclaim: Statements;
}): readonly Threshold[] {
  const reclaims = parseMinimumReclaims(config.evictionMinimumReclaim);
  const soft = parseThresholds(config.evictionSoft).map((threshold) => {
    const seconds = config.evictionSoftGracePeriodSeconds[threshold.signal];
    if (seconds === undefined || seconds <= 0) throw new RangeError(`grace period must be specified for the soft eviction threshold ${threshold.signal}`);
    return { ...threshold, gracePeriodMs: seconds * 1000 };
  });
  return [...parseThresholds(config.evictionHard), ...soft].map((threshold) => {
    const minReclaim = reclaims.get(threshold.signal);
    return minReclaim === undefined ? threshold : { ...threshold, minReclaim };
  });
}

const PERCENT = /^[+-]?(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][+-]?\d{1,3})?%+$/;

function parseValue(signal: string, text: string, what: 'threshold' | 'minimum reclaim'): ThresholdValue | undefined {
  if (!(SIGNALS as readonly string[]).includes(signal) && !UNMEASURED_SIGNALS.includes(signal)) throw new RangeError(`unsupported eviction signal ${signal}`);
  if (text.endsWith('%')) {
    if (what === 'threshold' && (text === '0%' || text === '100%')) return undefined;
    if (!PERCENT.test(text)) throw new RangeError(`eviction percentage ${what} ${signal} is not a number: ${text}`);
    const percentage = Number.parseFloat(text) / 100;
    if (percentage < 0) throw new RangeError(`eviction percentage ${what} ${signal} must be >= 0%: ${text}`);
    if (what === 'threshold' && percentage > 1) throw new RangeError(`eviction percentage threshold ${signal} must be <= 100%: ${text}`);
    return { percentage };
  }
  const quantity = parseQuantity(text);
  if (quantity === undefined) throw new RangeError(`eviction ${what} ${signal} is not a quantity: ${text}`);
  const amount = approximateNumber(quantity);
  if (amount < 0 || (what === 'threshold' && amount === 0)) throw new RangeError(`eviction ${what} ${signal} must be positive: ${formatQuantity(quantity)}`);
  return { quantity: formatQuantity(quantity) };
}

/** What a threshold comes to on a given capacity. The kubelet keeps percentages in 32 bits, and so does this. Pure. */
export function amountOfValue(value: ThresholdValue, capacity: number): number {
  if ('percentage' in value) return Math.trunc(capacity * Math.fround(value.percentage));
  const quantity = parseQuantity(value.quantity);
  return quantity === undefined ? 0 : approximateNumber(quantity);
}

/** A threshold's amount as events and messages show it. Pure. */
export const valueText = (value: ThresholdValue, capacity: number): string => ('quantity' in value ? value.quantity : bytesText(amountOfValue(value, capacity)));

/** A number as a quantity of bytes. Pure. */
export const bytesText = (amount: number): string => formatQuantity(quantityOf(Math.trunc(amount), 'BinarySI'));

/** Whether less is available than a threshold asks for, its minimum reclaim included if wanted (kubelet thresholdsMet). Pure. */
export function isMet({ value, minReclaim }: Threshold, { available, capacity }: Observation, enforceMinReclaim: boolean): boolean {
  const more = enforceMinReclaim && minReclaim !== undefined ? amountOfValue(minReclaim, capacity) : 0;
  return amountOfValue(value, capacity) + more > available;
}
