import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { atomicStruct, described, list, pointer, quantityMap, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validateResourceQuota, validateResourceQuotaStatus, validateResourceQuotaUpdate } from '../validation/quotas.js';
import { quotaColumns } from '../table/cluster-columns.js';

const scopedResourceSelectorRequirementSchema = atomicStruct({
  scopeName: text.default(''),
  operator: text.default(''),
  values: list(text).optional(),
});
/** A scope, and for the scope PriorityClass which values of it. */
export interface ScopedResourceSelectorRequirement extends z.infer<typeof scopedResourceSelectorRequirementSchema> {}
/** Schema of {@link ScopedResourceSelectorRequirement}. */
export const scopedResourceSelectorRequirement: Schema<ScopedResourceSelectorRequirement> = described(scopedResourceSelectorRequirementSchema, 'A scope, and for the scope PriorityClass which values of it.');

const scopeSelectorSchema = atomicStruct({
  matchExpressions: list(scopedResourceSelectorRequirement).optional(),
});
/** Which objects a quota counts; all requirements must hold. */
export interface ScopeSelector extends z.infer<typeof scopeSelectorSchema> {}
/** Schema of {@link ScopeSelector}. */
export const scopeSelector: Schema<ScopeSelector> = described(scopeSelectorSchema, 'Which objects a quota counts; all requirements must hold.');

const resourceQuotaSpecSchema = struct({
  hard: quantityMap.optional(),
  scopes: list(text).optional(),
  scopeSelector: pointer(scopeSelector),
});
/** What a namespace may use at most. */
export interface ResourceQuotaSpec extends z.infer<typeof resourceQuotaSpecSchema> {}
/** Schema of {@link ResourceQuotaSpec}. */
export const resourceQuotaSpec: Schema<ResourceQuotaSpec> = described(resourceQuotaSpecSchema, 'What a namespace may use at most.');

const resourceQuotaStatusSchema = struct({
  hard: quantityMap.optional(),
  used: quantityMap.optional(),
});
/** What a namespace uses of its quota. */
export interface ResourceQuotaStatus extends z.infer<typeof resourceQuotaStatusSchema> {}
/** Schema of {@link ResourceQuotaStatus}. */
export const resourceQuotaStatus: Schema<ResourceQuotaStatus> = described(resourceQuotaStatusSchema, 'What a namespace uses of its quota.');

/** Bounds what the objects of a namespace use together (core/v1). */
export interface ResourceQuota extends KubeObject {
  spec: ResourceQuotaSpec;
  status?: ResourceQuotaStatus | undefined;
}
/** The kind {@link ResourceQuota}. */
export const ResourceQuota: KindDefinition<ResourceQuota> = buildKind<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  description: 'Bounds what the objects of a namespace use together.',
  shortNames: ['quota'],
  spec: resourceQuotaSpec,
  status: resourceQuotaStatus,
  tracksGeneration: false,
  columns: quotaColumns,
  rules: { validate: validateResourceQuota, validateUpdate: validateResourceQuotaUpdate, validateStatusUpdate: validateResourceQuotaStatus },
});
