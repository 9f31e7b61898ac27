import 'reflect-metadata';
import { Container } from 'inversify';
import { type AssembledPlugin, planAssembly } from './assemble.js';
import type { Clock, Random } from './clock.js';
import { type Contribution, Contributions, type PluginContributions } from './contributions.js';
import { OrreryError, errorMessage } from './errors.js';
import { HookSet } from './hooks.js';
import type { Logger } from './logger.js';
import type { Get, Plugin, PluginContext, Provider } from './plugin.js';
import { type PartLimits, type Runnable, within } from './runnable.js';
import { Scope } from './scope.js';
import { type SeatToken, type Token, traitsOf } from './tokens.js';

/** What the kernel is given by whoever composes it. */
export interface BootOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: PartLimits & { readonly setupTimeoutMs: number };
  /** Seats the composition root fills itself (client, informers …). Made when first asked for. */
  readonly own: readonly { readonly token: SeatToken<unknown>; readonly make: (get: Get) => unknown }[];
}

/** A plugin after its setup. */
export interface PluginInstance {
  readonly assembled: AssembledPlugin;
  readonly scope: Scope;
  readonly contributions: PluginContributions;
  readonly parts: readonly ((get: Get) => Runnable)[];
  readonly untap: readonly (() => void)[];
}

/**
 * Plugins, wired. The only importer of inversify, which is used for wiring alone: one container, no life cycle in it (scopes own that), no child containers.
 */
export class Kernel {
  readonly hooks = new HookSet();
  readonly #contributions = new Contributions();
  readonly #container = new Container({ defaultScope: 'Singleton' });
  readonly #made = new WeakMap<Contribution, { readonly value: unknown }>();
  readonly #views = new Map<Token, unknown>();
  readonly #instances = new Map<string, PluginInstance>();

  private constructor(readonly options: BootOptions) {
    for (const { token, make } of options.own) this.#bind(token, () => make(this.get));
  }

  /**
   * Sets up all plugins in order. When one fails, the ones before it are undone, and the error names the plugin:
   * `PLUGIN_FAILED`, `PLUGIN_TIMEOUT`, `SEAT_TAKEN`, `SEAT_EMPTY`, or what {@link planAssembly} throws.
   */
  static async boot(plugins: readonly Plugin[], options: BootOptions): Promise<Kernel> {
    const plan = planAssembly(plugins);
    const kernel = new Kernel(options);
    try {
      for (const assembled of plan) {
        const instance = await kernel.setUp(assembled);
        kernel.#instances.set(assembled.name, instance);
        kernel.admit(instance);
      }
      for (const assembled of plan) kernel.checkNeeds(assembled);
    } catch (error) {
      await kernel.close().catch((also: unknown) => options.log.error('undoing a failed start failed too', { error: errorMessage(also) }));
      throw error;
    }
    return kernel;
  }

  /** Resolves a token. Throws `SEAT_EMPTY`. */
  readonly get: Get = ((token: Token): unknown => {
    const { shape } = traitsOf(token);
    if (shape === 'seat') return this.#seat(token);
    let view = this.#views.get(token);
    if (view === undefined) {
      view = shape === 'list' ? this.#contributions.list(token) : this.#contributions.named(token, (item) => this.#instance(item));
      this.#views.set(token, view);
    }
    return view;
  }) as Get;

  /** Whether something takes the seat. */
  has(token: Token): boolean {
    return this.#contributions.of(token).length > 0 || this.options.own.some((own) => own.token === token);
  }

