import { equalJson, type Namespace, type NamespaceCondition, timeOfMillis } from '@orrery/core';

/** What is left of one kind in a namespace that ends. */
export interface Remainder {
  /** `plural.group`. */
  readonly resource: string;
  readonly count: number;
  /** How many of them have each finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
}

/** A kind whose objects could not be deleted. */
export interface ContentFailure {
  readonly resource: string;
  readonly message: string;
}

/** The namespace with conditions that tell what it waits for, spelled as Kubernetes spells them; the same object when nothing is new. Pure. */
export function withProgress(namespace: Namespace, remainders: readonly Remainder[], failures: readonly ContentFailure[], now: number): Namespace {
  const finalizers = new Map<string, number>();
  for (const { finalizers: held } of remainders) for (const [name, count] of held) finalizers.set(name, (finalizers.get(name) ?? 0) + count);
  const facts = [
    fact('NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', 'All resources successfully discovered'),
    fact('NamespaceDeletionGroupVersionParsingFailure', false, 'ParsedGroupVersions', 'All legacy kube types successfully parsed'),
    failures.length > 0
      ? fact('NamespaceDeletionContentFailure', true, 'ContentDeletionFailed', `Failed to delete all resource types, ${failures.length} remaining: ${list(failures.map(({ resource, message }) => `${resource}: ${message}`))}`)
      : fact('NamespaceDeletionContentFailure', false, 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization'),
    remainders.length > 0
      ? fact('NamespaceContentRemaining', true, 'SomeResourcesRemain', `Some resources are remaining: ${list(remainders.map(({ resource, count }) => `${resource} has ${count} resource instances`))}`)
      : fact('NamespaceContentRemaining', false, 'ContentRemoved', 'All content successfully removed'),
    finalizers.size > 0
      ? fact('NamespaceFinalizersRemaining', true, 'SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${list([...finalizers].map(([name, count]) => `${name} in ${count} resource instances`))}`)
      : fact('NamespaceFinalizersRemaining', false, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'),
  ];
  const current = namespace.status?.conditions ?? [];
  const time = timeOfMillis(now);
  const next = facts.map((wanted) => {
    const known = current.find(({ type }) => type === wanted.type);
    return { ...wanted, lastTransitionTime: known?.status === wanted.status ? (known.lastTransitionTime ?? time) : time };
  });
  const conditions = [...current.filter(({ type }) => !facts.some((wanted) => wanted.type === type)), ...next];
  return equalJson(conditions, current) ? namespace : { ...namespace, status: { ...namespace.status, conditions } };
}

const fact = (type: string, holds: boolean, reason: string, message: string): NamespaceCondition => ({ type, status: holds ? 'True' : 'False', reason, message });
const list = (parts: readonly string[]): string => [...parts].sort().join(', ');
