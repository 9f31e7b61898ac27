import { timeOfMillis } from './timestamp.js';

/** What conditions of every kind have (metav1.Condition and its older relatives). */
export interface ConditionFacts {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly observedGeneration?: number | undefined;
}

/**
 * The conditions with one of them set (meta.SetStatusCondition): its place is kept, and its transition time changes only when its status does. What is not given stays as it was while the
 * status is the same, and goes when it turns: a reason of the old status is none of the new one. The same array when nothing changes, so that a status that says the same is not written.
 * `now` in milliseconds since the epoch. Pure.
 */
export function withConditionSet<C extends ConditionFacts & { readonly lastTransitionTime?: string | undefined }>(
  conditions: readonly C[] | undefined,
  facts: ConditionFacts,
  now: number,
): C[] {
  const known = (conditions ?? []) as C[];
  const before = known.find(({ type }) => type === facts.type);
  if (before === undefined) return [...known, { ...facts, lastTransitionTime: timeOfMillis(now) } as C];
  const turned = before.status !== facts.status;
  const same = !turned && (['reason', 'message', 'observedGeneration'] as const).every((field) => facts[field] === undefined || facts[field] === before[field]);
  if (same) return known;
  const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  const { reason: _reason, message: _message, observedGeneration: _generation, ...rest } = before;
  const next = { ...(turned ? rest : before), ...given, ...(turned && { lastTransitionTime: timeOfMillis(now) }) } as C;
  return known.map((one) => (one === before ? next : one));
}
