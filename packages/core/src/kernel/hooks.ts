import { AsyncParallelHook, AsyncSeriesHook, AsyncSeriesWaterfallHook } from 'tapable';
import { OrreryError, errorMessage } from './errors.js';

/**
 * How the taps of a hook relate: `series`: one after the other, told; `parallel`: all at once, told;
 * `waterfall`: one after the other, each may return a changed first argument (undefined leaves it).
 */
export type HookShape = 'series' | 'parallel' | 'waterfall';

/** A documented moment that plugins may tap. Declared once, in the table of hooks; instances live in one orchestrator. */
export interface HookToken<Args extends readonly unknown[], Shape extends HookShape = HookShape> {
  readonly name: string;
  readonly shape: Shape;
  /** Names of the arguments, for tapable. */
  readonly args: { readonly [I in keyof Args]: string };
}

/** What a tap returns. */
export type TapResult<Args extends readonly unknown[], Shape extends HookShape> = Shape extends 'waterfall'
  ? Args[0] | undefined | void | Promise<Args[0] | undefined | void>
  : unknown;

/** A tap. */
export type Tap<Args extends readonly unknown[], Shape extends HookShape> = (...args: Args) => TapResult<Args, Shape>;

/** Declares a hook. */
export const defineHook = <Args extends readonly unknown[], Shape extends HookShape>(
  name: string,
  shape: Shape,
  args: { readonly [I in keyof Args]: string },
): HookToken<Args, Shape> => ({ name, shape, args });

/** The part of tapable's hooks that is used here; all three classes have it. */
interface EngineHook {
  tapPromise(options: { name: string; stage: number }, fn: (...args: unknown[]) => Promise<unknown>): void;
  promise(...args: unknown[]): Promise<unknown>;
}

const engines: Record<HookShape, new (args: string[]) => EngineHook> = {
  series: AsyncSeriesHook as unknown as new (args: string[]) => EngineHook,
  parallel: AsyncParallelHook as unknown as new (args: string[]) => EngineHook,
  waterfall: AsyncSeriesWaterfallHook as unknown as new (args: string[]) => EngineHook,
};

/** One tap as it was registered. */
interface Registered {
  readonly plugin: string;
  readonly stage: number;
  readonly fn: (...args: unknown[]) => unknown;
  live: boolean;
}

interface HookEntry {
  readonly name: string;
  readonly shape: HookShape;
  readonly args: readonly string[];
  taps: readonly Registered[];
  /** Made from the taps when first called; undefined when they changed since. */
  engine: EngineHook | undefined;
}

/** Behind the last argument of the hook, tapable carries the list in which a call collects its failures. */
const FAILURES = 'failures';

/**
 * The hooks of one orchestrator. The only importer of tapable, and the cure for its traps: every tap is awaited, a failure carries the plugin's and
 * the hook's name, of parallel taps that fail none is lost, and a tap can be removed (tapable cannot: its hook is made anew when the taps have changed,
 * and in calls that run meanwhile a removed tap does nothing).
 */
export class HookSet {
  readonly #hooks = new Map<string, HookEntry>();

  /** Adds a tap; returns its removal. Lower stages run first; default 0. */
  tap<Args extends readonly unknown[], Shape extends HookShape>(
    hook: HookToken<Args, Shape>,
    plugin: string,
    fn: Tap<NoInfer<Args>, NoInfer<Shape>>,
    stage = 0,
  ): () => void {
    let entry = this.#hooks.get(hook.name);
    if (entry === undefined) {
      entry = { name: hook.name, shape: hook.shape, args: hook.args as readonly string[], taps: [], engine: undefined };
      this.#hooks.set(hook.name, entry);
    }
    const owner = entry;
    const tap: Registered = { plugin, stage, fn: fn as unknown as Registered['fn'], live: true };
    owner.taps = [...owner.taps, tap];
    owner.engine = undefined;
    return () => {
      if (!tap.live) return;
      tap.live = false;
      owner.taps = owner.taps.filter((other) => other !== tap);
      owner.engine = undefined;
    };
  }

  /** True when somebody listens: guard the call of a hot hook with it. */
  used(hook: HookToken<never[] | readonly unknown[]>): boolean {
    return (this.#hooks.get(hook.name)?.taps.length ?? 0) > 0;
  }

  /**
   * Calls all taps. For a waterfall the result is the (possibly changed) first argument. Throws `HOOK_FAILED`: of taps in series the first failure ends
   * the call; parallel ones all end first, and if several failed it is an `AggregateError` of theirs.
   */
  async call<Args extends readonly unknown[], Shape extends HookShape>(
    hook: HookToken<Args, Shape>,
    ...args: Args
  ): Promise<Shape extends 'waterfall' ? Args[0] : void> {
    type Result = Shape extends 'waterfall' ? Args[0] : void;
    const entry = this.#hooks.get(hook.name);
    if (entry === undefined || entry.taps.length === 0) return (hook.shape === 'waterfall' ? args[0] : undefined) as Result;
    entry.engine ??= engineOf(entry);
    const failures: unknown[] = [];
    const result = await entry.engine.promise(...args, failures);
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.map(errorMessage).join(' | '));
    return (hook.shape === 'waterfall' ? result : undefined) as Result;
  }
}

function engineOf(entry: HookEntry): EngineHook {
  const engine = new engines[entry.shape]([...entry.args, FAILURES]);
  for (const tap of entry.taps) {
    engine.tapPromise({ name: tap.plugin, stage: tap.stage }, async (...given) => {
      if (!tap.live) return undefined;
      const failures = given.at(-1) as unknown[];
      try {
        return await tap.fn(...given.slice(0, -1));
      } catch (cause) {
        const failure = OrreryError.is(cause, 'HOOK_FAILED') ? cause : failureOf(tap.plugin, entry.name, cause);
        if (entry.shape !== 'parallel') throw failure;
        failures.push(failure);
        return undefined;
      }
    });
  }
  return engine;
}

const failureOf = (plugin: string, hook: string, cause: unknown): OrreryError =>
  new OrreryError('HOOK_FAILED', `Plugin "${plugin}" failed in hook "${hook}": ${errorMessage(cause)}.`, { plugin, hook }, cause);
