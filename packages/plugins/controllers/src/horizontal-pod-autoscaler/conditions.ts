import type { HorizontalPodAutoscalerCondition } from '@orrery/core';
import type { ConditionFacts } from './normalize.js';

/** The conditions with these set at `now` (a metav1.Time); the time of transition moves only with the status (setCondition of the HPA controller). Pure. */
export function withConditions(current: readonly HorizontalPodAutoscalerCondition[], facts: readonly ConditionFacts[], now: string): HorizontalPodAutoscalerCondition[] {
  const conditions = new Map(current.map((condition) => [condition.type, condition]));
  for (const fact of facts) {
    const before = conditions.get(fact.type);
    conditions.set(fact.type, { ...fact, lastTransitionTime: before?.status === fact.status ? (before.lastTransitionTime ?? now) : now });
  }
  return [...conditions.values()];
}
