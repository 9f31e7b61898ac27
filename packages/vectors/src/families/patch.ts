import { ApiError, applyPatch, builtinKinds } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** The three patch languages. Three-way patches and server-side apply have files and types of their own that are not run. */
export const patch: Family = { family: 'patch', files: ['patch-strategic', 'patch-json'], prepare: () => run };

interface Input {
  readonly type: string;
  readonly kind?: string;
  readonly original?: unknown;
  readonly document?: unknown;
  readonly patch: unknown;
}

function run({ input, expected }: VectorCase): Outcome {
  const { type, kind: name, original, document, patch: body } = input as unknown as Input;
  if (type !== 'strategic' && type !== 'merge' && type !== 'json') return 'not run';
  const kind = builtinKinds.find((one) => one.kind === name);
  if (type === 'strategic' && kind === undefined) return 'not run';
  return compare(outcome(() => applyPatch(kind, type, type === 'strategic' ? original : document, body)), expected);
}

function outcome(apply: () => unknown): Record<string, unknown> {
  try {
    return { result: apply() };
  } catch (error) {
    if (!ApiError.is(error)) throw error;
    return { error: true };
  }
}
