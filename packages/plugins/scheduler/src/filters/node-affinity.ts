import { type FilterPlugin, matchesNode, type NodeSelectorTerm, PASS, type Pod, type Verdict } from '@orrery/core';

const refusal = (reason: string, retryWhen: 'node-changes' | 'never') =>
  Object.freeze({ ok: false, reasons: [reason], retryWhen, unresolvable: true } as const satisfies Extract<Verdict, { ok: false }>);
const REFUSED = refusal("node(s) didn't match Pod's node affinity/selector", 'node-changes');
const CONFLICT = refusal('pod affinity terms conflict', 'never');

const requiredTerms = (pod: Pod): readonly NodeSelectorTerm[] | undefined =>
  pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;

/** The node names a term pins by `metadata.name`; undefined when it pins none. */
function pinned({ matchFields = [] }: NodeSelectorTerm): readonly string[] | undefined {
  let names: readonly string[] | undefined;
  for (const { key, operator, values = [] } of matchFields) {
    if (key === 'metadata.name' && operator === 'In') names = names === undefined ? [...new Set(values)] : names.filter((name) => values.includes(name));
  }
  return names;
}

/**
 * Lets nodes pass that fit `spec.nodeSelector` and the required node affinity. When every term pins node names, only those nodes are
 * looked at; terms that pin no common name at all refuse the pod.
 */
export const nodeAffinityFilter: FilterPlugin = {
  name: 'NodeAffinity',
  signature: ({ spec }) => JSON.stringify([spec.nodeSelector, spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution]),
  preFilter(pod) {
    const terms = requiredTerms(pod);
    if (terms === undefined && pod.spec.nodeSelector === undefined) return { skip: true };
    const names = new Set<string>();
    for (const term of terms ?? []) {
      const of = pinned(term);
      // One term that pins nothing leaves every node open.
      if (of === undefined) return {};
      for (const name of of) names.add(name);
    }
    if (terms === undefined || terms.length === 0) return {};
    return names.size === 0 ? CONFLICT : { nodes: [...names] };
  },
  filter: (pod, { node }) => (matchesNode(pod, node) ? PASS : REFUSED),
};
