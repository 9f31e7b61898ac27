/**
 * A scheduling profile that fills nodes up.
 * @packageDocumentation
 */
import { Informers, SchedulerProfiles, definePlugin } from '@orrery/core';
import { defaultFilters, defaultScores, informedSources, mostAllocated, scheduler } from '@orrery/scheduler';
import { z } from 'zod';

const weights = z.record(z.string().min(1), z.number().positive()).refine((resources) => Object.keys(resources).length > 0, 'name at least one resource');

/**
 * The engine with a profile that prefers the nodes that are fullest (kube-scheduler's MostAllocated strategy), so that others stay empty
 * and can be given back. Takes the place of the default profile unless it is given another `schedulerName`.
 */
export const binPacking = definePlugin({
  name: 'scheduler-bin-packing',
  options: z
    .strictObject({
      /** The pods it places: those that name it. */
      schedulerName: z.string().min(1).max(253).default('default-scheduler'),
      /** How much each resource counts. */
      resources: weights.default({ cpu: 1, memory: 1 }),
      /** How much packing counts beside the other scores, which weigh 1 to 3. */
      weight: z.number().positive().default(10),
    })
    .prefault({}),
  includes: () => [scheduler()],
  setup({ provideNamed, scope, options: { schedulerName, resources, weight } }) {
    const packing = mostAllocated(Object.entries(resources).map(([name, of]) => ({ name, weight: of })));
    provideNamed(SchedulerProfiles, schedulerName, (get) => {
      const { sources, stop } = informedSources(get(Informers));
      scope.defer(stop);
      return { schedulerName, filters: defaultFilters(sources), scores: defaultScores(sources, { plugin: packing, weight }) };
    });
  },
});
