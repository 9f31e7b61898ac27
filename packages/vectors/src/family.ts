/** One recorded behaviour: what Kubernetes made of an input. */
export interface VectorCase {
  readonly name: string;
  readonly input: Record<string, unknown>;
  readonly expected: Record<string, unknown>;
}

/** What became of a case. `got` is what Orrery made of the input, for the report. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly got: unknown } | 'not run';

/** All cases of a file, so that a case can refer to another. */
export type Cases = readonly VectorCase[];

/** How the cases of one family are run against Orrery. */
export interface Family {
  readonly family: string;
  /** File names without `.json`. */
  readonly files: readonly string[];
  /** Called once a file; returns what runs one case. A case whose feature does not exist is `not run`, never passed. */
  prepare(cases: Cases): (vector: VectorCase) => Outcome;
}

/** The outcome of comparing what came out with what should have. */
export function compare(got: unknown, expected: unknown): Outcome {
  return same(got, expected) ? { ok: true } : { ok: false, got };
}

/** Deep equality of JSON values; undefined members count as absent. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => same(left[key], right[key]));
}
