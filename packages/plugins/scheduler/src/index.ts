/**
 * The scheduling engine, with Kubernetes' filters and scores.
 * @packageDocumentation
 */
export * from './engine/profiles.js';
export { SchedulerEngine, DEFAULT_ENGINE_OPTIONS } from './engine/scheduler-engine.js';
export type { EngineOptions, EngineParts, EngineStats } from './engine/scheduler-engine.js';
export { evaluate } from './engine/evaluate.js';
export type { Evaluation, NodeEvaluation } from './engine/evaluate.js';
export { compileProfile } from './classes/compiled-profile.js';
export type { CompiledProfile } from './classes/compiled-profile.js';
export { diagnose } from './classes/diagnosis.js';
export type { Diagnosis } from './classes/diagnosis.js';
export type { FilterStart, Refusal, Refused } from './classes/plugin-call.js';
export { ClusterState } from './state/cluster.js';
export { defaultFilters, defaultProfile, defaultScores } from './profile.js';
export type { ProfileSources } from './profile.js';
export { interPodAffinityFilter } from './filters/inter-pod-affinity.js';
export { podTopologySpreadFilter } from './filters/pod-topology-spread.js';
export { interPodAffinityScore } from './scores/inter-pod-affinity.js';
export { podTopologySpreadScore } from './scores/pod-topology-spread.js';
export { servicesAndOwner } from './topology/belong-together.js';
export type { DefaultSelector } from './topology/spread-constraints.js';
export { informedNamespaces } from './topology/informed-namespaces.js';
export { informedSources } from './informed-sources.js';
export { informedVolumes } from './volumes/informed-volumes.js';
export type { Volumes } from './volumes/volumes.js';
export { volumeBinding } from './filters/volume-binding.js';
export { volumeRestrictions } from './filters/volume-restrictions.js';
export type { Namespaces } from './topology/pod-affinity-terms.js';
export { nodeAffinityFilter } from './filters/node-affinity.js';
export { nodeName } from './filters/node-name.js';
export { nodePorts } from './filters/node-ports.js';
export { nodeResourcesFit } from './filters/node-resources-fit.js';
export { nodeUnschedulable } from './filters/node-unschedulable.js';
export { taintTolerationFilter } from './filters/taint-toleration.js';
export { balancedAllocation } from './scores/balanced-allocation.js';
export { imageLocality } from './scores/image-locality.js';
export { nodeAffinityScore } from './scores/node-affinity.js';
export { leastAllocated, mostAllocated, requestedToCapacityRatio } from './scores/node-resources-fit.js';
export type { ShapePoint } from './scores/node-resources-fit.js';
export type { ResourceState, WeightedResource } from './scores/resource-amounts.js';
export { taintTolerationScore } from './scores/taint-toleration.js';
export { contributedProfiles } from './engine/contributed-profiles.js';
export { scheduler } from './plugin.js';
