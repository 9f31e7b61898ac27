// What the autoscaler remembers of one target between its looks at it. Times are milliseconds of one clock, which never goes back.

/** What was wanted at some time before any stabilisation. */
export interface Recommendation {
  readonly replicas: number;
  readonly at: number;
}

/** By how many replicas the target was scaled, always positive. */
export interface ScaleEvent {
  readonly change: number;
  readonly at: number;
}

/** The past of one target; not longer than the longest window of its behaviour. */
export interface ScaleHistory {
  readonly recommendations: readonly Recommendation[];
  readonly ups: readonly ScaleEvent[];
  readonly downs: readonly ScaleEvent[];
}

/** Longest period of a policy and longest stabilisation window that validation lets pass, milliseconds. */
const MAX_PERIOD_MS = 1_800_000;

/** Nothing is known yet but the number there is: it counts as the first recommendation, so that a new controller does not scale down at once. */
export function newHistory(replicas: number, now: number): ScaleHistory {
  return { recommendations: [{ replicas, at: now }], ups: [], downs: [] };
}

/** How many replicas came or went within a period. */
export function changeWithin(events: readonly ScaleEvent[], periodSeconds: number, now: number): number {
  const since = now - periodSeconds * 1000;
  return events.reduce((sum, { change, at }) => (at > since ? sum + change : sum), 0);
}

/** With what is wanted now, and without what is older than `keepMs`. */
export function withRecommendation(history: ScaleHistory, replicas: number, keepMs: number, now: number): ScaleHistory {
  return { ...history, recommendations: [...history.recommendations.filter(({ at }) => at >= now - keepMs), { replicas, at: now }] };
}

/** With a rescale that was carried out. */
export function withScaleEvent(history: ScaleHistory, from: number, to: number, now: number): ScaleHistory {
  if (from === to) return history;
  const recent = (events: readonly ScaleEvent[]): ScaleEvent[] => events.filter(({ at }) => at >= now - MAX_PERIOD_MS);
  const event = { change: Math.abs(to - from), at: now };
  return { ...history, ups: to > from ? [...recent(history.ups), event] : recent(history.ups), downs: to < from ? [...recent(history.downs), event] : recent(history.downs) };
}
