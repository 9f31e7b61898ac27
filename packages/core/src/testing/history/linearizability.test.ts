import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLinearizable, type Operation, type SequentialModel } from './linearizability.js';

type Input = { readonly write: number } | 'read';

/** A register that holds one number. */
const register: SequentialModel<number, Input, number | 'ok'> = {
  initial: 0,
  identify: String,
  step: (state, input, output) => {
    if (input === 'read') return output === undefined || output === state ? state : undefined;
    return input.write;
  },
};

let client = 0;
const write = (value: number, calledAt: number, at?: number): Operation<Input, number | 'ok'> => ({ client: (client += 1), input: { write: value }, calledAt, ...(at !== undefined && { answer: { at, output: 'ok' } }) });
const read = (output: number, calledAt: number, at: number): Operation<Input, number | 'ok'> => ({ client: (client += 1), input: 'read', calledAt, answer: { at, output } });

const verdict = (...history: Operation<Input, number | 'ok'>[]): string => checkLinearizable(history, register).verdict;

describe('a history of a register', () => {
  it('without overlap is judged as it stands', () => {
    expect(verdict(write(1, 0, 1), read(1, 2, 3))).toBe('linearizable');
    expect(verdict(write(1, 0, 1), read(0, 2, 3))).toBe('violated');
    expect(verdict()).toBe('linearizable');
  });

  it('may show the old or the new value while a write is under way, but not the old one after the new', () => {
    expect(verdict(write(1, 0, 10), read(0, 1, 2), read(1, 3, 4))).toBe('linearizable');
    expect(verdict(write(1, 0, 10), read(1, 1, 2), read(0, 3, 4))).toBe('violated');
  });

  it('may show a write without an answer at any later time, or never, but not take it back', () => {
    expect(verdict(write(1, 0), read(0, 100, 101), read(1, 200, 201))).toBe('linearizable');
    expect(verdict(write(1, 0), read(0, 100, 101))).toBe('linearizable');
    expect(verdict(write(1, 0), read(1, 100, 101), read(0, 200, 201))).toBe('violated');
    expect(verdict(write(1, 50), read(1, 0, 10))).toBe('violated');
  });

  it('two readers must agree on the order of two writes', () => {
    const writes = [write(1, 0, 20), write(2, 0, 20)];
    expect(verdict(...writes, read(1, 1, 2), read(2, 3, 4), read(2, 5, 6))).toBe('linearizable');
    expect(verdict(...writes, read(1, 1, 2), read(2, 3, 4), read(1, 5, 6))).toBe('violated');
  });

  it('calls that touch at one moment may be in either order', () => {
    expect(verdict(write(1, 0, 5), read(0, 5, 6))).toBe('linearizable');
  });

  it('names the part and the calls that nothing explains', () => {
    const model = { ...register, partition: (input: Input) => (input === 'read' || input.write < 10 ? 'low' : 'high') };
    const bad = read(7, 2, 3);
    expect(checkLinearizable([write(10, 0, 1), write(1, 0, 1), bad], model)).toEqual({ verdict: 'violated', part: 'low', stuck: [bad] });
  });

  it('says when it gave up', () => {
    const many = Array.from({ length: 12 }, (_, i) => write(i + 1, 0, 100));
    expect(checkLinearizable([...many, read(99, 101, 102)], register, { maxSteps: 50 }).verdict).toBe('undecided');
  });

  it('is found linearizable whenever it was made so, and never when a read is then falsified', () => {
    const calls = fc.array(fc.record({ isRead: fc.boolean(), before: fc.integer({ min: 0, max: 6 }), after: fc.integer({ min: 0, max: 6 }), lost: fc.integer({ min: 0, max: 9 }) }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(calls, fc.nat(), (made, pick) => {
        let state = 0;
        // Each call takes effect at its own moment, 2 * i, somewhere between its call and its answer.
        const history = made.map(({ isRead, before, after, lost }, i): Operation<Input, number | 'ok'> => {
          const moment = 2 * i;
          if (!isRead) state = i + 1;
          const input: Input = isRead ? 'read' : { write: i + 1 };
          const output = isRead ? state : 'ok';
          return { client: i, input, calledAt: moment - before, ...(!(lost === 0 && !isRead) && { answer: { at: moment + after, output } }) };
        });
        expect(checkLinearizable(history, register).verdict).toBe('linearizable');
        const reads = history.filter(({ input }) => input === 'read');
        if (reads.length === 0) return;
        const victim = reads[pick % reads.length];
        const falsified = history.map((one) => (one === victim && one.answer !== undefined ? { ...one, answer: { ...one.answer, output: 1_000 } } : one));
        expect(checkLinearizable(falsified, register).verdict).toBe('violated');
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with trying every order, on small histories', () => {
    const call = fc.record({ input: fc.oneof(fc.constant<Input>('read'), fc.integer({ min: 1, max: 2 }).map((value): Input => ({ write: value }))), calledAt: fc.integer({ min: 0, max: 8 }), length: fc.integer({ min: 1, max: 6 }), output: fc.integer({ min: 0, max: 2 }) });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 6 }), (calls) => {
        const history = calls.map(({ input, calledAt, length, output }, i): Operation<Input, number | 'ok'> => ({ client: i, input, calledAt, answer: { at: calledAt + length, output: input === 'read' ? output : 'ok' } }));
        expect(checkLinearizable(history, register).verdict === 'linearizable').toBe(anyOrder(history, 0));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** Tries every order in which no call comes behind one that began after its answer. */
function anyOrder(left: readonly Operation<Input, number | 'ok'>[], state: number): boolean {
  if (left.length === 0) return true;
  const firstAnswer = Math.min(...left.map(({ answer }) => answer?.at ?? Infinity));
  return left.some((one) => {
    if (one.calledAt > firstAnswer) return false;
    const after = register.step(state, one.input, one.answer?.output);
    return after !== undefined && anyOrder(left.filter((other) => other !== one), after);
  });
}
