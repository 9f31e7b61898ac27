import { builtinKinds, decodeObject, type KubeObject, tableOf } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** Server-side printing: what `kubectl get -o wide` shows. */
export const table: Family = { family: 'table', files: ['table'], prepare: () => run };

const NOW = Date.UTC(2026, 0, 1);

function run({ input, expected }: VectorCase): Outcome {
  const given = input['object'] as KubeObject;
  const kind = builtinKinds.find(({ apiVersion, kind: name }) => apiVersion === given.apiVersion && name === given.kind);
  if (kind === undefined) return 'not run';
  const { object } = decodeObject(kind, given);
  kind.rules.applyDefaults?.(object);
  const { columnDefinitions, rows } = tableOf(kind, object, { now: NOW });
  const columns = columnDefinitions.map(({ name, type, format, priority }) => `${name}|${type}|${format}|${priority}`);
  const conditions = rows.flatMap((row) => row.conditions ?? []).map(({ type, status, reason }) => ({ type, status, reason }));
  return compare({ columns, rows: rows.map(({ cells }) => cells), ...(conditions.length > 0 && { rowConditions: conditions }) }, expected);
}
