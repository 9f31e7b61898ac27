import type { FilterPlugin, SchedulerProfile, WeightedScore } from '@orrery/core';
import { nodeAffinityFilter } from './filters/node-affinity.js';
import { nodeName } from './filters/node-name.js';
import { nodePorts } from './filters/node-ports.js';
import { nodeResourcesFit } from './filters/node-resources-fit.js';
import { nodeUnschedulable } from './filters/node-unschedulable.js';
import { taintTolerationFilter } from './filters/taint-toleration.js';
import { interPodAffinityFilter } from './filters/inter-pod-affinity.js';
import { podTopologySpreadFilter } from './filters/pod-topology-spread.js';
import { volumeBinding } from './filters/volume-binding.js';
import { volumeRestrictions } from './filters/volume-restrictions.js';
import { balancedAllocation } from './scores/balanced-allocation.js';
import { imageLocality } from './scores/image-locality.js';
import { interPodAffinityScore } from './scores/inter-pod-affinity.js';
import { nodeAffinityScore } from './scores/node-affinity.js';
import { leastAllocated } from './scores/node-resources-fit.js';
import { podTopologySpreadScore } from './scores/pod-topology-spread.js';
import { taintTolerationScore } from './scores/taint-toleration.js';
import { DEFAULT_SCHEDULER } from './engine/pod-intake.js';
import type { Namespaces } from './topology/pod-affinity-terms.js';
import type { DefaultSelector } from './topology/spread-constraints.js';
import type { Volumes } from './volumes/volumes.js';

/** What some plugins need to know besides pods and nodes. */
export interface ProfileSources {
  /** For namespace selectors of pod affinity. Default: namespaces have no labels. */
  readonly namespaces?: Namespaces;
  /** For the claims of pods. Default: claims and their volumes are not looked at. */
  readonly volumes?: Volumes;
  /** The group of a pod that states no spread constraints; with it, such pods are spread over hosts and zones. Default: they are not. */
  readonly belongTogether?: DefaultSelector;
}

/** The filters of every profile, in the order of kube-scheduler: the first to refuse a node is the one named in summaries. */
export const defaultFilters = ({ namespaces, volumes }: ProfileSources = {}): readonly FilterPlugin[] => [
  nodeUnschedulable,
  nodeName,
  taintTolerationFilter,
  nodeAffinityFilter,
  nodePorts,
  nodeResourcesFit,
  ...(volumes === undefined ? [] : [volumeRestrictions(volumes), volumeBinding(volumes)]),
  podTopologySpreadFilter,
  interPodAffinityFilter(namespaces),
];

/** The scores of kube-scheduler's default profile with their weights; another one can take the place of `NodeResourcesFit`. */
export const defaultScores = ({ namespaces, belongTogether }: ProfileSources = {}, resources: WeightedScore = { plugin: leastAllocated(), weight: 1 }): readonly WeightedScore[] => [
  { plugin: taintTolerationScore, weight: 3 },
  { plugin: nodeAffinityScore, weight: 2 },
  resources,
  { plugin: podTopologySpreadScore(belongTogether), weight: 2 },
  { plugin: interPodAffinityScore(namespaces), weight: 2 },
  { plugin: balancedAllocation(), weight: 1 },
  { plugin: imageLocality, weight: 1 },
];

/** kube-scheduler's default profile: prefers nodes with most room. */
export const defaultProfile = (schedulerName: string = DEFAULT_SCHEDULER, sources: ProfileSources = {}): SchedulerProfile => ({
  schedulerName,
  filters: defaultFilters(sources),
  scores: defaultScores(sources),
});