  /** Instances in the order of set-up. */
  instances(): readonly PluginInstance[] {
    return [...this.#instances.values()];
  }

  /** Runs one plugin's setup without letting anybody see its contributions yet. */
  async setUp(assembled: AssembledPlugin): Promise<PluginInstance> {
    const { name, plugin } = assembled;
    const { clock, random, log, limits } = this.options;
    const scope = new Scope(name);
    const items: Contribution[] = [];
    const parts: ((get: Get) => Runnable)[] = [];
    const untap: (() => void)[] = [];
    let open = true;
    const guard = (what: string): void => {
      if (!open) throw new OrreryError('CLOSED', `Plugin "${name}" called ${what} after its setup had ended.`, { plugin: name });
    };
    const context: PluginContext = {
      options: assembled.options,
      scope,
      clock,
      random,
      log: log.child({ plugin: name }),
      get: this.get,
      provide: (token, provider) => (guard('provide'), void items.push({ token, provider: provider as Provider<unknown> })),
      provideNamed: (token, seatName, provider) => (guard('provideNamed'), void items.push({ token, name: seatName, provider: provider as Provider<unknown> })),
      add: (token, item) => (guard('add'), void items.push({ token, value: item })),
      tap: (hook, fn, stage) => (guard('tap'), void untap.push(this.hooks.tap(hook, name, fn, stage))),
      run: (part) => (guard('run'), void parts.push(part)),
    };
    const undo = async (error: unknown): Promise<never> => {
      for (const remove of untap) remove();
      await scope.close().catch((also: unknown) => log.error('undoing a failed setup failed too', { plugin: name, error: errorMessage(also) }));
      throw error;
    };
    try {
      const timeout = (): OrreryError => new OrreryError('PLUGIN_TIMEOUT', `Setup of plugin "${name}" did not finish within ${limits.setupTimeoutMs} ms.`, { plugin: name });
      await within((async () => plugin.definition.setup(context))(), clock, limits.setupTimeoutMs, timeout);
    } catch (cause) {
      if (OrreryError.is(cause, 'PLUGIN_TIMEOUT')) return undo(cause);
      return undo(new OrreryError('PLUGIN_FAILED', `Setup of plugin "${name}" failed: ${errorMessage(cause)}.`, { plugin: name }, cause));
    } finally {
      open = false;
    }
    return { assembled, scope, contributions: { plugin: name, items }, parts, untap };
  }

  /** Makes a plugin's contributions visible. */
  admit(instance: PluginInstance): void {
    this.#contributions.add(instance.contributions);
    this.#instances.set(instance.assembled.name, instance);
    for (const item of instance.contributions.items) {
      if (traitsOf(item.token).shape === 'seat') this.#bind(item.token, () => this.#instance(item));
    }
  }

  /** Throws `SEAT_EMPTY` when a seat the plugin requires is not taken. */
  checkNeeds(assembled: AssembledPlugin): void {
    for (const token of assembled.needs) {
      if (!this.has(token)) {
        const { name } = traitsOf(token);
        throw new OrreryError('SEAT_EMPTY', `Plugin "${assembled.name}" needs the seat "${name}", which no plugin takes.`, { seat: name, plugin: assembled.name });
      }
    }
  }

  /** Throws `SEAT_FIXED` when the plugin holds or wants something that cannot be exchanged while running. */
  checkReplaceable(instance: PluginInstance): void {
    for (const { token } of instance.contributions.items) {
      const traits = traitsOf(token);
      if (!traits.replaceable) {
        throw new OrreryError('SEAT_FIXED', `Plugin "${instance.assembled.name}" takes the seat "${traits.name}".`, { plugin: instance.assembled.name, seat: traits.name });
      }
    }
  }

  /** One synchronous step: the old plugin's contributions go, the new one's come. Taps go when the instance is closed. */
  swap(old: PluginInstance, next: PluginInstance): void {
    this.#contributions.swap(old.contributions, next.contributions);
    const entries = [...this.#instances].map(([name, instance]): [string, PluginInstance] => (instance === old ? [next.assembled.name, next] : [name, instance]));
    this.#instances.clear();
    for (const [name, instance] of entries) this.#instances.set(name, instance);
  }

  /** Throws `SEAT_TAKEN` when `next` does not fit beside the others once `leaving` is gone. */
  checkFits(next: PluginInstance, leaving: string): void {
    this.#contributions.check(next.contributions, leaving);
  }

  /** Closes all plugins' scopes, last first. Rejects with everything that failed, after all were tried. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (const instance of [...this.instances()].reverse()) {
      await closeInstance(instance, this.options).catch((error: unknown) => errors.push(error));
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `Stopping failed in ${errors.length} places.`);
  }

  #seat(token: Token): unknown {
    if (!this.#container.isBound(token)) {
      const { name } = traitsOf(token);
      throw new OrreryError('SEAT_EMPTY', `Seat "${name}" is asked for, but no plugin takes it.`, { seat: name });
    }
    return this.#container.get(token);
  }

  #bind(token: Token, make: () => unknown): void {
    this.#container.bind(token).toDynamicValue(make).inSingletonScope();
  }

  #instance<T>(item: Contribution): T {
    let made = this.#made.get(item);
    if (made === undefined) {
      made = { value: this.#construct(item.provider as Provider<unknown>) };
      this.#made.set(item, made);
    }
    return made.value as T;
  }

  #construct(provider: Provider<unknown>): unknown {
    if (!isClass(provider)) return (provider as (get: Get) => unknown)(this.get);
    if (!this.#container.isBound(provider)) this.#container.bind(provider).toSelf().inSingletonScope();
    return this.#container.get(provider);
  }
}

/** Removes one plugin's taps and closes its scope within the stop limit; failures name the plugin. */
export async function closeInstance(instance: PluginInstance, options: BootOptions): Promise<void> {
  const { name } = instance.assembled;
  for (const remove of instance.untap) remove();
  const timeout = (): OrreryError =>
    new OrreryError('PLUGIN_TIMEOUT', `Plugin "${name}" did not close within ${options.limits.stopTimeoutMs} ms.`, { plugin: name });
  try {
    await within(instance.scope.close(), options.clock, options.limits.stopTimeoutMs, timeout);
  } catch (cause) {
    if (OrreryError.is(cause, 'PLUGIN_TIMEOUT')) throw cause;
    throw new OrreryError('PLUGIN_FAILED', `Plugin "${name}" failed while closing: ${errorMessage(cause)}.`, { plugin: name }, cause);
  }
}

const isClass = (provider: Provider<unknown>): provider is new (...args: never[]) => unknown =>
  Object.getOwnPropertyDescriptor(provider, 'prototype')?.writable === false;
