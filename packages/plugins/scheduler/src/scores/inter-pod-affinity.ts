import type { NodeInfo, Pod, ScorePlugin } from '@orrery/core';
import { type AffinityTerm, NO_NAMESPACES, type Namespaces, TopologyCounts, affinitySignature, selects, termsOf } from '../topology/pod-affinity-terms.js';

/** What a required affinity term of a pod that is there already counts for a pod that matches it (hardPodAffinityWeight). */
const HARD_AFFINITY_WEIGHT = 1;

/** Prefers nodes near pods that the pod wants near it, or that want it near them; and far from those that do not. */
export const interPodAffinityScore = (namespaces: Namespaces = NO_NAMESPACES): ScorePlugin<TopologyCounts> => ({
  name: 'InterPodAffinity',
  clusterWide: true,
  signature: (pod) => affinitySignature(pod, namespaces),
  preScore(pod, _feasible, { nodes }) {
    const state = new TopologyCounts();
    const own = hasPreferences(pod);
    for (const node of nodes) {
      for (const other of node.pods.values()) if (own || !termsOf(other).none) count(state, pod, other, node, 1, namespaces);
    }
    return state.isEmpty ? { skip: true } : { state };
  },
  score(_pod, node, state) {
    let score = 0;
    for (const key of state.keys) score += state.at(key, node);
    return score;
  },
  normalize(scores) {
    const least = Math.min(...scores);
    const span = Math.max(...scores) - least;
    for (let i = 0; i < scores.length; i++) scores[i] = span > 0 ? Math.trunc(100 * (((scores[i] as number) - least) / span)) : 0;
  },
  update(pod, state, other, node, delta) {
    if (state === undefined) return termsOf(other).none && !hasPreferences(pod);
    count(state, pod, other, node, delta, namespaces);
    return !state.isEmpty;
  },
});

const hasPreferences = (pod: Pod): boolean => termsOf(pod).preferred.length + termsOf(pod).preferredAnti.length > 0;

function count(state: TopologyCounts, pod: Pod, other: Pod, node: NodeInfo, delta: 1 | -1, namespaces: Namespaces): void {
  const add = (terms: readonly AffinityTerm[], to: Pod, sign: 1 | -1, weight?: number): void => {
    for (const term of terms) if (selects(term, to, namespaces)) state.add(term.topologyKey, node, delta * sign * (weight ?? term.weight), delta);
  };
  const own = termsOf(pod);
  add(own.preferred, other, 1);
  add(own.preferredAnti, other, -1);
  const theirs = termsOf(other);
  add(theirs.required, pod, 1, HARD_AFFINITY_WEIGHT);
  add(theirs.preferred, pod, 1);
  add(theirs.preferredAnti, pod, -1);
}
