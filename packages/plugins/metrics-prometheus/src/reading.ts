import { type LabelMatcher, labelMatcher, type LabelSelector, type MetricReading } from '@orrery/core';
import type { Page } from './pages.js';
import type { Series } from './text-format.js';

/** Which series of a page are meant. */
export interface SeriesChoice {
  readonly metric: string;
  readonly selector?: LabelSelector | undefined;
  /** Labels they must have besides. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The sum of the chosen series of a page: of counters how much they grow a second, since the page before. Undefined when there is none, or only counters
 * and no page before. Throws RangeError for a selector that cannot be read. Pure.
 */
export function readingOf(page: Page, choice: SeriesChoice): MetricReading | undefined {
  const matcher: LabelMatcher | undefined = choice.selector === undefined ? undefined : labelMatcher(choice.selector);
  const chosen = page.series.filter((one) => matches(one, choice, matcher));
  if (chosen.length === 0) return undefined;
  if (!chosen.some(({ isCounter }) => isCounter)) return { value: sum(chosen), timestamp: page.at };
  const { before } = page;
  const windowMs = before === undefined ? 0 : page.monotonic - before.monotonic;
  if (before === undefined || windowMs <= 0) return undefined;
  const old = new Map(before.series.filter((one) => matches(one, choice, matcher)).map((one) => [idOf(one), one.value]));
  // A counter that is new, or went back, began at zero: its program was started again.
  const grown = chosen.reduce((total, one) => total + (one.value >= (old.get(idOf(one)) ?? 0) ? one.value - (old.get(idOf(one)) ?? 0) : one.value), 0);
  return { value: (grown * 1000) / windowMs, timestamp: page.at, windowMs };
}

function matches({ name, labels }: Series, { metric, labels: fixed = {} }: SeriesChoice, matcher: LabelMatcher | undefined): boolean {
  if (name !== metric || (matcher !== undefined && !matcher.matches(labels))) return false;
  return Object.entries(fixed).every(([key, value]) => labels[key] === value);
}

const sum = (series: readonly Series[]): number => series.reduce((total, { value }) => total + value, 0);

const idOf = ({ labels }: Series): string => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
