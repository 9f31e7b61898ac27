import { checkLinearizable, checkRevisionOrder, keyModel, type KeyOperation } from '@orrery/core/testing';
import type { Call, History, Interval, Recorded } from '../history.js';
import { overlaps, settledWrites, type Truth } from '../truth.js';

type Commit = Extract<Call, { readonly kind: 'commit' }>;

/** What came of the search. */
export interface KeyFindings {
  readonly violations: readonly string[];
  /** Keys of which it was given up. */
  readonly undecided: number;
  readonly keys: number;
}

const MAX_STEPS = 300_000;

/** Every key on its own behaves like one register with compare-and-set, and revisions follow the order of time. Reads in risky times are left out, and so are writes that are gone. */
export function checkKeys(calls: History['calls'], truth: Truth, risky: readonly Interval[]): KeyFindings {
  const byKey = new Map<string, KeyOperation[]>();
  const add = (operation: KeyOperation): void => {
    const known = byKey.get(operation.input.key);
    if (known === undefined) byKey.set(operation.input.key, [operation]);
    else known.push(operation);
  };
  for (const recorded of calls) for (const operation of operationsOf(recorded, truth, risky)) add(operation);
  const violations = checkRevisionOrder(settledWrites(calls, truth));
  let undecided = 0;
  for (const [key, operations] of byKey) {
    const outcome = checkLinearizable(operations, keyModel, { maxSteps: MAX_STEPS });
    if (outcome.verdict === 'undecided') undecided += 1;
    if (outcome.verdict === 'violated') violations.push(`${key} is not linearizable: nothing explains ${JSON.stringify(outcome.stuck.slice(0, 4))}`);
  }
  return { violations, undecided, keys: byKey.size };
}

function operationsOf({ call, answer }: Recorded, truth: Truth, risky: readonly Interval[]): KeyOperation[] {
  const { client, calledAt } = call;
  const doubtful = overlaps(risky, calledAt, answer?.at ?? Number.POSITIVE_INFINITY);
  if (call.kind === 'get') {
    if (answer?.kind !== 'seen' || doubtful) return [];
    return [{ client, input: { key: call.key, read: true }, calledAt, answer: { at: answer.at, output: { found: { value: answer.seen.id, modRevision: answer.seen.modRevision } } } }];
  }
  if (call.kind !== 'commit' || answer?.kind === 'failed') return [];
  if (answer?.kind === 'conflict') {
    const { key, seen, at } = answer;
    const guard = call.guards.find((one) => one.key === key);
    if (key === undefined || guard === undefined || doubtful) return [];
    return [{ client, input: { key, write: call.id, expected: guard.modRevision }, calledAt, answer: { at, output: { conflict: { value: seen.id, modRevision: seen.modRevision } } } }];
  }
  return writesOn(call, answer?.kind === 'done' ? answer : undefined, truth, doubtful);
}

/** A commit as writes of each of its keys. One of which nobody was told, but that is seen to have happened, did so at some time after its call and at a known revision. */
function writesOn(call: Commit, answer: { readonly at: number; readonly revision: number } | undefined, truth: Truth, doubtful: boolean): KeyOperation[] {
  const happened = truth.revisionOf(call.id);
  return call.changes.flatMap(({ key, delete: gone }): KeyOperation[] => {
    const guard = call.guards.find((one) => one.key === key);
    const input = { key, write: gone ? undefined : call.id, ...(guard !== undefined && { expected: guard.modRevision }) };
    const base = { client: call.client, input, calledAt: call.calledAt };
    if (!gone && happened === undefined) return [];
    if (!gone) return [{ ...base, answer: { at: answer?.at ?? Number.MAX_VALUE, output: { revision: happened as number } } }];
    // A delete leaves no id: in risky times nobody knows whether it is among what was lost.
    return [{ ...base, ...(answer !== undefined && !doubtful && { answer: { at: answer.at, output: { revision: answer.revision } } }) }];
  });
}
