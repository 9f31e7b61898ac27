import { Admissions, Controllers, definePlugin, Informers, type KindDefinition, Kinds, MetricsSources } from '@orrery/core';
import { z } from 'zod';
import { servedKinds } from '../shared/served-kinds.js';
import { verticalAdmission } from './admission.js';
import { verticalPodAutoscaler } from './controller.js';
import { VerticalPodAutoscaler, VerticalPodAutoscalerCheckpoint } from './kind.js';

/** Options of {@link verticalPodAutoscaling}; the defaults are those of Kubernetes' vertical autoscaler. */
export const verticalPodAutoscalingOptions = z.strictObject({
  /** How often use is sampled. */
  sampleSeconds: z.number().min(0.1).max(3600).default(60),
  /** How often what was learnt is kept. */
  checkpointSeconds: z.number().min(1).max(86_400).default(600),
  /** Added to what was seen, as a share. */
  margin: z.number().min(0).max(10).default(0.15),
  /** Least for a whole pod. */
  minCpuMillis: z.number().min(1).default(25),
  minMemoryBytes: z.number().min(1).default(250 * 2 ** 20),
});

/** VerticalPodAutoscalers: what containers should ask for, as advice; acted on only when asked. */
export const verticalPodAutoscaling = definePlugin({
  name: 'controller-vertical-pod-autoscaler',
  core: '^0.1.0',
  options: verticalPodAutoscalingOptions.prefault({}),
  setup: ({ add, get, options }) => {
    const kinds = (): readonly KindDefinition[] => servedKinds(get);
    add(Kinds, VerticalPodAutoscaler as unknown as KindDefinition);
    add(Kinds, VerticalPodAutoscalerCheckpoint as unknown as KindDefinition);
    add(Admissions, verticalAdmission({ autoscalers: () => get(Informers).get(VerticalPodAutoscaler), informer: (kind) => get(Informers).get(kind), kinds }));
    const { sampleSeconds, checkpointSeconds, ...recommending } = options;
    add(Controllers, verticalPodAutoscaler({ ...recommending, sampleMs: sampleSeconds * 1000, checkpointMs: checkpointSeconds * 1000, kinds, usage: () => get(MetricsSources).items() }));
  },
});
