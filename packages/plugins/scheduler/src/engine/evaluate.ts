import type { ClusterSnapshot, NodeInfo, Pod, ScoreExplanation } from '@orrery/core';
import { normalized } from '../classes/normalize.js';
import type { CompiledProfile } from '../classes/compiled-profile.js';
import { leftOut } from '../classes/filtering.js';
import { type FilterStart, type Refusal, askFilter, askScore, startFilter, startScore } from '../classes/plugin-call.js';

/** All that the plugins of a profile say of one node. */
export interface NodeEvaluation {
  readonly node: NodeInfo;
  /** Every filter's refusal, in the order of the profile; empty where the pod fits. */
  readonly refusals: readonly Refusal[];
  readonly scores: readonly ScoreExplanation[];
  readonly total: number;
}

/** All that the plugins of a profile say of a pod. */
export interface Evaluation {
  /** A plugin that refused the pod as such. */
  readonly rejected: Refusal | undefined;
  readonly nodes: readonly NodeEvaluation[];
}

/**
 * Asks every plugin about every node, with nothing kept and no short cut: for explanations, and the measure of what the classes keep.
 * Throws `PLUGIN_FAILED` naming a plugin that failed.
 */
export function evaluate(pod: Pod, profile: CompiledProfile, snapshot: ClusterSnapshot): Evaluation {
  const starts = profile.filters.map((plugin) => ({ plugin, start: startFilter(plugin, pod, snapshot) }));
  const rejecting = starts.find(({ start }) => start.rejected !== undefined);
  const rejected = rejecting?.start.rejected && { plugin: rejecting.plugin.name, verdict: rejecting.start.rejected };
  const refusals = snapshot.nodes.map((node) => (rejected !== undefined ? [rejected] : refusalsOf(pod, node, starts)));
  const feasible = snapshot.nodes.filter((_, i) => refusals[i]?.length === 0);
  const scores = scoresOf(pod, profile, feasible, snapshot);
  return {
    rejected,
    nodes: snapshot.nodes.map((node, i) => {
      const own = scores.get(node) ?? [];
      return { node, refusals: refusals[i] ?? [], scores: own, total: own.reduce((sum, { weighted }) => sum + weighted, 0) };
    }),
  };
}

function refusalsOf(pod: Pod, node: NodeInfo, starts: readonly { readonly plugin: CompiledProfile['filters'][number]; readonly start: FilterStart }[]): Refusal[] {
  const left = starts.filter(({ start }) => start.nodes !== undefined);
  const refusals = left.every(({ start }) => start.nodes?.has(node.name) === true) ? [] : [leftOut(left.map(({ plugin }) => plugin.name))];
  for (const { plugin, start } of starts) {
    const refusal = start.skip ? undefined : askFilter(plugin, pod, node, start.state);
    if (refusal !== undefined) refusals.push(refusal);
  }
  return refusals;
}

function scoresOf(pod: Pod, profile: CompiledProfile, feasible: readonly NodeInfo[], snapshot: ClusterSnapshot): Map<NodeInfo, ScoreExplanation[]> {
  const scores = new Map<NodeInfo, ScoreExplanation[]>(feasible.map((node) => [node, []]));
  for (const { plugin, weight } of profile.scores) {
    const { state, skip } = startScore(plugin, pod, feasible, snapshot);
    if (skip) continue;
    const raw = feasible.map((node) => askScore(plugin, pod, node, state));
    const final = normalized(plugin, raw, pod, feasible, state);
    feasible.forEach((node, i) => {
      const score = final[i] as number;
      scores.get(node)?.push({ plugin: plugin.name, weight, raw: raw[i] as number, normalized: score, weighted: weight * score });
    });
  }
  return scores;
}
