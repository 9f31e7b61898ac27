import { ApiError, equalJson, keyOf, type KubeObject, type LabelMatcher, type Lister, matcherOfLabels, type ObjectKey, type Pod, type Service } from '@orrery/core';
import { isPodReady, isPodTerminal } from './pods.js';

// Which pods a service selects, and which services a pod's change matters to: what all that tell of endpoints share.

/** The name under which {@link byLabel} is registered with informers. */
export const LABEL_INDEX = 'controllers.label';

/** Index function: namespace and each label, so that a service's pods are found without looking at all. */
export const byLabel = ({ metadata }: Pod): readonly string[] => Object.entries(metadata.labels ?? {}).map(([key, value]) => `${metadata.namespace}/${key}=${value}`);

const matchers = new WeakMap<Service, LabelMatcher>();

/** The service's selector; undefined when its endpoints are somebody else's business. */
export function selectorOf(service: Service): LabelMatcher | undefined {
  const { selector, type } = service.spec;
  if (type === 'ExternalName' || selector === undefined || Object.keys(selector).length === 0) return undefined;
  const known = matchers.get(service) ?? matcherOfLabels(selector);
  matchers.set(service, known);
  return known;
}

/** The services whose endpoints a pod's change may change: none, when nothing an endpoint shows is different (podEndpointsChanged). */
export function servicesTouched(pod: Pod, old: Pod | undefined, services: Lister<Service>): readonly ObjectKey[] {
  const labels = [pod.metadata.labels];
  if (old !== undefined) {
    const moved = !equalJson(old.metadata.labels, pod.metadata.labels);
    if (moved) labels.push(old.metadata.labels);
    else if (!endpointChanged(pod, old)) return [];
  }
  return services
    .list(pod.metadata.namespace)
    .filter((service) => labels.some((some) => selectorOf(service)?.matches(some) === true))
    .map(keyOf);
}

function endpointChanged(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.metadata.uid !== old.metadata.uid ||
    isPodReady(pod) !== isPodReady(old) ||
    isPodTerminal(pod) !== isPodTerminal(old) ||
    pod.spec.nodeName !== old.spec.nodeName ||
    pod.status?.podIP !== old.status?.podIP ||
    !equalJson(pod.status?.podIPs, old.status?.podIPs)
  );
}

/** The pods that a service selects, found by {@link LABEL_INDEX}; undefined when it has no selector. */
export function podsOf(service: Service, pods: Lister<Pod>): readonly Pod[] | undefined {
  const matcher = selectorOf(service);
  if (matcher === undefined) return undefined;
  const [label] = Object.entries(service.spec.selector ?? {});
  return pods.byIndex(LABEL_INDEX, `${service.metadata.namespace}/${label?.[0]}=${label?.[1]}`).filter((pod) => matcher.matches(pod.metadata.labels));
}

/** False in a namespace that is being terminated: then everything else will be gone soon too. */
export async function createIn(creating: Promise<KubeObject>): Promise<boolean> {
  try {
    await creating;
    return true;
  } catch (error) {
    if (ApiError.is(error, 'Forbidden') && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true) return false;
    throw error;
  }
}
