import type { FilterPlugin, OutsideInput, Pod, SchedulerProfile, ScorePlugin, WeightedScore } from '@orrery/core';
import { OrreryError, controllerOf } from '@orrery/core';
import { pluginFailure } from './plugin-call.js';

/** A profile made ready for use. */
export interface CompiledProfile {
  readonly schedulerName: string;
  /** First those that look at one node at a time, then the cluster-wide ones. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly WeightedScore[];
  /** Pods with equal text get equal answers from every plugin. */
  signature(pod: Pod): string;
  /** The part of the signature that can change while pods and nodes stay as they are. */
  outsideSignature(pod: Pod): string;
  /** What filters look at besides pods and nodes. */
  readonly outside: readonly OutsideInput[];
}

/**
 * Checks a profile and orders its filters. Throws `PLUGIN_FAILED` for a weight that is no positive number, for two filters of one name, and for a
 * filter that looks outside without saying in a signature what it saw.
 */
export function compileProfile(profile: SchedulerProfile): CompiledProfile {
  const names = new Set<string>();
  for (const { name, outside, signature } of profile.filters) {
    if (names.has(name)) throw new OrreryError('PLUGIN_FAILED', `Profile "${profile.schedulerName}" has two filters named "${name}".`, { plugin: name });
    if (outside !== undefined && signature === undefined) throw pluginFailure(name, 'depends on something outside and has no signature');
    names.add(name);
  }
  for (const { plugin, weight } of profile.scores) {
    if (!(weight > 0 && Number.isFinite(weight))) throw pluginFailure(plugin.name, `has weight ${weight} in profile "${profile.schedulerName}"; it must be a positive number`);
  }
  const wide = (plugin: FilterPlugin): number => (plugin.clusterWide === undefined || plugin.clusterWide === false ? 0 : 1);
  const filters = [...profile.filters].sort((a, b) => wide(a) - wide(b));
  const plugins = [...filters, ...profile.scores.map(({ plugin }) => plugin)];
  const looking = filters.filter(({ outside }) => outside !== undefined);
  return {
    schedulerName: profile.schedulerName,
    filters,
    scores: profile.scores,
    signature: signer(plugins),
    outsideSignature: signer(looking),
    outside: [...new Set(looking.map(({ outside }) => outside as OutsideInput))],
  };
}

/** The signatures of all these plugins, one after the other; a function that several share is asked once. */
function signer(plugins: readonly (FilterPlugin | ScorePlugin)[]): (pod: Pod) => string {
  const named = new Map<(pod: Pod) => string, string>();
  for (const { name, signature } of plugins) if (!named.has(signature ?? wholeTemplate)) named.set(signature ?? wholeTemplate, signature === undefined ? 'default' : name);
  const signers = [...named];
  return (pod) => {
    let text = '';
    for (const [sign, name] of signers) {
      try {
        text += `${sign(pod)}\n`;
      } catch (cause) {
        throw pluginFailure(name, 'threw in signature', cause);
      }
    }
    return text;
  };
}

/** All of a pod that a template can say: the signature of plugins that declare none. */
export function wholeTemplate(pod: Pod): string {
  const { namespace, labels, annotations } = pod.metadata;
  return JSON.stringify([namespace, labels, annotations, controllerOf(pod)?.uid, pod.spec]);
}
