import type { Operation, SequentialModel } from './linearizability.js';

/** One key of a store: what it holds, and since which revision. 0: it does not exist. */
export interface KeyState {
  readonly value: string | undefined;
  readonly modRevision: number;
}

/** A call on one key. `expected` is the modRevision of the guard; absent: unguarded. */
export type KeyInput =
  | { readonly key: string; readonly read: true }
  | { readonly key: string; readonly write: string | undefined; readonly expected?: number };

/** What the store answered. */
export type KeyOutput =
  | { readonly found: KeyState }
  | { readonly revision: number }
  /** Refused; `found` is what the conflict told. */
  | { readonly conflict: KeyState };

/** One recorded call on one key of a store. */
export type KeyOperation = Operation<KeyInput, KeyOutput>;

const UNKNOWN_REVISION = -1;

/**
 * Each key of a store as a register with compare-and-set, for `checkLinearizable`. A write without an answer leaves a value at a revision that nobody knows yet: the first answer that shows it tells.
 */
export const keyModel: SequentialModel<KeyState, KeyInput, KeyOutput> = {
  initial: { value: undefined, modRevision: 0 },
  partition: ({ key }) => key,
  identify: ({ value, modRevision }) => `${modRevision} ${value ?? ''}`,
  step(state, input, output) {
    if ('read' in input) {
      if (output === undefined) return state;
      return 'found' in output ? agreed(state, output.found) : undefined;
    }
    const { write, expected } = input;
    if (output !== undefined && 'conflict' in output) {
      const now = agreed(state, output.conflict);
      return now !== undefined && expected !== undefined && now.modRevision !== expected ? now : undefined;
    }
    const guarded = expected === undefined || state.modRevision === expected || (state.modRevision === UNKNOWN_REVISION && expected > 0);
    if (!guarded) return undefined;
    if (write === undefined) return { value: undefined, modRevision: 0 };
    if (output === undefined) return { value: write, modRevision: UNKNOWN_REVISION };
    return 'revision' in output && output.revision > Math.max(state.modRevision, expected ?? 0) ? { value: write, modRevision: output.revision } : undefined;
  },
};

/** The state, if it can be what was found; with the revision now known. */
function agreed(state: KeyState, found: KeyState): KeyState | undefined {
  if (state.value !== found.value) return undefined;
  if (state.modRevision === UNKNOWN_REVISION) return found.modRevision > 0 ? found : undefined;
  return state.modRevision === found.modRevision ? state : undefined;
}

/** A write and when: for checks over all keys at once. */
export interface AcknowledgedWrite {
  readonly calledAt: number;
  readonly answeredAt: number;
  readonly revision: number;
}

/**
 * What the order of revisions must keep to, over all keys: no revision twice, and none smaller than one that was acknowledged before its call began. Answers each violation in words.
 */
export function checkRevisionOrder(writes: readonly AcknowledgedWrite[]): string[] {
  const violations: string[] = [];
  const byRevision = new Map<number, AcknowledgedWrite>();
  for (const write of writes) {
    if (byRevision.has(write.revision)) violations.push(`revision ${write.revision} was acknowledged twice`);
    byRevision.set(write.revision, write);
  }
  const answered = [...writes].sort((a, b) => a.answeredAt - b.answeredAt);
  const called = [...writes].sort((a, b) => a.calledAt - b.calledAt);
  let next = 0;
  let highest = 0;
  for (const { calledAt, revision } of called) {
    for (let write = answered[next]; write !== undefined && write.answeredAt < calledAt; write = answered[(next += 1)]) highest = Math.max(highest, write.revision);
    if (revision < highest) violations.push(`revision ${revision} was made by a call that began after revision ${highest} was acknowledged`);
  }
  return violations;
}
