import { HARD_EFFECTS, labelMatcher, type LabelMatcher, matcherOf, matchesNode, type Node, type NodeInfo, type Pod, untolerated } from '@orrery/core';

/** A constraint as a pod states it. */
export type StatedConstraint = NonNullable<Pod['spec']['topologySpreadConstraints']>[number];

/** The label of a node that names it, so that every node is a domain of its own. */
export const HOSTNAME = 'kubernetes.io/hostname';

/** A constraint ready for counting. */
export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  /** Which pods are counted. */
  readonly matcher: LabelMatcher;
  readonly minDomains: number;
  /** Whether nodes that the pod's node affinity or tolerations rule out are left out of account. */
  readonly honourAffinity: boolean;
  readonly honourTaints: boolean;
}

/** What kube-scheduler spreads by when a pod states nothing: gently over hosts and zones (its system defaults). */
export const SYSTEM_DEFAULTS: readonly StatedConstraint[] = [
  { maxSkew: 3, topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway' },
  { maxSkew: 5, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
];

/** Which pods belong together with a pod that states no constraint itself, undefined for none. */
export type DefaultSelector = (pod: Pod) => LabelMatcher | undefined;

/** The constraints of a pod with this consequence; without any of its own, the system defaults if `belongTogether` finds a group for it. */
export function constraintsOf(pod: Pod, whenUnsatisfiable: 'DoNotSchedule' | 'ScheduleAnyway', belongTogether: DefaultSelector | undefined): readonly SpreadConstraint[] {
  const stated = pod.spec.topologySpreadConstraints ?? [];
  if (stated.length > 0) return stated.filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable).map((constraint) => parsed(constraint, pod));
  if (whenUnsatisfiable === 'DoNotSchedule') return [];
  const matcher = belongTogether?.(pod);
  return matcher === undefined || matcher.empty ? [] : SYSTEM_DEFAULTS.map((constraint) => ({ ...parsed(constraint, pod), matcher }));
}

function parsed(constraint: StatedConstraint, pod: Pod): SpreadConstraint {
  return {
    maxSkew: constraint.maxSkew ?? 1,
    topologyKey: constraint.topologyKey,
    matcher: withLabelKeys(labelMatcher(constraint.labelSelector), constraint.matchLabelKeys ?? [], pod),
    minDomains: constraint.minDomains ?? 1,
    honourAffinity: (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor',
    honourTaints: (constraint.nodeTaintsPolicy ?? 'Ignore') === 'Honor',
  };
}

/** The matcher, narrowed to pods with the same values of these labels as the pod has. */
function withLabelKeys(matcher: LabelMatcher, keys: readonly string[], pod: Pod): LabelMatcher {
  const labels = pod.metadata.labels ?? {};
  const same = keys.filter((key) => Object.hasOwn(labels, key));
  // One that matches nothing has no requirements to add to.
  if (same.length === 0 || (matcher.requirements.length === 0 && !matcher.empty)) return matcher;
  return matcherOf([...matcher.requirements, ...same.map((key) => ({ key, operator: 'in' as const, values: [labels[key] as string] }))]);
}

/** Whether a node has the labels of all constraints. */
export const hasAllKeys = (node: Node, constraints: readonly SpreadConstraint[]): boolean =>
  constraints.every(({ topologyKey }) => Object.hasOwn(node.metadata.labels ?? {}, topologyKey));

/** Whether the pods on a node count for a constraint. */
export function isIncluded({ honourAffinity, honourTaints }: SpreadConstraint, pod: Pod, node: Node): boolean {
  if (honourAffinity && !matchesNode(pod, node)) return false;
  return !honourTaints || untolerated(node.spec?.taints, pod.spec.tolerations ?? [], HARD_EFFECTS) === undefined;
}

/** Whether a pod is counted by a constraint of another one. Pods that are being deleted are not. */
export const isCounted = ({ matcher }: SpreadConstraint, pod: Pod, other: Pod): boolean =>
  other.metadata.deletionTimestamp === undefined && other.metadata.namespace === pod.metadata.namespace && matcher.matches(other.metadata.labels ?? {});

/** How many pods on a node a constraint counts. */
export function countOn(constraint: SpreadConstraint, pod: Pod, { pods }: NodeInfo): number {
  let count = 0;
  for (const other of pods.values()) if (isCounted(constraint, pod, other)) count++;
  return count;
}

/** All of a pod that its spreading depends on, as text. */
export function spreadSignature(pod: Pod): string {
  const { namespace, labels, ownerReferences } = pod.metadata;
  const { topologySpreadConstraints, nodeSelector, affinity, tolerations } = pod.spec;
  return JSON.stringify([namespace, labels, ownerReferences?.find(({ controller }) => controller)?.uid, topologySpreadConstraints, nodeSelector, affinity?.nodeAffinity, tolerations]);
}
