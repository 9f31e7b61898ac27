import { ApiError, applyPatch, builtinKinds, threeWayMergePatch, threeWayStrategicPatch } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** The three patch languages, and the patches that kubectl makes from what was applied last. Server-side apply has a file of its own. */
export const patch: Family = { family: 'patch', files: ['patch-strategic', 'patch-json'], prepare: () => run };

interface Input {
  readonly type: string;
  readonly kind?: string;
  readonly original?: unknown;
  readonly document?: unknown;
  readonly patch: unknown;
  readonly lastApplied?: Record<string, unknown>;
  readonly modified?: Record<string, unknown>;
  readonly current?: Record<string, unknown>;
}

function run({ input, expected }: VectorCase): Outcome {
  const { type, kind: name, original, document, patch: body } = input as unknown as Input;
  if (type === 'threeWayMerge' || type === 'threeWayStrategic') return threeWay(input as unknown as Input, expected);
  if (type !== 'strategic' && type !== 'merge' && type !== 'json') return 'not run';
  const kind = builtinKinds.find((one) => one.kind === name);
  if (type === 'strategic' && kind === undefined) return 'not run';
  return compare(outcome(() => applyPatch(kind, type, type === 'strategic' ? original : document, body)), expected);
}

function threeWay({ type, kind: name, lastApplied = {}, modified = {}, current = {} }: Input, expected: unknown): Outcome {
  const kind = builtinKinds.find((one) => one.kind === name);
  if (type === 'threeWayMerge') {
    const patch = threeWayMergePatch(lastApplied, modified, current);
    return compare({ patch, result: applyPatch(undefined, 'merge', current, patch) }, expected);
  }
  if (kind === undefined) return 'not run';
  const patch = threeWayStrategicPatch(kind, lastApplied, modified, current);
  return compare({ patch, result: applyPatch(kind, 'strategic', current, patch) }, expected);
}

function outcome(apply: () => unknown): Record<string, unknown> {
  try {
    return { result: apply() };
  } catch (error) {
    if (!ApiError.is(error)) throw error;
    return { error: true };
  }
}
