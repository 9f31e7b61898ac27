import type { ClusterSnapshot, Node, NodeInfo, Pod, ScorePlugin } from '@orrery/core';
import { type DefaultSelector, HOSTNAME, type SpreadConstraint, constraintsOf, countOn, hasAllKeys, isCounted, isIncluded, spreadSignature } from '../topology/spread-constraints.js';

/** One domain of a constraint, shared by its nodes. */
interface Domain {
  count: number;
}

/** How the pods that count stand in the domains of one constraint. */
interface Domains {
  readonly constraint: SpreadConstraint;
  /** By topology value; by node name for hosts. Only domains in which a node passed. */
  readonly counts: ReadonlyMap<string, Domain>;
  /** So that few domains are not outweighed by many. */
  readonly weight: number;
}

interface SpreadState {
  readonly domains: readonly Domains[];
  /** The domains of each node that passed, by constraint; undefined in a constraint whose label it lacks. */
  readonly domainsOf: ReadonlyMap<string, readonly (Domain | undefined)[]>;
  /** Nodes that lack a label of a constraint score nothing. */
  readonly ignored: ReadonlySet<string>;
  readonly requireAll: boolean;
}

const labelOf = (node: Node, key: string): string | undefined => (node.metadata.labels !== undefined && Object.hasOwn(node.metadata.labels, key) ? node.metadata.labels[key] : undefined);

/** In which domain a node is: hosts are told apart by name. */
const domainOf = ({ constraint }: Pick<Domains, 'constraint'>, info: NodeInfo): string =>
  constraint.topologyKey === HOSTNAME ? info.name : (labelOf(info.node, constraint.topologyKey) ?? '');

/**
 * Prefers nodes in domains with fewer pods that belong together, by the ScheduleAnyway constraints of a pod. Pods that state no constraint
 * are spread over hosts and zones if `belongTogether` finds their group.
 */
export const podTopologySpreadScore = (belongTogether?: DefaultSelector): ScorePlugin<SpreadState> => ({
  name: 'PodTopologySpread',
  clusterWide: true,
  // The group too, for services come and go.
  signature: (pod) => `${spreadSignature(pod)} ${belongTogether?.(pod)?.toString() ?? ''}`,
  preScore(pod, feasible, snapshot) {
    const constraints = constraintsOf(pod, 'ScheduleAnyway', belongTogether);
    if (constraints.length === 0 || snapshot.nodes.length === 0) return { skip: true };
    return { state: countDomains(pod, constraints, feasible, snapshot) };
  },
  score(_pod, { name }, { domains, domainsOf }) {
    const own = domainsOf.get(name);
    if (own === undefined) return 0;
    let score = 0;
    for (let i = 0; i < own.length; i++) {
      const domain = own[i];
      const { weight, constraint } = domains[i] as Domains;
      if (domain !== undefined) score += domain.count * weight + (constraint.maxSkew - 1);
    }
    return Math.round(score);
  },
  normalize(scores, _pod, nodes, { ignored }) {
    let least = Infinity;
    let most = 0;
    for (let i = 0; i < scores.length; i++) {
      if (ignored.size > 0 && ignored.has((nodes[i] as NodeInfo).name)) continue;
      least = Math.min(least, scores[i] as number);
      most = Math.max(most, scores[i] as number);
    }
    for (let i = 0; i < scores.length; i++) {
      if (ignored.size > 0 && ignored.has((nodes[i] as NodeInfo).name)) scores[i] = 0;
      else scores[i] = most === 0 ? 100 : Math.trunc((100 * (most + least - (scores[i] as number))) / most);
    }
  },
  update(pod, state, other, info, delta) {
    if (state === undefined) return true;
    for (const one of state.domains) {
      const domain = one.counts.get(domainOf(one, info));
      if (domain !== undefined && isCounted(one.constraint, pod, other) && counts(one.constraint, pod, info.node, state)) domain.count += delta;
    }
    return true;
  },
});

/** Whether the pods on a node count. Hosts count their own pods whatever the policies say. */
function counts(constraint: SpreadConstraint, pod: Pod, node: Node, { domains, requireAll }: SpreadState): boolean {
  if (constraint.topologyKey === HOSTNAME) return true;
  if (requireAll && !domains.every((domain) => labelOf(node, domain.constraint.topologyKey) !== undefined)) return false;
  return isIncluded(constraint, pod, node);
}

function countDomains(pod: Pod, constraints: readonly SpreadConstraint[], feasible: readonly NodeInfo[], { nodes }: ClusterSnapshot): SpreadState {
  // Kube-scheduler's own defaults spread over hosts even where nodes have no zone.
  const requireAll = (pod.spec.topologySpreadConstraints?.length ?? 0) > 0;
  const ignored = new Set(requireAll ? feasible.filter(({ node }) => !hasAllKeys(node, constraints)).map(({ name }) => name) : []);
  const scored = feasible.filter(({ name }) => !ignored.has(name));
  const domains = constraints.map((constraint): Domains => {
    const seen = new Map<string, Domain>(scored.map((info) => [domainOf({ constraint }, info), { count: 0 }]));
    return { constraint, counts: seen, weight: Math.log(seen.size + 2) };
  });
  const domainsOf = new Map(
    scored.map((info) => [info.name, domains.map((one) => (labelOf(info.node, one.constraint.topologyKey) === undefined ? undefined : one.counts.get(domainOf(one, info))))]),
  );
  const state = { domains, domainsOf, ignored, requireAll };
  for (const one of domains) {
    for (const info of nodes) {
      const domain = one.counts.get(domainOf(one, info));
      if (domain !== undefined && counts(one.constraint, pod, info.node, state)) domain.count += countOn(one.constraint, pod, info);
    }
  }
  return state;
}
