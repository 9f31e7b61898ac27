/**
 * A scheduling profile that spreads pods.
 * @packageDocumentation
 */
import { Informers, type Labels, type Pod, ReplicaSet, SchedulerProfiles, Service, StatefulSet, controllerOf, definePlugin } from '@orrery/core';
import { defaultFilters, defaultScores, informedSources, leastAllocated, scheduler, servicesAndOwner } from '@orrery/scheduler';
import { z } from 'zod';

/**
 * The engine with a profile that spreads pods: over zones and hosts those that belong together (same Services, and ReplicaSet or StatefulSet;
 * kube-scheduler's default constraints, maxSkew 3 by host and 5 by zone), and all of them to where there is most room. A pod's own spread constraints go first.
 * Takes the place of the default profile unless it is given another `schedulerName`.
 */
export const spread = definePlugin({
  name: 'scheduler-spread',
  options: z
    .strictObject({
      /** The pods it places: those that name it. */
      schedulerName: z.string().min(1).max(253).default('default-scheduler'),
    })
    .prefault({}),
  includes: () => [scheduler()],
  setup({ provideNamed, scope, options: { schedulerName } }) {
    provideNamed(SchedulerProfiles, schedulerName, (get) => {
      const informers = get(Informers);
      const services = informers.get(Service).lister;
      const owners = new Map([['ReplicaSet', informers.get(ReplicaSet).lister], ['StatefulSet', informers.get(StatefulSet).lister]]);
      const { sources: informed, stop } = informedSources(informers);
      scope.defer(stop);
      const ownerLabels = (pod: Pod): Labels | undefined => {
        const owner = controllerOf(pod);
        return owner === undefined ? undefined : owners.get(owner.kind)?.get(`${pod.metadata.namespace}/${owner.name}`)?.spec.selector.matchLabels;
      };
      const belongTogether = servicesAndOwner({ services: (namespace) => services.list(namespace), ownerLabels });
      const sources = { ...informed, belongTogether };
      return { schedulerName, filters: defaultFilters(sources), scores: defaultScores(sources, { plugin: leastAllocated(), weight: 1 }) };
    });
  },
});
