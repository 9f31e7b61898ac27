import { Controllers, CustomMetrics, definePlugin, MetricsSources } from '@orrery/core';
import { z } from 'zod';
import { servedKinds } from '../shared/served-kinds.js';
import { horizontalPodAutoscaler } from './controller.js';

/** Options of {@link horizontalPodAutoscaling}; the defaults are those of kube-controller-manager. */
export const horizontalPodAutoscalingOptions = z.strictObject({
  /** Autoscalers worked on at the same time. */
  workers: z.int().min(1).max(100).default(5),
  /** How often the metrics are read. */
  syncPeriodSeconds: z.number().min(0.1).max(3600).default(15),
  /** How long a higher recommendation holds back scaling down, where the behaviour does not say it. */
  downscaleStabilizationSeconds: z.number().min(0).max(3600).default(300),
  /** How far from 1 the ratio of use to target may be. */
  tolerance: z.number().min(0).max(10).default(0.1),
  /** While a pod is younger its cpu counts only after it was ready for a whole window. */
  cpuInitializationPeriodSeconds: z.number().min(0).default(300),
  /** A pod that turned unready so early was never ready. */
  initialReadinessDelaySeconds: z.number().min(0).default(30),
  /** Samples of use that are older are none. */
  maxSampleAgeSeconds: z.number().positive().default(120),
  /** How long what scales to zero must be unused before its last replica goes. */
  idleSeconds: z.number().positive().default(300),
});

/** HorizontalPodAutoscalers: any metric, any kind with a scale subresource; to and from zero by demand. */
export const horizontalPodAutoscaling = definePlugin({
  name: 'controller-horizontal-pod-autoscaler',
  core: '^0.1.0',
  options: horizontalPodAutoscalingOptions.prefault({}),
  setup: ({ add, get, options }) =>
    add(
      Controllers,
      horizontalPodAutoscaler({
        workers: options.workers,
        syncPeriodMs: options.syncPeriodSeconds * 1000,
        downscaleStabilizationMs: options.downscaleStabilizationSeconds * 1000,
        tolerance: options.tolerance,
        cpuInitializationMs: options.cpuInitializationPeriodSeconds * 1000,
        initialReadinessDelayMs: options.initialReadinessDelaySeconds * 1000,
        maxSampleAgeMs: options.maxSampleAgeSeconds * 1000,
        idleMs: options.idleSeconds * 1000,
        kinds: () => servedKinds(get),
        usage: () => get(MetricsSources).items(),
        custom: () => get(CustomMetrics).items(),
      }),
    ),
});
