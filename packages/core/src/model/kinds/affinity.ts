import type { z } from 'zod';
import { atomicStruct, described, int32, int64, list, pointer, requiredList, requiredStruct, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { labelSelector } from './selectors.js';

// Where a pod may and would rather run.

const nodeSelectorRequirementSchema = struct({
  key: text.default(''),
  operator: text.default(''),
  values: list(text).optional(),
});
/** One condition on a label or field of a node: In, NotIn, Exists, DoesNotExist, Gt or Lt. */
export interface NodeSelectorRequirement extends z.infer<typeof nodeSelectorRequirementSchema> {}
/** Schema of {@link NodeSelectorRequirement}. */
export const nodeSelectorRequirement: Schema<NodeSelectorRequirement> = described(nodeSelectorRequirementSchema, 'One condition on a label or field of a node: In, NotIn, Exists, DoesNotExist, Gt or Lt.');

const nodeSelectorTermSchema = atomicStruct({
  matchExpressions: list(nodeSelectorRequirement).optional(),
  matchFields: list(nodeSelectorRequirement).optional(),
});
/** All conditions must hold; an empty term matches nothing. */
export interface NodeSelectorTerm extends z.infer<typeof nodeSelectorTermSchema> {}
/** Schema of {@link NodeSelectorTerm}. */
export const nodeSelectorTerm: Schema<NodeSelectorTerm> = described(nodeSelectorTermSchema, 'All conditions must hold; an empty term matches nothing.');

const nodeSelectorSchema = atomicStruct({
  nodeSelectorTerms: requiredList(nodeSelectorTerm),
});
/** At least one term must match. */
export interface NodeSelector extends z.infer<typeof nodeSelectorSchema> {}
/** Schema of {@link NodeSelector}. */
export const nodeSelector: Schema<NodeSelector> = described(nodeSelectorSchema, 'At least one term must match.');

const preferredSchedulingTermSchema = struct({
  weight: int32.default(0),
  preference: requiredStruct(nodeSelectorTerm),
});
/** A term with a weight from 1 to 100. */
export interface PreferredSchedulingTerm extends z.infer<typeof preferredSchedulingTermSchema> {}
/** Schema of {@link PreferredSchedulingTerm}. */
export const preferredSchedulingTerm: Schema<PreferredSchedulingTerm> = described(preferredSchedulingTermSchema, 'A term with a weight from 1 to 100.');

const nodeAffinitySchema = struct({
  requiredDuringSchedulingIgnoredDuringExecution: pointer(nodeSelector),
  preferredDuringSchedulingIgnoredDuringExecution: list(preferredSchedulingTerm).optional(),
});
/** Rules about nodes. */
export interface NodeAffinity extends z.infer<typeof nodeAffinitySchema> {}
/** Schema of {@link NodeAffinity}. */
export const nodeAffinity: Schema<NodeAffinity> = described(nodeAffinitySchema, 'Rules about nodes.');

const podAffinityTermSchema = struct({
  labelSelector: pointer(labelSelector),
  namespaces: list(text).optional(),
  topologyKey: text.default(''),
  namespaceSelector: pointer(labelSelector),
  matchLabelKeys: list(text).optional(),
  mismatchLabelKeys: list(text).optional(),
});
/** Pods that must, or must not, run in the same topology domain. */
export interface PodAffinityTerm extends z.infer<typeof podAffinityTermSchema> {}
/** Schema of {@link PodAffinityTerm}. */
export const podAffinityTerm: Schema<PodAffinityTerm> = described(podAffinityTermSchema, 'Pods that must, or must not, run in the same topology domain.');

const weightedPodAffinityTermSchema = struct({
  weight: int32.default(0),
  podAffinityTerm: requiredStruct(podAffinityTerm),
});
/** A term with a weight from 1 to 100. */
export interface WeightedPodAffinityTerm extends z.infer<typeof weightedPodAffinityTermSchema> {}
/** Schema of {@link WeightedPodAffinityTerm}. */
export const weightedPodAffinityTerm: Schema<WeightedPodAffinityTerm> = described(weightedPodAffinityTermSchema, 'A term with a weight from 1 to 100.');

const podAffinitySchema = struct({
  requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: list(weightedPodAffinityTerm).optional(),
});
/** Pods to be near. */
export interface PodAffinity extends z.infer<typeof podAffinitySchema> {}
/** Schema of {@link PodAffinity}. */
export const podAffinity: Schema<PodAffinity> = described(podAffinitySchema, 'Pods to be near.');

const podAntiAffinitySchema = struct({
  requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: list(weightedPodAffinityTerm).optional(),
});
/** Pods to be away from. */
export interface PodAntiAffinity extends z.infer<typeof podAntiAffinitySchema> {}
/** Schema of {@link PodAntiAffinity}. */
export const podAntiAffinity: Schema<PodAntiAffinity> = described(podAntiAffinitySchema, 'Pods to be away from.');

const affinitySchema = struct({
  nodeAffinity: pointer(nodeAffinity),
  podAffinity: pointer(podAffinity),
  podAntiAffinity: pointer(podAntiAffinity),
});
/** All rules of attraction and repulsion. */
export interface Affinity extends z.infer<typeof affinitySchema> {}
/** Schema of {@link Affinity}. */
export const affinity: Schema<Affinity> = described(affinitySchema, 'All rules of attraction and repulsion.');

const tolerationSchema = struct({
  key: text.optional(),
  operator: text.optional(),
  value: text.optional(),
  effect: text.optional(),
  tolerationSeconds: pointer(int64),
});
/** A taint that the pod accepts. */
export interface Toleration extends z.infer<typeof tolerationSchema> {}
/** Schema of {@link Toleration}. */
export const toleration: Schema<Toleration> = described(tolerationSchema, 'A taint that the pod accepts.');

const topologySpreadConstraintSchema = struct({
  maxSkew: int32.default(0),
  topologyKey: text.default(''),
  whenUnsatisfiable: text.default(''),
  labelSelector: pointer(labelSelector),
  minDomains: pointer(int32),
  nodeAffinityPolicy: pointer(text),
  nodeTaintsPolicy: pointer(text),
  matchLabelKeys: list(text).optional(),
});
/** How evenly pods spread over domains. */
export interface TopologySpreadConstraint extends z.infer<typeof topologySpreadConstraintSchema> {}
/** Schema of {@link TopologySpreadConstraint}. */
export const topologySpreadConstraint: Schema<TopologySpreadConstraint> = described(topologySpreadConstraintSchema, 'How evenly pods spread over domains.');
