import { Controllers, definePlugin, type FilterPlugin, NodeFilters, NodePools, type Pod, SchedulerProfiles } from '@orrery/core';
import { z } from 'zod';
import { nodeAutoscaler } from './controller.js';
import { basicFilter } from './fit.js';

/** Options of {@link nodeAutoscaling}; the defaults are those of Kubernetes' cluster autoscaler. */
export const nodeAutoscalingOptions = z.strictObject({
  /** How often it looks while something is under way. */
  scanSeconds: z.number().min(0.1).max(3600).default(10),
  /** How long a node must be unneeded before it goes. */
  unneededSeconds: z.number().min(0).default(600),
  /** For how long nothing goes after something was added. */
  delayAfterAddSeconds: z.number().min(0).default(600),
  /** Below this share of cpu and of memory asked for a node is underused. */
  threshold: z.number().min(0).max(1).default(0.5),
  /** How long draining may take before it is called off. */
  maxDrainSeconds: z.number().positive().default(600),
  /** How long a node may take to become ready before it is given back. */
  provisionSeconds: z.number().positive().default(900),
  /** How long a ready node counts as one that the scheduler may not have tried. */
  freshSeconds: z.number().min(0).default(30),
});

/** Adds nodes to the pools in `NodePools` when pods find no place, and gives back those that are not needed. */
export const nodeAutoscaling = definePlugin({
  name: 'controller-node-autoscaler',
  core: '^0.1.0',
  options: nodeAutoscalingOptions.prefault({}),
  setup: ({ add, get, options }) => {
    const filtersOf = (pod: Pod): readonly FilterPlugin[] => {
      const profile = get(SchedulerProfiles).get(pod.spec.schedulerName ?? 'default-scheduler');
      const added = get(NodeFilters).items();
      const own = (profile?.filters ?? [basicFilter]).filter(({ name }) => !added.some((one) => one.name === name));
      return [...own, ...added];
    };
    add(
      Controllers,
      nodeAutoscaler({
        scanMs: options.scanSeconds * 1000,
        unneededMs: options.unneededSeconds * 1000,
        delayAfterAddMs: options.delayAfterAddSeconds * 1000,
        threshold: options.threshold,
        maxDrainMs: options.maxDrainSeconds * 1000,
        provisionMs: options.provisionSeconds * 1000,
        freshMs: options.freshSeconds * 1000,
        pools: () => get(NodePools).items(),
        filtersOf,
      }),
    );
  },
});
