/**
 * A scheduling profile that spreads pods.
 * @packageDocumentation
 */
import { SchedulerProfiles, definePlugin } from '@orrery/core';
import { defaultFilters, defaultScores, leastAllocated, scheduler } from '@orrery/scheduler';
import { z } from 'zod';

/** The engine with a profile that prefers the nodes with most room. */
export const spread = definePlugin({
  name: 'scheduler-spread',
  options: z.strictObject({ schedulerName: z.string().min(1).max(253).default('default-scheduler') }).prefault({}),
  includes: () => [scheduler()],
  setup({ provideNamed, options: { schedulerName } }) {
    provideNamed(SchedulerProfiles, schedulerName, () => ({ schedulerName, filters: defaultFilters(), scores: defaultScores({ plugin: leastAllocated(), weight: 1 }) }));
  },
});
