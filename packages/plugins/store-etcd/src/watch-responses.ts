import { expired, type RevisionEvents, type StoreEvent } from '@orrery/core';
import { type Layout, toEvent } from './layout.js';
import type { WatchResponse, WireEvent } from './messages.js';

/**
 * Joins the fragments of a watch stream to whole revisions. etcd never splits a revision between responses, but it splits a large response into fragments.
 */
export class WatchResponses {
  #pending: WireEvent[] = [];

  constructor(private readonly layout: Layout) {}

  /**
   * The revisions that are complete with this response, in order; a revision that only wrote the store's mark has no events.
   * Throws `EXPIRED` when a state before a change was compacted, `INVALID` for a value that is not the store's.
   */
  take({ events, fragment }: Pick<WatchResponse, 'events' | 'fragment'>): readonly RevisionEvents[] {
    const all = this.#pending.length === 0 ? events : [...this.#pending, ...events];
    this.#pending = fragment ? [...all] : [];
    return fragment ? [] : this.#revisions(all);
  }

  #revisions(all: readonly WireEvent[]): readonly RevisionEvents[] {
    const revisions: { revision: number; events: StoreEvent[] }[] = [];
    for (const wire of all) {
      const { modRevision } = wire.kv;
      let last = revisions.at(-1);
      if (last?.revision !== modRevision) revisions.push((last = { revision: modRevision, events: [] }));
      if (this.layout.nameOf(wire.kv.key) === undefined) continue;
      const event = toEvent(this.layout, wire);
      if (event === undefined) throw expired(modRevision - 1, modRevision);
      last.events.push(event);
    }
    return revisions;
  }
}
