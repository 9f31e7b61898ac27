import { expired, OrreryError, type StoreEvent, type WatchWindow, yieldToPlatform } from '@orrery/core';
import type { ChangeLog } from './change-log.js';
import { isBusy } from './errors.js';

/** How a {@link Follower} reads and tells. */
export interface FollowerOptions {
  readonly path: string;
  readonly log: ChangeLog;
  readonly window: WatchWindow;
  /** Reads within one transaction, when no lock is in the way. */
  snapshot<T>(read: () => T): Promise<T>;
  /** Told of what is tried again at the next look. */
  problem(error: unknown): void;
}

/** Revisions taken over at once: other processes' writes must not keep this one from everything else. */
const PIECE = 512;

/** Tells this process's watchers what other processes wrote. */
export class Follower {
  constructor(private readonly options: FollowerOptions) {}

  /** Takes over the next of what others wrote; true when that was all. To be called within a transaction, before it writes. */
  catchUp(): boolean {
    const { log, window, path } = this.options;
    const seen = window.last;
    const last = log.last();
    const { compacted } = log;
    if (seen > last) {
      const message = `${path} went back from revision ${seen} to ${last} while it was in use; it was left as it is. Restore a backup, and start again.`;
      throw new OrreryError('UNAVAILABLE', message, { path, damaged: true });
    }
    if (seen < compacted && seen < last) {
      // This process slept so long that what it missed is forgotten.
      window.reset(last, expired(seen + 1, compacted));
      window.compact(compacted);
      return true;
    }
    window.compact(compacted);
    if (seen === last) return true;
    const through = Math.min(last, seen + PIECE);
    for (const events of byRevision(log.events('', seen, through))) window.push((events[0] as StoreEvent).modRevision, events);
    return through === last;
  }

  /** Takes over everything that others wrote. */
  async catchUpAll(): Promise<void> {
    while (!(await this.options.snapshot(() => this.catchUp()))) await yieldToPlatform();
  }

  /** On a hint, most of which are of this process's own writes: one quick read says whether there is anything. */
  async look(): Promise<void> {
    const { log, window } = this.options;
    try {
      if (log.last() !== window.last) await this.catchUpAll();
    } catch (error) {
      // The next look is soon.
      if (!isBusy(error)) this.options.problem(error);
    }
  }
}

function* byRevision(events: readonly StoreEvent[]): Generator<StoreEvent[]> {
  for (let from = 0; from < events.length; ) {
    const { modRevision } = events[from] as StoreEvent;
    let to = from + 1;
    while (events[to]?.modRevision === modRevision) to += 1;
    yield events.slice(from, to);
    from = to;
  }
}
