import { fieldError } from './field-error.js';
import type { FieldError } from './field-error.js';
import type { LabelSelector } from './kinds/selectors.js';
import type { LabelOperator, LabelRequirement } from './label-requirement.js';
import { parseLabelTokens } from './label-selector-parser.js';
import { isQualifiedName, isValidLabelValue } from './names.js';

export type { LabelOperator, LabelRequirement } from './label-requirement.js';

/** A parsed selector: all requirements must hold (labels.Selector). */
export interface LabelMatcher {
  /** Sorted by key. */
  readonly requirements: readonly LabelRequirement[];
  /** True when it selects everything. */
  readonly empty: boolean;
  matches(labels: Labels | undefined): boolean;
  /** The textual form, which parses to the same selector. */
  toString(): string;
}

/** Labels of an object. */
export type Labels = Readonly<Record<string, string>>;

const INTEGER = /^[+-]?\d{1,19}$/;

/** Selects everything. */
export const everything: LabelMatcher = { requirements: [], empty: true, matches: () => true, toString: () => '' };
/** Selects nothing: what an absent LabelSelector means. */
export const nothing: LabelMatcher = { requirements: [], empty: false, matches: () => false, toString: () => '' };

/** Reads `app=web,tier in (a,b),!old` (labels.Parse). Throws RangeError with the reason. */
export function parseLabelSelector(text: string): LabelMatcher {
  return matcherOf(parseLabelTokens(text).map(checkRequirement));
}

/**
 * The matcher of a LabelSelector object (metav1.LabelSelectorAsSelector): absent selects nothing, empty everything.
 * Throws RangeError on an unknown operator, a bad key or bad values.
 */
export function labelMatcher(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return nothing;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) requirements.push({ key, operator: '=', values: [value] });
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const known = OPERATORS[operator];
    if (known === undefined) throw new RangeError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: sortedSet(values) });
  }
  return matcherOf(requirements.map(checkRequirement));
}

/** A matcher for exactly these labels, as services and replication select. Values are not checked. */
export function matcherOfLabels(labels: Labels | undefined): LabelMatcher {
  return matcherOf(Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

const OPERATORS: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/** The matcher of requirements; they are sorted by key. */
export function matcherOf(unsorted: readonly LabelRequirement[]): LabelMatcher {
  if (unsorted.length === 0) return everything;
  const requirements = unsorted.toSorted((a, b) => compareText(a.key, b.key));
  const tests = requirements.map(compileRequirement);
  return {
    requirements,
    empty: false,
    matches: (labels = NONE) => {
      for (const test of tests) if (!test(labels)) return false;
      return true;
    },
    toString: () => requirements.map(formatRequirement).join(','),
  };
}

const NONE: Labels = {};

function compileRequirement({ key, operator, values }: LabelRequirement): (labels: Labels) => boolean {
  const has = (labels: Labels): boolean => Object.hasOwn(labels, key);
  const first = values[0] ?? '';
  switch (operator) {
    case 'exists':
      return has;
    case '!':
      return (labels) => !has(labels);
    case 'gt':
    case 'lt': {
      const bound = BigInt(first);
      return (labels) => {
        const own = has(labels) ? integer(labels[key] as string) : undefined;
        return own !== undefined && (operator === 'gt' ? own > bound : own < bound);
      };
    }
    case '!=':
      return (labels) => !has(labels) || labels[key] !== first;
    case 'notin':
      return (labels) => !has(labels) || !values.includes(labels[key] as string);
    case 'in':
      return (labels) => has(labels) && values.includes(labels[key] as string);
    default:
      return (labels) => has(labels) && labels[key] === first;
  }
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

function checkRequirement(requirement: LabelRequirement): LabelRequirement {
  const { key, operator, values } = requirement;
  const wrong = [...isQualifiedName(key), ...countErrors(operator, values.length), ...values.flatMap(isValidLabelValue)];
  if ((operator === 'gt' || operator === 'lt') && integer(values[0] ?? '') === undefined) wrong.push("for 'Gt', 'Lt' operators, the value must be an integer");
  if (wrong.length > 0) throw new RangeError(`${JSON.stringify(key)}: ${wrong.join('; ')}`);
  return requirement;
}

function countErrors(operator: LabelOperator, count: number): string[] {
  if (operator === 'in' || operator === 'notin') return count === 0 ? ["for 'in', 'notin' operators, values set can't be empty"] : [];
  if (operator === 'exists' || operator === '!') return count === 0 ? [] : ['values set must be empty for exists and does not exist'];
  return count === 1 ? [] : ['exact-match compatibility requires one single value'];
}

function integer(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const number = BigInt(text.replace(/^\+/, ''));
  return BigInt.asIntN(64, number) === number ? number : undefined;
}

/** Distinct texts in byte order. */
export function sortedSet(values: readonly string[]): string[] {
  return [...new Set(values)].sort(compareText);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What is wrong with labels (ValidateLabels). */
export function validateLabels(labels: Labels | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...isQualifiedName(key).map((message) => fieldError.invalid(field, key, message)),
    ...isValidLabelValue(value).map((message) => fieldError.invalid(field, value, message)),
  ]);
}

/** What is wrong with a LabelSelector (metav1validation.ValidateLabelSelector). */
export function validateLabelSelector(selector: LabelSelector | undefined, field: string): FieldError[] {
  const errors = validateLabels(selector?.matchLabels, `${field}.matchLabels`);
  selector?.matchExpressions?.forEach(({ key, operator, values = [] }, i) => {
    const at = `${field}.matchExpressions[${i}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(fieldError.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) errors.push(fieldError.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else {
      errors.push(fieldError.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    }
    for (const message of isQualifiedName(key)) errors.push(fieldError.invalid(`${at}.key`, key, message));
    values.forEach((value, j) => {
      for (const message of isValidLabelValue(value)) errors.push(fieldError.invalid(`${at}.values[${j}]`, value, message));
    });
  });
  return errors;
}
