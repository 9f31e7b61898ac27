import type { KindDefinition } from './kind.js';
import type { KubeObject } from './object.js';

/** The field that a label of a field selector means for this kind, or undefined when it cannot be selected by. */
export function selectableField<T extends KubeObject>(kind: KindDefinition<T>, label: string): string | undefined {
  const { selectableFields = {}, fieldAliases = {} } = kind.rules;
  if (Object.hasOwn(selectableFields, label) || label === 'metadata.name') return label;
  // Kubernetes' cluster-scoped kinds with selectable fields of their own do not know the namespace; all others do.
  if (label === 'metadata.namespace') return kind.namespaced || Object.keys(selectableFields).length === 0 ? label : undefined;
  return Object.hasOwn(fieldAliases, label) ? fieldAliases[label] : undefined;
}

/** The value of a selectable field of an object; empty when it has none. */
export function selectableValue<T extends KubeObject>(kind: KindDefinition<T>, object: T, field: string): string {
  if (field === 'metadata.name') return object.metadata.name ?? '';
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  const { selectableFields = {} } = kind.rules;
  return Object.hasOwn(selectableFields, field) ? (selectableFields[field]?.(object) ?? '') : '';
}

/** What Kubernetes' scheme registers beyond the default for kinds that have no definition here. */
const UNDEFINED_KINDS: Readonly<Record<string, readonly string[]>> = { 'v1 ReplicationController': ['status.replicas'] };

/**
 * Like {@link selectableField} for a kind that has no definition: name and namespace (runtime.DefaultMetaV1FieldSelectorConversion), and what Kubernetes
 * registers for that kind.
 */
export function selectableFieldOfUndefined(apiVersion: string, kind: string, label: string): string | undefined {
  const own = UNDEFINED_KINDS[`${apiVersion} ${kind}`] ?? [];
  return label === 'metadata.name' || label === 'metadata.namespace' || own.includes(label) ? label : undefined;
}
