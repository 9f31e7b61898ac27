import 'reflect-metadata';
import { Container } from 'inversify';
import { type AssembledPlugin, planAssembly } from './assemble.js';
import type { Clock, Random } from './clock.js';
import { type Contribution, Contributions, type PluginContributions } from './contributions.js';
import { OrreryError, errorMessage } from './errors.js';
import { HookSet } from './hooks.js';
import type { Logger } from './logger.js';
import type { Get, Plugin, PluginContext, Provider } from './plugin.js';
import type { PartLimits, Runnable } from './runnable.js';
import { Scope } from './scope.js';
import { type SeatToken, type Token, traitsOf } from './tokens.js';
import { within } from './within.js';

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
  /** Makes its taps heard from now on; returns what ends that. Nothing of a plugin is heard or seen before it is admitted. */
  readonly listen: () => () => void;
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
  readonly #listening = new Map<PluginInstance, () => void>();
  /** Tokens that are being resolved, outermost first: one that comes twice needs itself. */
  readonly #resolving: Token[] = [];

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
    const taps: (() => () => void)[] = [];
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
      tap: (hook, fn, stage) => (guard('tap'), void taps.push(() => this.hooks.tap(hook, name, fn, stage))),
      run: (part) => (guard('run'), void parts.push(part)),
    };
    const undo = async (error: unknown): Promise<never> => {
      const late = (): OrreryError => new OrreryError('PLUGIN_TIMEOUT', `Plugin "${name}" did not close within ${limits.stopTimeoutMs} ms.`, { plugin: name });
      const closing = within(scope.close(), clock, limits.stopTimeoutMs, late);
      await closing.catch((also: unknown) => log.error('undoing a failed setup failed too', { plugin: name, error: errorMessage(also) }));
      throw error;
    };
    try {
      const timeout = (): OrreryError => new OrreryError('PLUGIN_TIMEOUT', `Setup of plugin "${name}" did not finish within ${limits.setupTimeoutMs} ms.`, { plugin: name });
      const setup = (async () => plugin.definition.setup(context))();
      await within(setup, clock, limits.setupTimeoutMs, timeout);
    } catch (cause) {
      if (OrreryError.is(cause, 'PLUGIN_TIMEOUT')) return undo(cause);
      return undo(new OrreryError('PLUGIN_FAILED', `Setup of plugin "${name}" failed: ${errorMessage(cause)}.`, { plugin: name }, cause));
    } finally {
      open = false;
    }
    const listen = (): (() => void) => {
      const removals = taps.map((tap) => tap());
      return () => removals.forEach((remove) => remove());
    };
    return { assembled, scope, contributions: { plugin: name, items }, parts, listen };
  }

  /** Makes a plugin's contributions visible. */
  admit(instance: PluginInstance): void {
    this.#contributions.add(instance.contributions);
    this.#instances.set(instance.assembled.name, instance);
    this.#listening.set(instance, instance.listen());
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

  /** One synchronous step: the old plugin's contributions and taps go, the new one's come. */
  swap(old: PluginInstance, next: PluginInstance): void {
    this.#contributions.swap(old.contributions, next.contributions);
    this.#mute(old);
    this.#listening.set(next, next.listen());
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
      await this.closeInstance(instance).catch((error: unknown) => errors.push(error));
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `Stopping failed in ${errors.length} places.`);
  }

  /** Ends one plugin's taps and closes its scope within the stop limit; failures name the plugin. */
  async closeInstance(instance: PluginInstance): Promise<void> {
    const { name } = instance.assembled;
    const { clock, limits } = this.options;
    this.#mute(instance);
    const timeout = (): OrreryError => new OrreryError('PLUGIN_TIMEOUT', `Plugin "${name}" did not close within ${limits.stopTimeoutMs} ms.`, { plugin: name });
    try {
      await within(instance.scope.close(), clock, limits.stopTimeoutMs, timeout);
    } catch (cause) {
      if (OrreryError.is(cause, 'PLUGIN_TIMEOUT')) throw cause;
      throw new OrreryError('PLUGIN_FAILED', `Plugin "${name}" failed while closing: ${errorMessage(cause)}.`, { plugin: name }, cause);
    }
  }

  #mute(instance: PluginInstance): void {
    this.#listening.get(instance)?.();
    this.#listening.delete(instance);
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
      made = { value: this.#construct(item) };
      this.#made.set(item, made);
    }
    return made.value as T;
  }

  #construct({ token, provider }: Contribution): unknown {
    if (this.#resolving.includes(token) && traitsOf(token).shape === 'seat') {
      const path = [...this.#resolving.slice(this.#resolving.indexOf(token)), token].map((each) => traitsOf(each).name);
      throw new OrreryError('PLUGIN_CYCLE', `Seats need each other to be made: ${path.join(' → ')}.`, { path });
    }
    this.#resolving.push(token);
    try {
      return isClass(provider as Provider<unknown>) ? this.#injected(provider as new (...args: never[]) => unknown) : (provider as (get: Get) => unknown)(this.get);
    } finally {
      this.#resolving.pop();
    }
  }

  /** A new instance each time: the same class given by a plugin and by the one that replaces it must not be one object. */
  #injected(provider: new (...args: never[]) => unknown): unknown {
    const key = Symbol(provider.name);
    this.#container.bind(key).to(provider).inTransientScope();
    try {
      return this.#container.get(key);
    } finally {
      this.#container.unbind(key);
    }
  }
}

const isClass = (provider: Provider<unknown>): provider is new (...args: never[]) => unknown =>
  Object.getOwnPropertyDescriptor(provider, 'prototype')?.writable === false;
