import type { z } from 'zod';
import { described, list, quantityMap, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

// Compute resources.

const resourceClaimSchema = struct({
  name: text.default(''),
  request: text.optional(),
});
/** Names a claim of the pod that a container uses. */
export interface ResourceClaim extends z.infer<typeof resourceClaimSchema> {}
/** Schema of {@link ResourceClaim}. */
export const resourceClaim: Schema<ResourceClaim> = described(resourceClaimSchema, 'Names a claim of the pod that a container uses.');

const resourceRequirementsSchema = struct({
  limits: quantityMap.optional(),
  requests: quantityMap.optional(),
  claims: list(resourceClaim, { listType: 'map', listKeys: ['name'] }).optional(),
});
/** What a container asks for (requests) and may use at most (limits). */
export interface ResourceRequirements extends z.infer<typeof resourceRequirementsSchema> {}
/** Schema of {@link ResourceRequirements}. */
export const resourceRequirements: Schema<ResourceRequirements> = described(resourceRequirementsSchema, 'What a container asks for (requests) and may use at most (limits).');
