import type { z } from 'zod';
import { atomicStruct, described, int64, list, struct, text, textMap, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

// Selectors as they appear inside objects.

const labelSelectorRequirementSchema = struct({
  key: text.default(''),
  operator: text.default(''),
  values: list(text).optional(),
});
/** One condition on a label: In, NotIn, Exists or DoesNotExist. */
export interface LabelSelectorRequirement extends z.infer<typeof labelSelectorRequirementSchema> {}
/** Schema of {@link LabelSelectorRequirement}. */
export const labelSelectorRequirement: Schema<LabelSelectorRequirement> = described(labelSelectorRequirementSchema, 'One condition on a label: In, NotIn, Exists or DoesNotExist.');

const labelSelectorSchema = atomicStruct({
  matchLabels: textMap.optional(),
  matchExpressions: list(labelSelectorRequirement).optional(),
});
/** Selects objects by their labels; both parts must hold. Empty selects everything. */
export interface LabelSelector extends z.infer<typeof labelSelectorSchema> {}
/** Schema of {@link LabelSelector}. */
export const labelSelector: Schema<LabelSelector> = described(labelSelectorSchema, 'Selects objects by their labels; both parts must hold. Empty selects everything.');

const conditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  observedGeneration: int64.optional(),
  lastTransitionTime: timestamp.optional(),
  reason: text.default(''),
  message: text.default(''),
});
/** One aspect of the observed state (metav1.Condition). */
export interface Condition extends z.infer<typeof conditionSchema> {}
/** Schema of {@link Condition}. */
export const condition: Schema<Condition> = described(conditionSchema, 'One aspect of the observed state (metav1.Condition).');
