import { labelMatcher, parseFieldSelector, parseLabelSelector, validateLabelSelector } from '@orrery/core';
import type { FieldMatcher, LabelMatcher, LabelSelector } from '@orrery/core';
import { compare } from '../family.js';
import type { Cases, Family, Outcome, VectorCase } from '../family.js';

/** Label selectors (text and object) and field selectors. */
export const selectors: Family = { family: 'selectors', files: ['selectors'], prepare };

type Sets = readonly Record<string, string>[];

function prepare(cases: Cases): (vector: VectorCase) => Outcome {
  const probes = cases.find((vector) => vector.input['kind'] === 'probes')?.input as { labelSets: Sets; fieldSets: Sets } | undefined;
  return ({ input, expected }) => {
    if (probes === undefined) return { ok: false, got: 'the file has no probes' };
    switch (input['kind']) {
      case 'probes':
        return compare(probes.labelSets.length > 0 && probes.fieldSets.length > 0, true);
      case 'label':
        return compare(pick(labelResult(() => parseLabelSelector(input['selector'] as string), probes.labelSets), expected), expected);
      case 'field':
        return compare(pick(fieldResult(input['selector'] as string, probes.fieldSets), expected), expected);
      case 'labelSelectorObject':
        return compare(pick(objectResult(input['selector'] as LabelSelector | null, probes.labelSets), expected), expected);
      default:
        return 'not run';
    }
  };
}

/** What the case says nothing about is not compared. */
const pick = (got: Record<string, unknown>, expected: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.keys(expected).map((key) => [key, got[key]]));

function labelResult(parse: () => LabelMatcher, sets: Sets): Record<string, unknown> {
  const matcher = attempt(parse);
  if (matcher === undefined) return { valid: false };
  const requirements = matcher.requirements.map(({ key, operator, values }) => ({ key, operator, values }));
  return {
    valid: true,
    empty: matcher.empty,
    selectable: true,
    string: matcher.toString(),
    requirements: requirements.length === 0 ? null : requirements,
    matches: sets.map((labels) => matcher.matches(labels)),
  };
}

function objectResult(selector: LabelSelector | null, sets: Sets): Record<string, unknown> {
  const errors = selector === null ? undefined : validateLabelSelector(selector, 'selector').map(({ field, type }) => ({ field, type })).sort((a, b) => (a.field < b.field ? -1 : 1));
  return { ...labelResult(() => labelMatcher(selector ?? undefined), sets), validationErrors: errors };
}

function fieldResult(text: string, sets: Sets): Record<string, unknown> {
  const matcher: FieldMatcher | undefined = attempt(() => parseFieldSelector(text));
  if (matcher === undefined) return { valid: false };
  return {
    valid: true,
    empty: matcher.empty,
    string: matcher.toString(),
    requirements: matcher.requirements.length === 0 ? null : matcher.requirements,
    matches: sets.map((fields) => matcher.matches((field) => fields[field] ?? '')),
  };
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
