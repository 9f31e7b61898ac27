import { planAssembly } from './assemble.js';
import type { Kernel, PluginInstance } from './boot.js';
import { OrreryError, errorMessage } from './errors.js';
import type { Logger } from './logger.js';
import type { Plugin } from './plugin.js';
import type { Part, RunningParts } from './running-parts.js';

/** What exchanging a plugin touches. */
export interface ReplacementSite {
  readonly kernel: Kernel;
  readonly parts: RunningParts;
  /** The parts of a plugin, made anew. */
  partsOf(instance: PluginInstance): readonly Part[];
  /** Called when the new plugin's contributions are visible, before its parts start. */
  welcome(instance: PluginInstance): Promise<void>;
  /** Called when a plugin can neither go on nor be exchanged: the orchestrator ends rather than run without it. */
  broken(error: OrreryError): void;
  readonly log: Logger;
}

/**
 * Exchanges the plugin of that name while everything runs, and gives the new one's name. Throws before anything changed when it cannot be
 * (`NOT_FOUND`, `SEAT_FIXED`, `SEAT_TAKEN`, `PLUGIN_…`); when the new one's parts do not start, the old one is put back and the error thrown.
 */
export async function replacePlugin(name: string, plugin: Plugin, site: ReplacementSite): Promise<string> {
  const { kernel } = site;
  const old = kernel.instances().find((instance) => instance.assembled.name === name);
  if (old === undefined) throw new OrreryError('NOT_FOUND', `No plugin is called "${name}".`, { plugin: name, plugins: kernel.instances().map((i) => i.assembled.name) });
  kernel.checkReplaceable(old);
  const next = await setUpBeside(old, plugin, kernel);
  try {
    kernel.checkReplaceable(next);
    kernel.checkFits(next, name);
    kernel.checkNeeds(next.assembled);
  } catch (error) {
    await discard(next, site);
    throw error;
  }
  await exchange(old, next, site);
  return next.assembled.name;
}

/** Sets the new plugin up; nobody sees it yet. */
function setUpBeside(old: PluginInstance, plugin: Plugin, kernel: Kernel): Promise<PluginInstance> {
  const { name } = plugin.definition;
  const others = new Set(kernel.instances().filter((instance) => instance !== old).map((instance) => instance.assembled.name));
  if (others.has(name)) throw new OrreryError('PLUGIN_INVALID', `Plugin "${name}" runs already.`, { plugin: name });
  const plan = planAssembly([plugin], others);
  const extra = plan.filter((assembled) => assembled.name !== name);
  if (extra.length > 0) throw new OrreryError('PLUGIN_MISSING', `Plugin "${name}" brings plugins that do not run yet: ${extra.map((p) => p.name).join(', ')}.`);
  return kernel.setUp(plan[0] as (typeof plan)[number]);
}

/** Two generations of a part never run at the same time. */
async function exchange(old: PluginInstance, next: PluginInstance, site: ReplacementSite): Promise<void> {
  try {
    await site.parts.stopOf(old.assembled.name);
  } catch (error) {
    await discard(next, site);
    throw breakdown(error, site);
  }
  site.kernel.swap(old, next);
  try {
    await site.welcome(next);
    await site.parts.start(site.partsOf(next));
  } catch (error) {
    await putBack(old, next, site);
    throw error;
  }
  // The new one runs: what the old one could not undo is a loss, but no reason to call the exchange failed.
  await discard(old, site);
}

async function putBack(old: PluginInstance, next: PluginInstance, site: ReplacementSite): Promise<void> {
  try {
    await site.parts.stopOf(next.assembled.name);
    site.kernel.swap(next, old);
    await site.parts.start(site.partsOf(old));
  } catch (error) {
    throw breakdown(error, site);
  } finally {
    await discard(next, site);
  }
}

function breakdown(cause: unknown, site: ReplacementSite): OrreryError {
  const error = OrreryError.is(cause) ? cause : new OrreryError('PLUGIN_FAILED', errorMessage(cause), {}, cause);
  site.broken(error);
  return error;
}

async function discard(instance: PluginInstance, { kernel, log }: ReplacementSite): Promise<void> {
  await kernel.closeInstance(instance).catch((error: unknown) => log.error('a plugin could not be undone', { error: errorMessage(error) }));
}
