import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { atomicStruct, list, pointer, quantityMap, struct, text } from '../schema/fields.js';
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
export const scopedResourceSelectorRequirement: Schema<ScopedResourceSelectorRequirement> = scopedResourceSelectorRequirementSchema;

const scopeSelectorSchema = atomicStruct({
  matchExpressions: list(scopedResourceSelectorRequirement).optional(),
});
/** Which objects a quota counts; all requirements must hold. */
export interface ScopeSelector extends z.infer<typeof scopeSelectorSchema> {}
/** Schema of {@link ScopeSelector}. */
export const scopeSelector: Schema<ScopeSelector> = scopeSelectorSchema;

const resourceQuotaSpecSchema = struct({
  hard: quantityMap.optional(),
  scopes: list(text).optional(),
  scopeSelector: pointer(scopeSelector),
});
/** What a namespace may use at most. */
export interface ResourceQuotaSpec extends z.infer<typeof resourceQuotaSpecSchema> {}
/** Schema of {@link ResourceQuotaSpec}. */
export const resourceQuotaSpec: Schema<ResourceQuotaSpec> = resourceQuotaSpecSchema;

const resourceQuotaStatusSchema = struct({
  hard: quantityMap.optional(),
  used: quantityMap.optional(),
});
/** What a namespace uses of its quota. */
export interface ResourceQuotaStatus extends z.infer<typeof resourceQuotaStatusSchema> {}
/** Schema of {@link ResourceQuotaStatus}. */
export const resourceQuotaStatus: Schema<ResourceQuotaStatus> = resourceQuotaStatusSchema;

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
  shortNames: ['quota'],
  spec: resourceQuotaSpec,
  status: resourceQuotaStatus,
  tracksGeneration: false,
  columns: quotaColumns,
  rules: { validate: validateResourceQuota, validateUpdate: validateResourceQuotaUpdate, validateStatusUpdate: validateResourceQuotaStatus },
});
