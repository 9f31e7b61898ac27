import type { FilterPlugin, SchedulerProfile, WeightedScore } from '@orrery/core';
import { nodeAffinityFilter } from './filters/node-affinity.js';
import { nodeName } from './filters/node-name.js';
import { nodePorts } from './filters/node-ports.js';
import { nodeResourcesFit } from './filters/node-resources-fit.js';
import { nodeUnschedulable } from './filters/node-unschedulable.js';
import { taintTolerationFilter } from './filters/taint-toleration.js';
import { balancedAllocation } from './scores/balanced-allocation.js';
import { imageLocality } from './scores/image-locality.js';
import { nodeAffinityScore } from './scores/node-affinity.js';
import { leastAllocated } from './scores/node-resources-fit.js';
import { taintTolerationScore } from './scores/taint-toleration.js';
import { DEFAULT_SCHEDULER } from './engine/pod-intake.js';

/** The filters of every profile, in the order of kube-scheduler: the first to refuse a node is the one named in summaries. */
export const defaultFilters = (): readonly FilterPlugin[] => [nodeUnschedulable, nodeName, taintTolerationFilter, nodeAffinityFilter, nodePorts, nodeResourcesFit];

/** The scores of kube-scheduler's default profile with their weights; another one can take the place of `NodeResourcesFit`. */
export const defaultScores = (resources: WeightedScore = { plugin: leastAllocated(), weight: 1 }): readonly WeightedScore[] => [
  { plugin: taintTolerationScore, weight: 3 },
  { plugin: nodeAffinityScore, weight: 2 },
  resources,
  { plugin: balancedAllocation(), weight: 1 },
  { plugin: imageLocality, weight: 1 },
];

/** kube-scheduler's default profile: prefers nodes with most room. */
export const defaultProfile = (schedulerName: string = DEFAULT_SCHEDULER): SchedulerProfile => ({ schedulerName, filters: defaultFilters(), scores: defaultScores() });
