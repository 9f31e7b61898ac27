import type { z } from 'zod';
import { applyLimitRangeDefaults } from '../defaults/limit-range.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, quantityMap, requiredList, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validateLimitRange } from '../validation/limit-ranges.js';

const limitRangeItemSchema = struct({
  type: text.default(''),
  max: quantityMap.optional(),
  min: quantityMap.optional(),
  default: quantityMap.optional(),
  defaultRequest: quantityMap.optional(),
  maxLimitRequestRatio: quantityMap.optional(),
});
/** Bounds and defaults for containers, pods or claims. */
export interface LimitRangeItem extends z.infer<typeof limitRangeItemSchema> {}
/** Schema of {@link LimitRangeItem}. */
export const limitRangeItem: Schema<LimitRangeItem> = described(limitRangeItemSchema, 'Bounds and defaults for containers, pods or claims.');

const limitRangeSpecSchema = struct({
  limits: requiredList(limitRangeItem),
});
/** The bounds of a namespace. */
export interface LimitRangeSpec extends z.infer<typeof limitRangeSpecSchema> {}
/** Schema of {@link LimitRangeSpec}. */
export const limitRangeSpec: Schema<LimitRangeSpec> = described(limitRangeSpecSchema, 'The bounds of a namespace.');

/** Bounds what single objects of a namespace ask for, and fills in what they leave open (core/v1). */
export interface LimitRange extends KubeObject {
  spec: LimitRangeSpec;
}
/** The kind {@link LimitRange}. */
export const LimitRange: KindDefinition<LimitRange> = buildKind<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  description: 'Bounds what single objects of a namespace ask for, and fills in what they leave open.',
  shortNames: ['limits'],
  spec: limitRangeSpec,
  rules: { applyDefaults: applyLimitRangeDefaults, validate: validateLimitRange },
});
