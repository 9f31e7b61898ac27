import { Admissions, Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { nodeLifecycleController } from './controller.js';
import { defaultTolerations } from './default-tolerations.js';
import { taintEvictionController } from './taint-eviction.js';

const seconds = z.number().nonnegative();
/** Options of {@link nodeLifecycle}. */
export const nodeLifecycleOptions = z.strictObject({
  /** Silence after which a node is unreachable. */
  gracePeriodSeconds: z.number().positive().default(50),
  /** The same for a node that never reported. */
  startupGracePeriodSeconds: z.number().positive().default(60),
  /** How often a node that is not ready is looked at. */
  monitorPeriodSeconds: z.number().positive().default(5),
  /** Nodes a second and zone whose pods are evicted. */
  evictionsPerSecond: z.number().nonnegative().default(0.1),
  /** The same in a large zone of which most is down. */
  secondaryEvictionsPerSecond: z.number().nonnegative().default(0.01),
  /** Share of a zone that must be down for that. */
  unhealthyZoneThreshold: z.number().min(0).max(1).default(0.55),
  /** Nodes above which a zone is large. */
  largeClusterSize: z.int().nonnegative().default(50),
  /** How long pods that do not say stay on a node that is not ready. */
  notReadyTolerationSeconds: seconds.default(300),
  /** The same on a node that is unreachable. */
  unreachableTolerationSeconds: seconds.default(300),
});

/** Notices dead nodes, taints them and evicts their pods; pods get default tolerations on creation. */
export const nodeLifecycle = definePlugin({
  name: 'controller-node-lifecycle',
  core: '^0.1.0',
  options: nodeLifecycleOptions.default(nodeLifecycleOptions.parse({})),
  setup: ({ add, options }) => {
    add(Admissions, defaultTolerations({ notReadySeconds: options.notReadyTolerationSeconds, unreachableSeconds: options.unreachableTolerationSeconds }));
    add(
      Controllers,
      nodeLifecycleController({
        gracePeriodMs: options.gracePeriodSeconds * 1000,
        startupGracePeriodMs: options.startupGracePeriodSeconds * 1000,
        monitorPeriodMs: options.monitorPeriodSeconds * 1000,
        nodesPerSecond: options.evictionsPerSecond,
        secondaryNodesPerSecond: options.secondaryEvictionsPerSecond,
        unhealthyShare: options.unhealthyZoneThreshold,
        largeZone: options.largeClusterSize,
      }),
    );
    add(Controllers, taintEvictionController());
  },
});
