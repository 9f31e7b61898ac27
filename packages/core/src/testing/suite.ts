import { errorMessage, OrreryError } from '../kernel/errors.js';
import type { ErrorCode } from '../kernel/errors.js';
import { systemClock } from '../kernel/platform.js';

// The neutral heart of all conformance suites: cases are data, and any test runner with `describe` and `it` runs them.

/** One promise of a contract. */
export interface SuiteCase<Context> {
  /** Unique in its suite; mutants refer to it. */
  readonly name: string;
  /** False: this implementation does not claim the capability, and the case is skipped. */
  needs?(context: Context): boolean;
  /** Resolves when the promise holds; throws with words that say what was expected. */
  run(context: Context): Promise<void>;
}

/** What every suite's context has. */
export interface SuiteContext {
  /** Removes everything that the case made. Called once, also after a failure. */
  cleanup(): Promise<void>;
}

/** The two functions of a test runner: those of vitest, of `node:test`, of mocha. */
export interface SuiteApi {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: (test?: unknown) => Promise<void>): unknown;
}

/** Runs every case on a fresh context. A case that is not claimed is reported as skipped where the runner can say so. */
export function runSuite<Context extends SuiteContext>(api: SuiteApi, name: string, cases: readonly SuiteCase<Context>[], create: () => Promise<Context>): void {
  api.describe(name, () => {
    for (const one of cases) {
      api.it(one.name, async (test) => {
        if (!(await runCase(one, create))) skip(test, `${name} does not claim this`);
      });
    }
  });
}

/** Runs one case on a fresh context. False when it is not claimed. Throws what the case, or else the cleanup, throws. */
export async function runCase<Context extends SuiteContext>(one: SuiteCase<Context>, create: () => Promise<Context>): Promise<boolean> {
  const context = await create();
  let failure: { readonly error: unknown } | undefined;
  let claimed = false;
  try {
    claimed = one.needs?.(context) ?? true;
    if (claimed) await one.run(context);
  } catch (error) {
    failure = { error };
  }
  try {
    await context.cleanup();
  } catch (error) {
    failure = failure === undefined ? { error } : { error: new AggregateError([failure.error, error], errorMessage(failure.error)) };
  }
  if (failure !== undefined) throw failure.error;
  return claimed;
}

function skip(test: unknown, note: string): void {
  const context = test as { skip?: (note: string) => void } | undefined;
  context?.skip?.(note);
}

/** A promise of a contract does not hold. */
export class ConformanceFailure extends Error {
  override readonly name = 'ConformanceFailure';
}

/** Checks that speak clearly. `what` says in words what was expected. */
export const check = {
  /** Throws unless the condition holds. */
  that(condition: boolean, what: string): void {
    if (!condition) throw new ConformanceFailure(what);
  },

  /** Throws unless both are equal in depth (as JSON tells values apart; the order of keys does not count). */
  equal(actual: unknown, expected: unknown, what: string): void {
    const [left, right] = [canonical(actual), canonical(expected)];
    if (left !== right) throw new ConformanceFailure(`${what}\n  expected: ${right}\n  actual:   ${left}`);
  },

  /** Throws unless the value is there; gives it. */
  present<T>(value: T | undefined, what: string): T {
    if (value === undefined) throw new ConformanceFailure(what);
    return value;
  },

  /** Throws unless the promise rejects with an `OrreryError` of one of the codes. */
  async rejects(codes: ErrorCode | readonly ErrorCode[], promise: Promise<unknown>, what: string): Promise<void> {
    const wanted = typeof codes === 'string' ? [codes] : codes;
    let value: unknown;
    try {
      value = await promise;
    } catch (error) {
      if (OrreryError.is(error) && wanted.includes(error.code)) return;
      throw new ConformanceFailure(`${what}: expected ${wanted.join(' or ')}, it failed with ${errorMessage(error)}`);
    }
    throw new ConformanceFailure(`${what}: expected ${wanted.join(' or ')}, it resolved with ${canonical(value)}`);
  },

  /** Waits until the probe gives something but `undefined` or false, and gives that. Throws after `limitMs`. */
  async eventually<T>(what: string, probe: () => Promise<T | undefined | false> | T | undefined | false, limitMs = 10_000): Promise<T> {
    const { signal } = new AbortController();
    const deadline = systemClock.monotonic() + limitMs;
    for (;;) {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      if (systemClock.monotonic() > deadline) throw new ConformanceFailure(`Not within ${limitMs} ms: ${what}`);
      await systemClock.sleep(5, signal);
    }
  },

  /** The promise's value, if it comes within `limitMs`; else throws. For what must not hang. */
  async within<T>(what: string, promise: Promise<T>, limitMs = 10_000): Promise<T> {
    const abort = new AbortController();
    const late = systemClock.sleep(limitMs, abort.signal).then(() => {
      throw new ConformanceFailure(`Not within ${limitMs} ms: ${what}`);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      late.catch(() => undefined /* aborted: it was in time */);
      abort.abort();
    }
  },
} as const;

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  ) ?? 'undefined';
}
