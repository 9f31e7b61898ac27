import type { NodeInfo, Pod, ScorePlugin } from '@orrery/core';
import { checkedScore, pluginFailure } from './plugin-call.js';

/** Divides a score by the greatest one, onto 0 to 100 in whole numbers (helper.DefaultNormalizeScore). */
export function scaled(score: number, max: number, reverse: boolean): number {
  if (max === 0) return reverse ? 100 : score;
  const part = Math.trunc((100 * score) / max);
  return reverse ? 100 - part : part;
}

/** Whether a plugin's scores are scaled by their maximum, so that one node's score is known from its raw score and that maximum. */
export const isScaled = ({ normalize }: ScorePlugin): boolean => normalize === 'default' || normalize === 'reverse';

/** Raw scores of the nodes that passed onto 0..100, as the plugin asks for. Gives a new array; fails by name when out of range. */
export function normalized(plugin: ScorePlugin, raw: readonly number[], pod: Pod, nodes: readonly NodeInfo[], state: unknown): number[] {
  const { normalize } = plugin;
  let scores = [...raw];
  if (typeof normalize === 'function') {
    try {
      normalize(scores, pod, nodes, state);
    } catch (cause) {
      throw pluginFailure(plugin.name, 'threw in normalize', cause);
    }
  } else if (isScaled(plugin)) {
    const max = scores.reduce((most, score) => Math.max(most, score), 0);
    scores = scores.map((score) => scaled(score, max, normalize === 'reverse'));
  }
  return scores.map((score) => checkedScore(plugin.name, score));
}
