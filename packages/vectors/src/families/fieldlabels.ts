import { builtinKinds, selectableField } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** Which fields a field selector may name. */
export const fieldLabels: Family = { family: 'fieldlabels', files: ['fieldlabels'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  const kind = builtinKinds.find((one) => one.apiVersion === input['apiVersion'] && one.kind === input['kind']);
  if (kind === undefined) return 'not run';
  const labels = expected['fieldLabels'] as Record<string, string | false>;
  return compare(Object.fromEntries(Object.keys(labels).map((label) => [label, selectableField(kind, label) ?? false])), labels);
}
