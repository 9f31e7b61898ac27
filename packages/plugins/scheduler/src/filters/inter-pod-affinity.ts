import { type FilterPlugin, type NodeInfo, PASS, type Pod, type Verdict } from '@orrery/core';
import { type AffinityTerm, NO_NAMESPACES, type Namespaces, TopologyCounts, affinitySignature, selects, termsOf, topologyValue } from '../topology/pod-affinity-terms.js';

const refusal = (reason: string, unresolvable: boolean): Verdict => Object.freeze({ ok: false, reasons: [reason], retryWhen: 'pod-changes', ...(unresolvable ? { unresolvable } : {}) });
const AFFINITY = refusal("node(s) didn't match pod affinity rules", true);
const ANTI_AFFINITY = refusal("node(s) didn't match pod anti-affinity rules", false);
const EXISTING_ANTI_AFFINITY = refusal("node(s) didn't satisfy existing pods anti-affinity rules", false);

/** Where pods are that matter to the required terms of a pod, or whose terms it matters to. */
interface AffinityState {
  /** Pods that match all affinity terms. */
  readonly wanted: TopologyCounts;
  /** Pods that match an anti-affinity term. */
  readonly unwanted: TopologyCounts;
  /** Pods with an anti-affinity term that the pod matches. */
  readonly refusing: TopologyCounts;
}

/** Holds required pod affinity and anti-affinity, of the pod and of the pods that are there already. */
export const interPodAffinityFilter = (namespaces: Namespaces = NO_NAMESPACES): FilterPlugin<AffinityState> => ({
  name: 'InterPodAffinity',
  clusterWide: true,
  ...(namespaces.outside === undefined ? {} : { outside: namespaces.outside }),
  signature: (pod) => affinitySignature(pod, namespaces),
  preFilter(pod, { nodes }) {
    const state: AffinityState = { wanted: new TopologyCounts(), unwanted: new TopologyCounts(), refusing: new TopologyCounts() };
    const { required, requiredAnti } = termsOf(pod);
    const own = required.length + requiredAnti.length > 0;
    for (const node of nodes) {
      for (const other of node.pods.values()) if (own || termsOf(other).requiredAnti.length > 0) count(state, pod, other, node, 1, namespaces);
    }
    return !own && state.refusing.isEmpty ? { skip: true } : { state };
  },
  filter(pod, node, { wanted, unwanted, refusing }) {
    const { required, requiredAnti } = termsOf(pod);
    if (!satisfied(pod, required, wanted, node, namespaces)) return AFFINITY;
    if (!unwanted.isEmpty && requiredAnti.some(({ topologyKey }) => unwanted.at(topologyKey, node) > 0)) return ANTI_AFFINITY;
    for (const key of refusing.keys) if (refusing.at(key, node) > 0) return EXISTING_ANTI_AFFINITY;
    return PASS;
  },
  update(pod, state, other, node, delta) {
    if (state === undefined) return termsOf(other).requiredAnti.length === 0;
    count(state, pod, other, node, delta, namespaces);
    // Whether all nodes may be skipped now is for a fresh look to say.
    return termsOf(pod).required.length + termsOf(pod).requiredAnti.length > 0 || !state.refusing.isEmpty;
  },
});

function count({ wanted, unwanted, refusing }: AffinityState, pod: Pod, other: Pod, node: NodeInfo, delta: 1 | -1, namespaces: Namespaces): void {
  const { required, requiredAnti } = termsOf(pod);
  if (required.length > 0 && required.every((term) => selects(term, other, namespaces))) {
    for (const { topologyKey } of required) wanted.add(topologyKey, node, delta, delta);
  }
  for (const term of requiredAnti) if (selects(term, other, namespaces)) unwanted.add(term.topologyKey, node, delta, delta);
  for (const term of termsOf(other).requiredAnti) if (selects(term, pod, namespaces)) refusing.add(term.topologyKey, node, delta, delta);
}

function satisfied(pod: Pod, required: readonly AffinityTerm[], wanted: TopologyCounts, node: NodeInfo, namespaces: Namespaces): boolean {
  if (required.some(({ topologyKey }) => topologyValue(node, topologyKey) === undefined)) return false;
  if (required.every(({ topologyKey }) => wanted.at(topologyKey, node) > 0)) return true;
  // The first of a group that wants to be together has nobody to join yet.
  return wanted.isEmpty && required.every((term) => selects(term, pod, namespaces));
}
