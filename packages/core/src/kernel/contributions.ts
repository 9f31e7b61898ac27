import { OrreryError } from './errors.js';
import type { Provider } from './plugin.js';
import { type LiveList, type LiveNamed, type Token, traitsOf } from './tokens.js';

/** One thing a plugin registered for a token. */
export interface Contribution {
  readonly token: Token;
  /** Set for named seats. */
  readonly name?: string;
  /** Set for seats. */
  readonly provider?: Provider<unknown>;
  /** Set for lists; for seats once made. */
  value?: unknown;
}

/** All contributions of one plugin. */
export interface PluginContributions {
  readonly plugin: string;
  readonly items: readonly Contribution[];
}

/**
 * Who contributed what, in the order of the plugins. Replacing one plugin's part is one synchronous step, so a reader sees the old or the new list, never a mixture.
 */
export class Contributions {
  #plugins: readonly PluginContributions[] = [];
  readonly #versions = new Map<Token, number>();
  readonly #listeners = new Map<Token, Set<() => void>>();
  readonly #cache = new Map<Token, { readonly version: number; readonly items: readonly { readonly plugin: string; readonly item: Contribution }[] }>();

  /** Adds a plugin's contributions. Throws `SEAT_TAKEN` naming both plugins. */
  add(next: PluginContributions): void {
    this.check(next, undefined);
    this.#plugins = [...this.#plugins, next];
    this.#touch(next);
  }

  /** Exchanges one plugin's contributions for another's, in its place. Throws `SEAT_TAKEN` before anything changed. */
  swap(old: PluginContributions, next: PluginContributions): void {
    this.check(next, old.plugin);
    this.#plugins = this.#plugins.map((entry) => (entry === old ? next : entry));
    this.#touch(old);
    this.#touch(next);
  }

  /** Whether `next` fits beside all but the plugin called `leaving`; throws `SEAT_TAKEN` naming both if not. */
  check(next: PluginContributions, leaving: string | undefined): void {
    const taken = new Map<string, string>();
    const claim = (plugin: string, item: Contribution): void => {
      const traits = traitsOf(item.token);
      if (traits.shape === 'list') return;
      const key = `${traits.name}\0${item.name ?? ''}`;
      const holder = taken.get(key);
      if (holder !== undefined) {
        const what = item.name === undefined ? `Seat "${traits.name}"` : `"${item.name}" of seat "${traits.name}"`;
        throw new OrreryError('SEAT_TAKEN', `${what} is taken by plugin "${holder}" and by plugin "${plugin}".`, { seat: traits.name, name: item.name, plugins: [holder, plugin] });
      }
      taken.set(key, plugin);
    };
    for (const { plugin, items } of this.#plugins) if (plugin !== leaving) for (const item of items) claim(plugin, item);
    for (const item of next.items) claim(next.plugin, item);
  }

  /** What was contributed for a token, in order. */
  of(token: Token): readonly { readonly plugin: string; readonly item: Contribution }[] {
    const version = this.version(token);
    const cached = this.#cache.get(token);
    if (cached?.version === version) return cached.items;
    const items = this.#plugins.flatMap(({ plugin, items }) => items.filter((item) => item.token === token).map((item) => ({ plugin, item })));
    this.#cache.set(token, { version, items });
    return items;
  }

  /** Grows with every change for the token. */
  version(token: Token): number {
    return this.#versions.get(token) ?? 0;
  }

  /** Calls the listener after each change for the token; returns its removal. */
  changed(token: Token, listener: () => void): () => void {
    const listeners = this.#listeners.get(token) ?? new Set();
    this.#listeners.set(token, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** The live view of a list. */
  list<T>(token: Token): LiveList<T> {
    const contributions = this;
    let seen = -1;
    let items: readonly T[] = [];
    return {
      items() {
        if (seen !== contributions.version(token)) {
          seen = contributions.version(token);
          items = contributions.of(token).map(({ item }) => item.value as T);
        }
        return items;
      },
      get version() {
        return contributions.version(token);
      },
      changed: (listener) => contributions.changed(token, listener),
    };
  }

  /** The live view of a named seat; `make` turns a provider into the instance, once. */
  named<T>(token: Token, make: (item: Contribution) => T): LiveNamed<T> {
    const contributions = this;
    let seen = -1;
    let entries: ReadonlyMap<string, T> = new Map();
    const read = (): ReadonlyMap<string, T> => {
      if (seen !== contributions.version(token)) {
        seen = contributions.version(token);
        entries = new Map(contributions.of(token).map(({ item }) => [item.name ?? '', make(item)]));
      }
      return entries;
    };
    return {
      get: (name) => (name === undefined ? read().values().next().value : read().get(name)),
      entries: read,
      get version() {
        return contributions.version(token);
      },
      changed: (listener) => contributions.changed(token, listener),
    };
  }

  #touch(changed: PluginContributions): void {
    const tokens = new Set(changed.items.map((item) => item.token));
    for (const token of tokens) this.#versions.set(token, this.version(token) + 1);
    for (const token of tokens) for (const listener of this.#listeners.get(token) ?? []) listener();
  }
}
