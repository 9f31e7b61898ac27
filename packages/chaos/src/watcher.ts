import { type Clock, errorMessage, OrreryError, type Store, type StoreEvent } from '@orrery/core';
import type { DeclaredLoss, Session, Tape, Told } from './history.js';
import { machineTime } from './traced-store.js';

/** What a watcher follows. */
export interface WatcherOptions {
  readonly name: string;
  readonly handle: string;
  readonly store: Store;
  readonly prefix: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The losses that the handle declared so far. */
  readonly losses: () => readonly DeclaredLoss[];
  readonly tape: Pick<Tape, 'irregular'>;
}

const RETRY_MS = 50;
/** What a watch may end with. */
const ENDS: readonly string[] = ['EXPIRED', 'REVISION_AHEAD', 'UNAVAILABLE', 'CLOSED'];

/** Follows a prefix through everything: after an error from where it was, after `EXPIRED` and `REVISION_AHEAD` from a list. */
export class Watcher {
  readonly sessions: Session[] = [];
  /** Everything up to this revision was delivered. */
  at = 0;

  constructor(protected readonly options: WatcherOptions) {}

  /** Resolves when the signal aborts. */
  async run(): Promise<void> {
    const { signal } = this.options;
    while (!signal.aborted) {
      const end = await this.#session();
      if (signal.aborted) return;
      try {
        this.at = end === 'EXPIRED' || end === 'REVISION_AHEAD' ? await this.jump(this.sessions.at(-1) as Session) : this.at;
      } catch (error) {
        // It is listed again in the next round: the watch from where it was fails as before.
        if (!OrreryError.is(error)) throw error;
      }
      await this.options.clock.sleep(RETRY_MS, signal).catch((error: unknown) => {
        if (!OrreryError.is(error, 'ABORTED')) throw error;
      });
    }
  }

  /** Where to go on when history is gone. */
  protected async jump(_ended: Session): Promise<number> {
    return (await this.options.store.range(this.options.prefix, { limit: 1 })).revision;
  }

  async #session(): Promise<string | undefined> {
    const { name, handle, store, prefix, signal, tape } = this.options;
    const batches: { revision: number; events: Told[] }[] = [];
    const begun = { watcher: name, handle, prefix, since: this.at, startedAt: machineTime(), batches };
    const place = this.sessions.push(begun) - 1;
    try {
      for await (const { revision, events } of store.watch(prefix, { since: this.at, signal })) {
        // Bookmarks without news are left out: there are many.
        if (events.length > 0 || revision < this.at) batches.push({ revision, events: events.map(toldOf) });
        this.at = revision;
      }
      return undefined;
    } catch (error) {
      const end = OrreryError.is(error) ? error.code : 'none';
      if (!ENDS.includes(end)) tape.irregular(`the watch of ${name} ended with ${end}: ${errorMessage(error)}`);
      this.sessions[place] = { ...begun, end };
      return end;
    }
  }
}

/** Follows everything and never jumps: what it has collected is the history that counts. After a declared loss it forgets what is gone. */
export class Collector extends Watcher {
  /** The changes of the history that counts, in order. */
  changes(): Told[] {
    const kept: Told[] = [];
    for (const session of this.sessions) {
      while ((kept.at(-1)?.revision ?? 0) > session.since) kept.pop();
      for (const { events } of session.batches) kept.push(...events);
    }
    return kept;
  }

  protected override jump(ended: Session): Promise<number> {
    const { losses, tape } = this.options;
    const since = losses().filter(({ at }) => at >= ended.startedAt);
    if (since.length === 0) tape.irregular(`the collector's watch ended with ${ended.end} at revision ${this.at}, and no loss was declared`);
    return Promise.resolve(Math.min(this.at, ...since.map(({ lastCommon }) => lastCommon)));
  }
}

function toldOf({ key, type, value, previousRevision, modRevision }: StoreEvent): Told {
  return { revision: modRevision, key, id: type === 'put' ? String(value['id']) : undefined, previousRevision };
}
