import { type Labels, type Pod, type Service, matcherOfLabels } from '@orrery/core';
import type { DefaultSelector } from './spread-constraints.js';

/** What a pod's group is told from. */
export interface GroupSources {
  /** The services of a namespace. */
  services(namespace: string): readonly Service[];
  /** The labels by which the pod's controller finds its pods, if they are known. */
  ownerLabels?(pod: Pod): Labels | undefined;
}

/**
 * The pods that belong together as kube-scheduler sees it (helper.DefaultSelector): those selected by all services that select the pod,
 * and by its controller.
 */
export const servicesAndOwner =
  ({ services, ownerLabels }: GroupSources): DefaultSelector =>
  (pod) => {
    const labels = pod.metadata.labels ?? {};
    const group: Record<string, string> = {};
    for (const { spec } of services(pod.metadata.namespace ?? '')) {
      const selector = Object.entries(spec?.selector ?? {});
      if (spec?.selector !== undefined && selector.every(([key, value]) => labels[key] === value)) Object.assign(group, spec.selector);
    }
    Object.assign(group, ownerLabels?.(pod));
    return Object.keys(group).length === 0 ? undefined : matcherOfLabels(group);
  };
