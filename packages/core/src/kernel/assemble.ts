import { OrreryError } from './errors.js';
import type { Plugin } from './plugin.js';
import type { Token } from './tokens.js';
import { VERSION } from './version.js';

/** A plugin whose options parsed, in its place in the order. */
export interface AssembledPlugin {
  readonly plugin: Plugin;
  readonly name: string;
  readonly options: unknown;
  /** Seats it cannot do without. */
  readonly needs: readonly Token[];
}

/**
 * From the user's list to the order of set-up: expands presets, parses options, checks versions, orders by `requires`.
 * Pure; throws the first thing wrong (`PLUGIN_INVALID`, `OPTIONS_INVALID`, `PLUGIN_VERSION`, `PLUGIN_MISSING`, `PLUGIN_CYCLE`).
 * `present`: names of plugins that run already, for a replacement.
 */
export function planAssembly(list: readonly Plugin[], present: ReadonlySet<string> = new Set()): readonly AssembledPlugin[] {
  const found = expand(list, present);
  return order(found, present);
}

function expand(list: readonly Plugin[], present: ReadonlySet<string>): Map<string, AssembledPlugin> {
  const found = new Map<string, AssembledPlugin>();
  const included: { readonly plugin: Plugin; readonly path: readonly string[] }[] = [];
  const admit = (plugin: Plugin, path: readonly string[]): void => {
    const assembled = parse(plugin);
    found.set(assembled.name, assembled);
    const more = plugin.definition.includes?.(assembled.options as never) ?? [];
    included.push(...more.map((inner) => ({ plugin: inner, path: [...path, assembled.name] })));
  };
  for (const plugin of list) {
    if (plugin?.definition === undefined) {
      throw new OrreryError('PLUGIN_INVALID', 'The list of plugins holds something that is not a plugin: did you forget to call it, as in `memoryStore()`?');
    }
    if (found.has(plugin.definition.name)) throw new OrreryError('PLUGIN_INVALID', `Plugin "${plugin.definition.name}" is listed twice.`, { plugin: plugin.definition.name });
    admit(plugin, []);
  }
  for (let next = included.shift(); next !== undefined; next = included.shift()) {
    const { name } = next.plugin.definition;
    if (next.path.includes(name)) throw new OrreryError('PLUGIN_CYCLE', `Plugins include each other: ${[...next.path, name].join(' → ')}.`, { path: [...next.path, name] });
    if (!found.has(name) && !present.has(name)) admit(next.plugin, next.path);
  }
  return found;
}

function parse(plugin: Plugin): AssembledPlugin {
  const { definition, given } = plugin;
  const { name } = definition;
  if (definition.core !== undefined && !satisfies(VERSION, definition.core)) {
    throw new OrreryError('PLUGIN_VERSION', `Plugin "${name}" needs core ${definition.core}, but this is ${VERSION}.`, { plugin: name, needs: definition.core, core: VERSION });
  }
  const needs = (definition.requires ?? []).filter((need): need is Token => typeof need === 'symbol');
  if (definition.options === undefined) {
    if (given !== undefined && Object.keys(given as object).length > 0) {
      throw new OrreryError('OPTIONS_INVALID', `Plugin "${name}" takes no options.`, { plugin: name });
    }
    return { plugin, name, options: {}, needs };
  }
  const input = given === undefined && !definition.options.safeParse(undefined).success ? {} : given;
  const parsed = definition.options.safeParse(input);
  if (parsed.success) return { plugin, name, options: parsed.data, needs };
  const issues = parsed.error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
  const text = issues.map((issue) => `${issue.path === '' ? 'options' : `options.${issue.path}`}: ${issue.message}`).join('; ');
  throw new OrreryError('OPTIONS_INVALID', `Plugin "${name}": ${text}.`, { plugin: name, issues });
}

function order(found: ReadonlyMap<string, AssembledPlugin>, present: ReadonlySet<string>): AssembledPlugin[] {
  const out: AssembledPlugin[] = [];
  const done = new Set<string>();
  const visit = (plugin: AssembledPlugin, path: readonly string[]): void => {
    if (done.has(plugin.name)) return;
    if (path.includes(plugin.name)) {
      const loop = [...path.slice(path.indexOf(plugin.name)), plugin.name];
      throw new OrreryError('PLUGIN_CYCLE', `Plugins require each other: ${loop.join(' → ')}.`, { path: loop });
    }
    for (const need of plugin.plugin.definition.requires ?? []) {
      if (typeof need !== 'string' || present.has(need)) continue;
      const needed = found.get(need);
      if (needed === undefined) {
        throw new OrreryError('PLUGIN_MISSING', `Plugin "${plugin.name}" requires plugin "${need}", which is not listed.`, { plugin: plugin.name, requires: need });
      }
      visit(needed, [...path, plugin.name]);
    }
    done.add(plugin.name);
    out.push(plugin);
  };
  for (const plugin of found.values()) visit(plugin, []);
  return out;
}

/** `^1.2.3`: same leftmost non-zero part and not older; else equal. Missing parts of a range count as 0. */
export function satisfies(version: string, range: string): boolean {
  const parts = (text: string): [number, number, number] => {
    const [major = 0, minor = 0, patch = 0] = text.split('.').map((part) => Number.parseInt(part, 10) || 0);
    return [major, minor, patch];
  };
  const [a, b, c] = parts(version);
  const [x, y, z] = parts(range.replace(/^\^/, ''));
  if (!range.startsWith('^')) return a === x && b === y && c === z;
  if (a !== x) return false;
  if (x === 0 && y === 0) return b === 0 && c === z;
  if (x === 0) return b === y && c >= z;
  return b > y || (b === y && c >= z);
}
