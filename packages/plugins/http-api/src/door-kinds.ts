import type { KindDefinition } from '@orrery/core';
import { isMetrics, metricsKinds } from './metrics/kinds.js';
import { isReview, reviewKinds } from './reviews/kinds.js';

/** Kinds whose objects are made for the answer and never stored: reviews, and what is measured. */
export const doorKinds: readonly KindDefinition[] = [...reviewKinds, ...metricsKinds];

/** What can be done with objects of such a kind; undefined for one that is stored. */
export function doorVerbs(kind: KindDefinition): readonly string[] | undefined {
  if (isReview(kind)) return ['create'];
  return isMetrics(kind) ? ['get', 'list'] : undefined;
}
