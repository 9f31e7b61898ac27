import { hasPodLevelRequests, milliValue, type Pod, podRequests } from '@orrery/core';

/** What pods ask for, in thousandths by name, or why that cannot be told. */
export type Requests = { readonly requests: ReadonlyMap<string, number> } | { readonly error: string };

/**
 * What each pod, or with `container` that container of each pod, asks for of a resource. One without a request is an error: its use is per cent of nothing
 * (calculateRequests of kube-controller-manager's replica calculator). Pure.
 */
export function requestsOf(pods: readonly Pod[], resource: string, container = ''): Requests {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const found = podLevel(pod, container) ? requestOfPod(pod, resource) : requestOfContainers(pod, resource, container);
    if (typeof found === 'string') return { error: found };
    requests.set(pod.metadata.name ?? '', found);
  }
  return { requests };
}

/** A named container takes precedence over what the pod asks for as a whole (KEP-2837). */
const podLevel = (pod: Pod, container: string): boolean => container === '' && hasPodLevelRequests(pod);

function requestOfPod(pod: Pod, resource: string): number | string {
  const amount = podRequests(pod)[resource];
  if (amount === undefined) return `missing pod-level request for ${resource} in Pod ${pod.metadata.name}`;
  return resource === 'cpu' ? amount : amount * 1000;
}

function requestOfContainers({ metadata, spec }: Pod, resource: string, wanted: string): number | string {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const counted = [...(spec.containers ?? []), ...sidecars].filter(({ name }) => wanted === '' || name === wanted);
  if (wanted !== '' && counted.length === 0) return `container ${wanted} not found in Pod ${metadata.name}`;
  let total = 0;
  for (const { name, resources } of counted) {
    const amount = resources?.requests?.[resource];
    if (amount === undefined) return `missing request for ${resource} in container ${name} of Pod ${metadata.name}`;
    total += milliValue(amount);
  }
  return total;
}
