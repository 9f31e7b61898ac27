import type { z } from 'zod';
import type { Clock, Random } from './clock.js';
import { OrreryError } from './errors.js';
import type { HookShape, HookToken, Tap } from './hooks.js';
import type { Logger } from './logger.js';
import type { Runnable } from './runnable.js';
import type { Scope } from './scope.js';
import type { ListToken, LiveList, LiveNamed, NamedSeatToken, SeatToken, Token } from './tokens.js';

/** Resolves what a token stands for. Throws `SEAT_EMPTY` naming the seat and who asked. */
export interface Get {
  <T>(token: ListToken<T>): LiveList<T>;
  <T>(token: NamedSeatToken<T>): LiveNamed<T>;
  <T>(token: SeatToken<T>): T;
}

/** A class whose constructor arguments the container fills in (inversify's `@injectable()` and `@inject(Token)`). */
export type Injectable<T> = abstract new (...args: never[]) => T;

/** How a seat is filled: a function that makes it when first asked for, or an injectable class. */
export type Provider<T> = ((get: Get) => T) | (new (...args: never[]) => T);

/** What `setup` may do. Everything it registers is undone, in reverse, when the plugin goes. */
export interface PluginContext<Options = unknown> {
  /** The parsed options. */
  readonly options: Options;
  /** Closed when the plugin goes: `scope.defer(undo)` in the same line that starts a thing. */
  readonly scope: Scope;
  readonly clock: Clock;
  readonly random: Random;
  /** Says which plugin speaks. */
  readonly log: Logger;
  /** Takes a seat. Made once, when first needed. */
  provide<T>(token: SeatToken<T>, provider: Provider<T>): void;
  /** Takes a named seat; the first plugin's is the default. */
  provideNamed<T>(token: NamedSeatToken<T>, name: string, provider: Provider<T>): void;
  /** Adds to a list. */
  add<T>(token: ListToken<T>, item: T): void;
  /** Taps a hook. Lower stages first; default 0. */
  tap<Args extends readonly unknown[], Shape extends HookShape>(hook: HookToken<Args, Shape>, fn: Tap<NoInfer<Args>, NoInfer<Shape>>, stage?: number): void;
  /** Runs a part while the orchestrator runs, started in the order of its phase. The function is called when seats can be resolved. */
  run(part: (get: Get) => Runnable): void;
  /** Resolves tokens; only from providers, parts and hooks, after every plugin's setup. */
  readonly get: Get;
}

/** A plugin: data plus one function. */
export interface PluginDefinition<Schema extends z.ZodType> {
  /** Unique in one orchestrator; by convention the package's short name. */
  readonly name: string;
  readonly version?: string;
  /** Range of core versions: `^1.2` (same major, at least this; below 1.0 same minor) or an exact version. Default: any. */
  readonly core?: string;
  /** Names of plugins that must be set up before, or seats that somebody must take. */
  readonly requires?: readonly (string | Token)[];
  /** Options as zod schema. Without one the plugin takes none. */
  readonly options?: Schema;
  /** Plugins this one is a preset over. The same plugin included twice is set up once; listing it explicitly wins. */
  includes?(options: z.output<Schema>): readonly Plugin[];
  /** Registers everything. Must not start anything that its scope does not undo. */
  setup(context: PluginContext<z.output<Schema>>): void | Promise<void>;
}

/** A plugin with its options as given, ready for the list. Importing or making one has no effect. */
export interface Plugin {
  readonly definition: PluginDefinition<z.ZodType>;
  readonly given: unknown;
}

type GivenOptions<Schema extends z.ZodType> = undefined extends z.input<Schema>
  ? [options?: z.input<Schema>]
  : Record<string, never> extends z.input<Schema>
    ? [options?: z.input<Schema>]
    : [options: z.input<Schema>];

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

/**
 * Makes the function that users call in their list of plugins: `export const redisStore = definePlugin({ … })`, then `redisStore({ url })`.
 * Options are parsed when an orchestrator is assembled, not before. Throws `PLUGIN_INVALID` for a malformed name.
 */
export function definePlugin<Schema extends z.ZodType = z.ZodType<Record<string, never> | undefined>>(
  definition: PluginDefinition<Schema>,
): (...options: GivenOptions<Schema>) => Plugin {
  if (!NAME.test(definition.name)) {
    throw new OrreryError('PLUGIN_INVALID', `Plugin name ${JSON.stringify(definition.name)} must be lower-case letters, digits, "-" and ".", at most 63.`);
  }
  return (...options) => ({ definition: definition as unknown as PluginDefinition<z.ZodType>, given: options[0] });
}
