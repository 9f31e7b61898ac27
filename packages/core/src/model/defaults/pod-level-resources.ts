import type { Pod } from '../kinds/pod.js';
import { isPodLevelResource, podLimits, requestsWithoutOverhead } from '../pod-resources.js';
import { formatQuantity, parseQuantity, quantityOf } from '../quantity.js';

type Texts = Record<string, string>;

/**
 * Completes the resources of a pod as a whole, when it has any (pkg/apis/core/v1/defaults.go defaultHugePagePodLimits, defaultPodRequests):
 * what its containers limit in huge pages, and, if it has limits, requests as of its containers, else as its limits. Comes after the containers' own defaults.
 */
export function applyPodLevelResources(pod: Pod): void {
  const { resources, overhead: _, ...spec } = pod.spec;
  if (resources === undefined) return;
  const containers: Pod = { ...pod, spec, status: {} };
  if (Object.keys(resources.limits ?? {}).length > 0 || Object.keys(resources.requests ?? {}).length > 0) {
    complete(resources, 'limits', textsOf(containers, 'limits', podLimits(containers)), (name) => name.startsWith('hugepages-'));
  }
  if (Object.keys(resources.limits ?? {}).length === 0) return;
  complete(resources, 'requests', textsOf(containers, 'requests', requestsWithoutOverhead(containers)), (name) => isPodLevelResource(name) && !name.startsWith('hugepages-'));
  complete(resources, 'requests', resources.limits ?? {}, isPodLevelResource);
}

function complete(resources: NonNullable<Pod['spec']['resources']>, side: 'limits' | 'requests', from: Texts, counts: (name: string) => boolean): void {
  const missing = Object.entries(from).filter(([name]) => counts(name) && resources[side]?.[name] === undefined);
  if (missing.length > 0) resources[side] = { ...resources[side], ...Object.fromEntries(missing) };
}

/** Sums as quantities, written in the way of the first container that names the resource. */
function textsOf({ spec }: Pod, side: 'limits' | 'requests', sums: Readonly<Record<string, number>>): Texts {
  const texts = [...spec.containers, ...(spec.initContainers ?? [])].map(({ resources }) => resources?.[side]);
  const formatOf = (name: string) => parseQuantity(texts.find((one) => one?.[name] !== undefined)?.[name] ?? '')?.format;
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, formatQuantity(quantityOf(sum, formatOf(name), name === 'cpu' ? -3 : 0))]));
}
