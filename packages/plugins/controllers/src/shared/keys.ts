import { controllerOf, equalJson, type KubeObject, keyOf, type LabelMatcher, type ObjectKey, type OwnerReference } from '@orrery/core';

/** Names the kind of owners. */
export interface OwnerKind {
  readonly group: string;
  readonly kind: string;
}

/**
 * The owners worth a look after a change of something they may own: its controller, the controller it had before, and, while it has none,
 * every owner that would adopt it (as the event handlers of kube-controller-manager do).
 */
export function ownerKeys<O extends KubeObject>(
  kind: OwnerKind,
  object: KubeObject,
  old: KubeObject | undefined,
  deleted: boolean,
  owners: { list(namespace: string): readonly O[]; selector(owner: O): LabelMatcher },
): readonly ObjectKey[] {
  const { namespace = '' } = object.metadata;
  const key = (reference: OwnerReference | undefined): ObjectKey[] => (reference !== undefined && isOf(kind, reference) ? [`${namespace}/${reference.name}`] : []);
  const now = controllerOf(object);
  const before = old === undefined ? undefined : controllerOf(old);
  const keys = key(now);
  if (before !== undefined && before.uid !== now?.uid) keys.push(...key(before));
  if (now !== undefined || deleted) return keys;
  const sameAsBefore = old !== undefined && before === undefined && equalJson(old.metadata.labels, object.metadata.labels);
  if (sameAsBefore) return keys;
  for (const owner of owners.list(namespace)) if (owners.selector(owner).matches(object.metadata.labels)) keys.push(keyOf(owner));
  return keys;
}

function isOf({ group, kind }: OwnerKind, reference: OwnerReference): boolean {
  const slash = reference.apiVersion.indexOf('/');
  return reference.kind === kind && (slash < 0 ? '' : reference.apiVersion.slice(0, slash)) === group;
}
