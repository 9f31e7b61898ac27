import { type ClusterSnapshot, type FilterPlugin, type Node, PASS, type Pod, type Verdict } from '@orrery/core';
import { type SpreadConstraint, constraintsOf, countOn, hasAllKeys, isCounted, isIncluded, spreadSignature } from '../topology/spread-constraints.js';

const MISSING_LABEL: Verdict = Object.freeze({
  ok: false,
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  retryWhen: 'node-changes',
  unresolvable: true,
});
const REASON = "node(s) didn't match pod topology spread constraints";

/** How the pods that count stand in the domains of each constraint. */
interface Domains {
  readonly constraint: SpreadConstraint;
  readonly counts: Map<string, number>;
  /** The least of `counts`; undefined when it must be found again. */
  least: number | undefined;
  readonly selfMatches: boolean;
}

const labelOf = (node: Node, key: string): string | undefined => (node.metadata.labels !== undefined && Object.hasOwn(node.metadata.labels, key) ? node.metadata.labels[key] : undefined);

/** Refuses nodes in domains that would get further ahead of the emptiest one than a DoNotSchedule constraint allows. */
export const podTopologySpreadFilter: FilterPlugin<readonly Domains[]> = {
  name: 'PodTopologySpread',
  clusterWide: true,
  signature: spreadSignature,
  preFilter(pod, snapshot) {
    const constraints = constraintsOf(pod, 'DoNotSchedule', undefined);
    return constraints.length === 0 ? { skip: true } : { state: countDomains(pod, constraints, snapshot) };
  },
  filter(_pod, { node }, domains) {
    for (const { constraint, counts, selfMatches, ...rest } of domains) {
      const value = labelOf(node, constraint.topologyKey);
      if (value === undefined) return MISSING_LABEL;
      const least = counts.size < constraint.minDomains ? 0 : (rest.least ?? 0);
      const here = counts.get(value) ?? 0;
      const skew = here + (selfMatches ? 1 : 0) - least;
      if (skew > constraint.maxSkew) {
        return { ok: false, reasons: [REASON], retryWhen: 'pod-changes', numbers: { [`${constraint.topologyKey}.here`]: here, [`${constraint.topologyKey}.least`]: least, maxSkew: constraint.maxSkew } };
      }
    }
    return PASS;
  },
  update(pod, domains, other, { node }, delta) {
    if (domains === undefined) return true;
    const constraints = domains.map(({ constraint }) => constraint);
    if (!hasAllKeys(node, constraints)) return true;
    for (const domain of domains) {
      if (!isCounted(domain.constraint, pod, other) || !isIncluded(domain.constraint, pod, node)) continue;
      const value = labelOf(node, domain.constraint.topologyKey) ?? '';
      domain.counts.set(value, (domain.counts.get(value) ?? 0) + delta);
      domain.least = leastOf(domain.counts);
    }
    return true;
  },
};

const leastOf = (counts: ReadonlyMap<string, number>): number | undefined => {
  let least: number | undefined;
  for (const count of counts.values()) if (least === undefined || count < least) least = count;
  return least;
};

function countDomains(pod: Pod, constraints: readonly SpreadConstraint[], { nodes }: ClusterSnapshot): readonly Domains[] {
  const eligible = nodes.filter(({ node }) => hasAllKeys(node, constraints));
  return constraints.map((constraint) => {
    const counts = new Map<string, number>();
    for (const info of eligible) {
      if (!isIncluded(constraint, pod, info.node)) continue;
      const value = labelOf(info.node, constraint.topologyKey) ?? '';
      counts.set(value, (counts.get(value) ?? 0) + countOn(constraint, pod, info));
    }
    return { constraint, counts, least: leastOf(counts), selfMatches: constraint.matcher.matches(pod.metadata.labels ?? {}) };
  });
}
