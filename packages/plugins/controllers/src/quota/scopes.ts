import { type KindDefinition, type KubeObject, type PersistentVolumeClaim, type Pod, podQosClass, type ResourceQuotaSpec, type ScopedResourceSelectorRequirement } from '@orrery/core';

// Which objects a quota with scopes counts (podMatchesScopeFunc and its neighbours).

/** Whether a quota counts an object, as far as its scopes say. Pure. */
export function isInScope(spec: Pick<ResourceQuotaSpec, 'scopes' | 'scopeSelector'>, kind: Pick<KindDefinition, 'plural' | 'group'>, object: KubeObject): boolean {
  const requirements: readonly ScopedResourceSelectorRequirement[] = [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
  if (requirements.length === 0) return true;
  if (kind.group !== '') return false;
  if (kind.plural === 'pods') return requirements.every((requirement) => podMatches(object as Pod, requirement));
  if (kind.plural === 'persistentvolumeclaims') return requirements.every((requirement) => claimMatches(object as PersistentVolumeClaim, requirement));
  return false;
}

function podMatches(pod: Pod, requirement: ScopedResourceSelectorRequirement): boolean {
  const { activeDeadlineSeconds, priorityClassName = '' } = pod.spec;
  switch (requirement.scopeName) {
    case 'Terminating':
      return activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0;
    case 'NotTerminating':
      return !(activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0);
    case 'BestEffort':
      return podQosClass(pod) === 'BestEffort';
    case 'NotBestEffort':
      return podQosClass(pod) !== 'BestEffort';
    case 'PriorityClass':
      return valueMatches(requirement, priorityClassName);
    case 'CrossNamespacePodAffinity':
      return reachesOut(pod);
    default:
      return false;
  }
}

function claimMatches({ spec, status }: PersistentVolumeClaim, requirement: ScopedResourceSelectorRequirement): boolean {
  if (requirement.scopeName !== 'VolumeAttributesClass') return false;
  const names = new Set([spec.volumeAttributesClassName ?? '', status?.currentVolumeAttributesClassName ?? '']);
  return [...names].some((name) => valueMatches(requirement, name));
}

function valueMatches({ operator, values = [] }: ScopedResourceSelectorRequirement, value: string): boolean {
  switch (operator) {
    case 'Exists':
      return value !== '';
    case 'DoesNotExist':
      return value === '';
    case 'In':
      return values.includes(value);
    case 'NotIn':
      return !values.includes(value);
    default:
      return false;
  }
}

/** Affinity to pods of other namespaces. */
function reachesOut({ spec: { affinity } }: Pod): boolean {
  const [near, far] = [affinity?.podAffinity, affinity?.podAntiAffinity];
  const terms = [near, far].flatMap((one) => [
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some((term) => (term?.namespaces ?? []).length > 0 || term?.namespaceSelector !== undefined);
}
