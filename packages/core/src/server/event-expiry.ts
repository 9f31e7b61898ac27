import type { Clock } from '../kernel/clock.js';
import type { Event } from '../model/kinds/event.js';
import { millisOfTime } from '../model/timestamp.js';
import type { KubeObject } from '../model/object.js';

/** How long an Event is kept after it last happened (kube-apiserver --event-ttl). */
export const EVENT_TTL_MS = 3_600_000;

/** Which events are over, and when to look again. Pure. */
export function planExpiry(events: Iterable<KubeObject>, now: number): { readonly over: readonly Event[]; readonly againAfterMs: number } {
  const over: Event[] = [];
  let next = now + EVENT_TTL_MS;
  for (const object of events) {
    const event = object as Event;
    const last = millisOfTime(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '') ?? now;
    if (last + EVENT_TTL_MS <= now) over.push(event);
    else next = Math.min(next, last + EVENT_TTL_MS);
  }
  return { over, againAfterMs: Math.max(1_000, next - now) };
}

/** Deletes events that are over, until the signal aborts. */
export async function expireEvents(
  events: () => Iterable<KubeObject>,
  remove: (event: Event) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const plan = planExpiry(events(), clock.now());
    for (const event of plan.over) await remove(event);
    await clock.sleep(plan.againAfterMs, signal).catch(() => signal);
  }
}
