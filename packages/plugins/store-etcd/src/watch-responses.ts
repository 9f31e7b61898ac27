import { expired, type StoreEvent } from '@orrery/core';
import { type Layout, toEvent } from './layout.js';
import type { WatchResponse, WireEvent } from './messages.js';

/** Everything that one revision changed. */
export interface WireRevision {
  readonly revision: number;
  readonly events: readonly WireEvent[];
}

/** Joins the fragments of a watch stream to whole revisions. etcd never splits a revision between responses, but it splits a large response into fragments. */
export class WatchResponses {
  #pending: WireEvent[] = [];

  /** The revisions that are complete with this response, in order. */
  take({ events, fragment }: Pick<WatchResponse, 'events' | 'fragment'>): readonly WireRevision[] {
    const all = this.#pending.length === 0 ? events : [...this.#pending, ...events];
    this.#pending = fragment ? [...all] : [];
    return fragment ? [] : byRevision(all);
  }
}

function byRevision(all: readonly WireEvent[]): readonly WireRevision[] {
  const revisions: { revision: number; events: WireEvent[] }[] = [];
  for (const wire of all) {
    const last = revisions.at(-1);
    if (last?.revision === wire.kv.modRevision) last.events.push(wire);
    else revisions.push({ revision: wire.kv.modRevision, events: [wire] });
  }
  return revisions;
}

/**
 * One revision as the store tells it: none if only the mark was written.
 * Throws `EXPIRED` when the state before a change was compacted, so that the change cannot be told whole; `INVALID` for a value that is not the store's.
 */
export function eventsOf(layout: Layout, wires: readonly WireEvent[]): readonly StoreEvent[] {
  const events: StoreEvent[] = [];
  for (const wire of wires) {
    if (layout.nameOf(wire.kv.key) === undefined) continue;
    const event = toEvent(layout, wire);
    if (event === undefined) throw expired(wire.kv.modRevision - 1, wire.kv.modRevision);
    events.push(event);
  }
  return events;
}
