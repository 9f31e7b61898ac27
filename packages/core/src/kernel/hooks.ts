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

/**
 * The hooks of one orchestrator. The only importer of tapable, and the cure for its traps: every tap is awaited, a failure
 * carries the plugin's and the hook's name, and a tap can be removed (tapable cannot: a removed tap becomes a true no-op).
 */
export class HookSet {
  readonly #hooks = new Map<string, { readonly engine: EngineHook; live: number }>();

  /** Adds a tap; returns its removal. Lower stages run first; default 0. */
  tap<Args extends readonly unknown[], Shape extends HookShape>(
    hook: HookToken<Args, Shape>,
    plugin: string,
    fn: Tap<Args, Shape>,
    stage = 0,
  ): () => void {
    let entry = this.#hooks.get(hook.name);
    if (entry === undefined) {
      entry = { engine: new engines[hook.shape]([...(hook.args as readonly string[])]), live: 0 };
      this.#hooks.set(hook.name, entry);
    }
    const owner = entry;
    let live = true;
    owner.live += 1;
    owner.engine.tapPromise({ name: plugin, stage }, async (...args) => {
      if (!live) return undefined;
      try {
        return await (fn as unknown as (...args: unknown[]) => unknown)(...args);
      } catch (cause) {
        if (OrreryError.is(cause, 'HOOK_FAILED')) throw cause;
        throw new OrreryError('HOOK_FAILED', `Plugin "${plugin}" failed in hook "${hook.name}": ${errorMessage(cause)}.`, { plugin, hook: hook.name }, cause);
      }
    });
    return () => {
      if (live) owner.live -= 1;
      live = false;
    };
  }

  /** True when somebody listens: guard the call of a hot hook with it. */
  used(hook: HookToken<never[] | readonly unknown[]>): boolean {
    return (this.#hooks.get(hook.name)?.live ?? 0) > 0;
  }

  /** Calls all taps. For a waterfall the result is the (possibly changed) first argument. */
  async call<Args extends readonly unknown[], Shape extends HookShape>(
    hook: HookToken<Args, Shape>,
    ...args: Args
  ): Promise<Shape extends 'waterfall' ? Args[0] : void> {
    type Result = Shape extends 'waterfall' ? Args[0] : void;
    const entry = this.#hooks.get(hook.name);
    if (entry === undefined || entry.live === 0) return (hook.shape === 'waterfall' ? args[0] : undefined) as Result;
    const result = await entry.engine.promise(...args);
    return (hook.shape === 'waterfall' ? result : undefined) as Result;
  }
}
