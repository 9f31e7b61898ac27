import { type LabelMatcher, type Labels, type NodeInfo, type OutsideInput, type Pod, labelMatcher, nothing } from '@orrery/core';

type StatedTerm = NonNullable<NonNullable<NonNullable<Pod['spec']['affinity']>['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']>[number];

/** A term of pod affinity ready for matching. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly weight: number;
  readonly matcher: LabelMatcher;
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceMatcher: LabelMatcher;
}

/** All terms of a pod. */
export interface AffinityTerms {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  readonly preferred: readonly AffinityTerm[];
  readonly preferredAnti: readonly AffinityTerm[];
  /** There are no terms at all. */
  readonly none: boolean;
}

/** What is known of namespaces, for namespace selectors. */
export interface Namespaces {
  /** The labels of a namespace; undefined when there is no such namespace. */
  labels(namespace: string): Labels | undefined;
  /** Grows with every change of any namespace's labels. */
  readonly version: number;
  /** Tells of those changes. Absent: there are none. */
  readonly outside?: OutsideInput;
}

/** Nothing is known of namespaces: none has labels. */
export const NO_NAMESPACES: Namespaces = { labels: () => undefined, version: 0 };

const NONE: AffinityTerms = { required: [], requiredAnti: [], preferred: [], preferredAnti: [], none: true };
const known = new WeakMap<Pod, AffinityTerms>();

/** The terms of a pod, parsed once. */
export function termsOf(pod: Pod): AffinityTerms {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  if (podAffinity === undefined && podAntiAffinity === undefined) return NONE;
  let terms = known.get(pod);
  if (terms === undefined) known.set(pod, (terms = parse(pod)));
  return terms;
}

function parse(pod: Pod): AffinityTerms {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const one = (term: StatedTerm, weight = 0): AffinityTerm => ({
    topologyKey: term.topologyKey,
    weight,
    matcher: labelMatcher(term.labelSelector),
    namespaces: new Set((term.namespaces?.length ?? 0) === 0 && term.namespaceSelector === undefined ? [pod.metadata.namespace ?? ''] : (term.namespaces ?? [])),
    namespaceMatcher: term.namespaceSelector === undefined ? nothing : labelMatcher(term.namespaceSelector),
  });
  const required = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.map((term) => one(term)) ?? [];
  const requiredAnti = podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.map((term) => one(term)) ?? [];
  const preferred = podAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.map(({ podAffinityTerm, weight }) => one(podAffinityTerm, weight)) ?? [];
  const preferredAnti = podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.map(({ podAffinityTerm, weight }) => one(podAffinityTerm, weight)) ?? [];
  return { required, requiredAnti, preferred, preferredAnti, none: required.length + requiredAnti.length + preferred.length + preferredAnti.length === 0 };
}

/** Whether a term selects a pod. */
export function selects(term: AffinityTerm, pod: Pod, namespaces: Namespaces): boolean {
  const namespace = pod.metadata.namespace ?? '';
  if (!term.namespaces.has(namespace) && !term.namespaceMatcher.matches(namespaces.labels(namespace) ?? {})) return false;
  return term.matcher.matches(pod.metadata.labels ?? {});
}

/** The value of a topology key at a node. */
export function topologyValue({ node }: NodeInfo, key: string): string | undefined {
  const { labels } = node.metadata;
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Amounts by topology key and value, with how many contributions each has, so that what has none disappears. */
export class TopologyCounts {
  readonly #byKey = new Map<string, Map<string, { amount: number; parts: number }>>();

  /** Whether nothing contributes. */
  get isEmpty(): boolean {
    return this.#byKey.size === 0;
  }

  /** Adds a contribution at a node, or takes one away. */
  add(key: string, info: NodeInfo, amount: number, parts: 1 | -1): void {
    const value = topologyValue(info, key);
    if (value === undefined) return;
    let values = this.#byKey.get(key);
    if (values === undefined) this.#byKey.set(key, (values = new Map()));
    const entry = values.get(value) ?? { amount: 0, parts: 0 };
    values.set(value, entry);
    entry.amount += amount;
    entry.parts += parts;
    if (entry.parts === 0) values.delete(value);
    if (values.size === 0) this.#byKey.delete(key);
  }

  /** The amount of a key in the domain of a node. */
  at(key: string, info: NodeInfo): number {
    const value = topologyValue(info, key);
    return value === undefined ? 0 : (this.#byKey.get(key)?.get(value)?.amount ?? 0);
  }

  /** The keys with contributions. */
  get keys(): Iterable<string> {
    return this.#byKey.keys();
  }
}

/** All that a pod's relation to other pods depends on, besides those, as text. */
export function affinitySignature({ metadata, spec }: Pod, namespaces: Namespaces): string {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const terms = podAffinity === undefined && podAntiAffinity === undefined ? undefined : JSON.stringify([podAffinity, podAntiAffinity]);
  // Own terms may select by the labels of any namespace; the terms of others by those of the pod's own.
  const others = terms?.includes('"namespaceSelector"') === true ? namespaces.version : undefined;
  return JSON.stringify([metadata.namespace, namespaces.labels(metadata.namespace ?? ''), metadata.labels, terms, others]);
}
