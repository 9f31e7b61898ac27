/** One call of one client, as it was recorded. Times are of one clock, in any unit. */
export interface Operation<Input, Output> {
  readonly client: number | string;
  readonly input: Input;
  readonly calledAt: number;
  /** When the answer came; absent when none did, and so nobody knows whether it happened. */
  readonly answer?: { readonly at: number; readonly output: Output };
}

/** What a thing does when its calls come one after another. */
export interface SequentialModel<State, Input, Output> {
  readonly initial: State;
  /**
   * The state after a call; undefined when the call cannot have given this output in this state. `output` is absent for a call without an answer: then the state after it if it did
   * happen here. Pure.
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** A text that is equal for equal states, and only for those. */
  identify(state: State): string;
  /** Calls that have nothing to do with each other are checked apart: linearizability is local. Default: all together. */
  partition?(input: Input): string;
}

/** What came of a check. */
export type Linearizability =
  | { readonly verdict: 'linearizable' }
  /** No order of the calls explains all answers. `stuck` are the answered calls of one part that no order got past. */
  | { readonly verdict: 'violated'; readonly part: string; readonly stuck: readonly Operation<unknown, unknown>[] }
  /** The limit of steps was reached before either was shown. */
  | { readonly verdict: 'undecided'; readonly part: string };

/** Calls looked at in one part at most, unless told otherwise. */
const MAX_STEPS = 5_000_000;

/**
 * Whether a recorded history can be explained by calls that take effect one after another, each at one moment between its call and its answer (Herlihy and Wing 1990). The search is that of
 * Wing and Gong with Lowe's memory of states seen (the algorithm of the checkers Knossos and Porcupine), one part at a time. A call without an answer may have happened at any later time, or never.
 */
export function checkLinearizable<State, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  { maxSteps = MAX_STEPS }: { readonly maxSteps?: number } = {},
): Linearizability {
  const parts = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    const part = model.partition?.(operation.input) ?? '';
    const known = parts.get(part);
    if (known === undefined) parts.set(part, [operation]);
    else known.push(operation);
  }
  let undecided: string | undefined;
  for (const [part, operations] of parts) {
    const outcome = search(operations, model, maxSteps);
    if (outcome === 'undecided') undecided ??= part;
    else if (outcome !== 'linearizable') return { verdict: 'violated', part, stuck: outcome };
  }
  return undecided === undefined ? { verdict: 'linearizable' } : { verdict: 'undecided', part: undecided };
}

/** A call or an answer, in the order in which they happened; a list from which calls are taken out while they are tried. */
interface Entry {
  readonly operation: number;
  readonly isAnswer: boolean;
  previous: Entry | undefined;
  next: Entry | undefined;
  /** Of a call: its answer, if one came. */
  answer: Entry | undefined;
}

function search<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  maxSteps: number,
): 'linearizable' | 'undecided' | readonly Operation<Input, Output>[] {
  const head = entriesOf(operations);
  const seen = new Map<string, Set<string>>();
  const done = new Uint32Array((operations.length >> 5) + 1);
  const path: { readonly entry: Entry; readonly state: State }[] = [];
  let state = model.initial;
  let entry = head.next;
  let deepest = -1;
  let unexplained = operations.filter(({ answer }) => answer !== undefined).length;
  let stuck: readonly Operation<Input, Output>[] = [];
  for (let steps = 0; ; steps += 1) {
    if (steps > maxSteps) return 'undecided';
    // Only calls without an answer are left: they may never happen.
    if (unexplained === 0) return 'linearizable';
    if (entry !== undefined && !entry.isAnswer) {
      const { input, answer } = operations[entry.operation] as Operation<Input, Output>;
      const after = model.step(state, input, answer?.output);
      if (after !== undefined && isNew(seen, done, entry.operation, model.identify(after))) {
        path.push({ entry, state });
        mark(done, entry.operation, true);
        state = after;
        takeOut(entry);
        if (answer !== undefined) unexplained -= 1;
        entry = head.next;
      } else {
        entry = entry.next;
      }
      continue;
    }
    // The call of this answer must have taken effect by now, and did in no way that was tried: the last step is taken back.
    if (path.length > deepest) {
      deepest = path.length;
      stuck = openCalls(head, operations);
    }
    const last = path.pop();
    if (last === undefined) return stuck;
    state = last.state;
    mark(done, last.entry.operation, false);
    putBack(last.entry);
    if (last.entry.answer !== undefined) unexplained += 1;
    entry = last.entry.next;
  }
}

/** Answers before calls at the same moment would order calls that may have overlapped: calls come first. */
function entriesOf(operations: readonly Operation<unknown, unknown>[]): Entry {
  const events = operations.flatMap(({ calledAt, answer }, operation) => [
    { at: calledAt, operation, isAnswer: false },
    ...(answer === undefined ? [] : [{ at: answer.at, operation, isAnswer: true }]),
  ]);
  events.sort((a, b) => a.at - b.at || Number(a.isAnswer) - Number(b.isAnswer));
  const head: Entry = { operation: -1, isAnswer: false, previous: undefined, next: undefined, answer: undefined };
  const calls = new Map<number, Entry>();
  let last = head;
  for (const { operation, isAnswer } of events) {
    const entry: Entry = { operation, isAnswer, previous: last, next: undefined, answer: undefined };
    last.next = entry;
    last = entry;
    const call = calls.get(operation);
    if (call === undefined) calls.set(operation, entry);
    else call.answer = entry;
  }
  return head;
}

function openCalls<Input, Output>(head: Entry, operations: readonly Operation<Input, Output>[]): readonly Operation<Input, Output>[] {
  const open: Operation<Input, Output>[] = [];
  for (let entry = head.next; entry !== undefined && !entry.isAnswer; entry = entry.next) if (entry.answer !== undefined) open.push(operations[entry.operation] as Operation<Input, Output>);
  return open;
}

function takeOut(entry: Entry): void {
  for (const one of [entry, entry.answer]) {
    if (one === undefined) continue;
    if (one.previous !== undefined) one.previous.next = one.next;
    if (one.next !== undefined) one.next.previous = one.previous;
  }
}

function putBack(entry: Entry): void {
  for (const one of [entry.answer, entry]) {
    if (one === undefined) continue;
    if (one.previous !== undefined) one.previous.next = one;
    if (one.next !== undefined) one.next.previous = one;
  }
}

const mark = (done: Uint32Array, operation: number, on: boolean): void => {
  const word = done[operation >> 5] ?? 0;
  done[operation >> 5] = on ? word | (1 << (operation & 31)) : word & ~(1 << (operation & 31));
};

/** Whether this state was never reached with just these calls done. */
function isNew(seen: Map<string, Set<string>>, done: Uint32Array, operation: number, state: string): boolean {
  mark(done, operation, true);
  const calls = done.join();
  mark(done, operation, false);
  const states = seen.get(calls);
  if (states === undefined) {
    seen.set(calls, new Set([state]));
    return true;
  }
  if (states.has(state)) return false;
  states.add(state);
  return true;
}
