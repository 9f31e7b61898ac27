import { Controllers, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { podGcController } from './controller.js';

/** Options of {@link podGc}. */
export const podGcOptions = z.strictObject({
  /** Ended pods that are kept; 0: all. */
  terminatedPodThreshold: z.int().nonnegative().default(12_500),
  /** How long a node must be gone before its pods are removed. */
  quarantineSeconds: z.number().nonnegative().default(40),
});

/** Removes pods of nodes that are gone, and the oldest that ended. */
export const podGc = definePlugin({
  name: 'controller-pod-gc',
  core: '^0.1.0',
  options: podGcOptions.default(podGcOptions.parse({})),
  setup: ({ add, options }) => add(Controllers, podGcController({ terminatedThreshold: options.terminatedPodThreshold, quarantineMs: options.quarantineSeconds * 1000 })),
});
