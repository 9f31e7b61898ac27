import { amountOf, type Container, type Pod, type ResourceRequirements } from '@orrery/core';
import { isSidecar } from '../pod/phase.js';

/** What the node has granted, by container. */
export type Grants = ReadonlyMap<string, ResourceRequirements>;

/** Containers whose resources may change while they run (kubelet IsResizableContainer). Pure. */
export const resizable = ({ spec }: Pick<Pod, 'spec'>): readonly Container[] => (spec.initContainers === undefined ? spec.containers : [...spec.initContainers.filter(isSidecar), ...spec.containers]);

/** What the pod asks for. Pure. */
export const asked = (pod: Pick<Pod, 'spec'>): Grants => new Map(resizable(pod).map(({ name, resources = {} }) => [name, resources]));

/**
 * What was granted before, as the pod's status tells it; for containers of which it tells nothing, what they ask for. Undefined: it tells nothing at all. While a resize is going on, the status has the limits that
 * are in force: then it is decided again, and in the same way. Pure.
 */
export function recordedGrants(pod: Pod): Grants | undefined {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].filter(({ resources }) => resources !== undefined);
  if (statuses.length === 0) return undefined;
  const grants = new Map(asked(pod));
  for (const { name, resources, allocatedResources } of statuses) {
    if (grants.has(name) && resources !== undefined) grants.set(name, { ...resources, ...(allocatedResources !== undefined && { requests: allocatedResources }) });
  }
  return grants;
}

const PARTS = ['requests', 'limits'] as const;
const SIZES = ['cpu', 'memory'] as const;

/** Whether both mean the same amounts of cpu and memory. Pure. */
export function sameSize(a: ResourceRequirements = {}, b: ResourceRequirements = {}): boolean {
  if (a === b) return true;
  return PARTS.every((part) => SIZES.every((name) => {
    const [one, other] = [a[part]?.[name], b[part]?.[name]];
    return one === other || (one !== undefined && other !== undefined && amountOf(name, one) === amountOf(name, other));
  }));
}

/** The pod with what it was granted as its resources; the pod itself when that is what it asks for. Pure. */
export function withGrants(pod: Pod, grants: Grants): Pod {
  const differs = ({ name, resources }: Container): boolean => {
    const grant = grants.get(name);
    return grant !== undefined && !sameSize(resources, grant);
  };
  if (!resizable(pod).some(differs)) return pod;
  const granted = (container: Container): Container => (differs(container) ? { ...container, resources: grants.get(container.name) } : container);
  const { initContainers, containers } = pod.spec;
  return { ...pod, spec: { ...pod.spec, ...(initContainers !== undefined && { initContainers: initContainers.map((container) => (isSidecar(container) ? granted(container) : container)) }), containers: containers.map(granted) } };
}
