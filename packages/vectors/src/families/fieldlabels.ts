import { builtinKinds, selectableField, selectableFieldOfUndefined } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** Which fields a field selector may name. */
export const fieldLabels: Family = { family: 'fieldlabels', files: ['fieldlabels'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  const { apiVersion, kind: name } = input as { apiVersion: string; kind: string };
  const kind = builtinKinds.find((one) => one.apiVersion === apiVersion && one.kind === name);
  const fieldOf = (label: string): string | undefined => (kind === undefined ? selectableFieldOfUndefined(apiVersion, name, label) : selectableField(kind, label));
  const labels = expected['fieldLabels'] as Record<string, string | false>;
  return compare(Object.fromEntries(Object.keys(labels).map((label) => [label, fieldOf(label) ?? false])), labels);
}
