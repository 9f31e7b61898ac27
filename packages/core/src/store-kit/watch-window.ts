import type { StoreEvent, WatchBatch, WatchOptions } from '../contracts/store.js';
import type { Clock } from '../kernel/clock.js';
import { OrreryError } from '../kernel/errors.js';
import { ChangeRing, type RevisionEvents } from './change-ring.js';
import { expired, revisionAhead } from './rules.js';

/** How a {@link WatchWindow} works, and how it asks the engine behind it. */
export interface WatchWindowOptions {
  readonly clock: Clock;
  /** The revision to begin with: what came before is only in the engine. Default 0. */
  readonly start?: number;
  /** Revisions kept in memory; default 10,000. */
  readonly limit?: number;
  /** Silence after which a watcher gets a bookmark, milliseconds; default 10,000. */
  readonly bookmarkMs?: number;
  /**
   * Reads from the engine what the window no longer holds: the changes under `prefix` of the first revisions after `since`, at most through `through`, and the revision
   * up to which that is all (more than `since`). Throws `EXPIRED` when they are compacted. Without it, what leaves the window is compacted.
   */
  older?(prefix: string, since: number, through: number, signal: AbortSignal): Promise<WatchBatch>;
  /** The engine's current revision, where others may have written what the window has not seen yet. Without it, the window is always the newest. */
  current?(signal: AbortSignal): Promise<number>;
  /** False while the engine cannot be heard: no bookmark then says that all is told. Without it, it always can. */
  live?(): boolean;
}

/** Events handed over at once at most, and revisions looked through for them. */
const BATCH_EVENTS = 1_000;
const BATCH_REVISIONS = 10_000;

interface Waiting {
  readonly prefix: string;
  wake(quietUntil: number): void;
}

/**
 * The watch half of a store: the newest changes in memory, one copy for all watchers. The store pushes each revision once, in order; watchers keep only a cursor, so a slow
 * one costs nothing and is cut off when its place is compacted. Keeps the promises of `Store.watch` if the store keeps that order.
 */
export class WatchWindow {
  readonly #ring = new ChangeRing();
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #bookmarkMs: number;
  /** Watchers that have caught up. */
  readonly #waiting = new Set<Waiting>();
  /** Older changes are in the engine only, or nowhere. */
  #floor: number;
  #last: number;
  #compacted: number;
  #end: OrreryError | undefined;
  /** Grows when watches are to end but new ones may begin. */
  #generation = 0;
  #cut: OrreryError | undefined;

  constructor(private readonly options: WatchWindowOptions) {
    this.#clock = options.clock;
    this.#limit = options.limit ?? 10_000;
    this.#bookmarkMs = options.bookmarkMs ?? 10_000;
    this.#floor = options.start ?? 0;
    this.#last = this.#floor;
    this.#compacted = options.older === undefined ? this.#floor : 0;
  }

  /** The newest revision it knows of. */
  get last(): number {
    return this.#last;
  }

  /** The window holds every change after this revision. */
  get floor(): number {
    return this.#floor;
  }

  /** Everything up to here is forgotten; watches from before it are expired. */
  get compacted(): number {
    return this.#compacted;
  }

  /** Takes the next revision's changes. Throws `INTERNAL` when it does not come after the last: the store must then start over with {@link reset}. */
  push(revision: number, events: readonly StoreEvent[]): void {
    if (revision <= this.#last) throw new OrreryError('INTERNAL', `Revision ${revision} was told after revision ${this.#last}.`, { revision, last: this.#last });
    const before = this.#last;
    this.#ring.push({ revision, events });
    this.#last = revision;
    if (this.#ring.length > this.#limit) this.#forget((this.#ring.first as RevisionEvents).revision);
    for (const watcher of this.#waiting) if (events.some((event) => event.key.startsWith(watcher.prefix))) watcher.wake(before);
  }

  /** Nothing more happened up to this revision. */
  advance(revision: number): void {
    this.#last = Math.max(this.#last, revision);
  }

  /** The kept changes after a revision, newest first. Meaningful from {@link floor} on. */
  backTo(revision: number): Iterable<RevisionEvents> {
    return this.#ring.backTo(revision);
  }

  /** Everything up to a revision is compacted. One that was compacted before does nothing. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#last));
    this.#forget(this.#compacted);
  }

  /** Ends all watches with an error, and every later one: the store is closed or broken. */
  end(error: OrreryError): void {
    this.#end ??= error;
    this.#wakeAll();
  }

  /** Ends all watches with an error and goes on from a revision with nothing kept: the engine's history went another way, or some of it was missed. */
  reset(revision: number, error: OrreryError): void {
    this.#generation += 1;
    this.#cut = error;
    this.#ring.clear();
    this.#floor = revision;
    this.#last = revision;
    if (this.options.older === undefined) this.#compacted = revision;
    else this.#compacted = Math.min(this.#compacted, revision);
    this.#wakeAll();
  }

  /** See `Store.watch`. */
  async *watch(prefix: string, options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
    const { since, signal } = options;
    this.#check(this.#generation);
    if (signal.aborted) return;
    const generation = this.#generation;
    if (since > this.#last) {
      const current = await this.#current(signal);
      if (signal.aborted) return;
      this.#check(generation);
      if (since > current) throw revisionAhead(since, current);
    }
    let seen = since;
    let told = -1;
    while (!signal.aborted) {
      this.#check(generation);
      if (seen < this.#compacted) throw expired(seen + 1, this.#compacted);
      if (seen < this.#last) {
        const batch = seen < this.#floor ? await this.#older(prefix, seen, signal) : this.#collect(prefix, seen);
        if (batch === undefined) continue;
        seen = batch.revision;
        if (batch.events.length === 0) continue;
        told = seen;
        yield batch;
      } else if (told < seen && this.#live) {
        // Caught up, or begun ahead of what the engine has told of: say so once, and again after each stretch of silence.
        told = seen;
        yield { revision: seen, events: [] };
      } else {
        // Nothing that matches happened while it waited, so compaction meanwhile took nothing from it.
        const { quietUntil, silent } = await this.#wait(prefix, signal);
        seen = Math.max(seen, quietUntil);
        if (silent) told = -1;
      }
    }
  }

  get #live(): boolean {
    return this.options.live?.() ?? true;
  }

  async #current(signal: AbortSignal): Promise<number> {
    if (this.options.current === undefined) return this.#last;
    try {
      return await this.options.current(signal);
    } catch (error) {
      if (signal.aborted) return this.#last;
      throw error;
    }
  }

  /** From the engine, in the generation in which it was asked; undefined when the watch ended meanwhile. */
  async #older(prefix: string, seen: number, signal: AbortSignal): Promise<WatchBatch | undefined> {
    const generation = this.#generation;
    try {
      const batch = await this.options.older?.(prefix, seen, this.#floor, signal);
      if (signal.aborted || generation !== this.#generation) return undefined;
      if (batch === undefined || batch.revision <= seen) throw expired(seen + 1, this.#floor);
      return batch;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** What matches of the revisions after `seen`, as many as there are, within bounds. */
  #collect(prefix: string, seen: number): WatchBatch {
    const events: StoreEvent[] = [];
    let looked = 0;
    for (const item of this.#ring.after(seen)) {
      if (events.length >= BATCH_EVENTS || looked >= BATCH_REVISIONS) return { revision: seen, events };
      for (const event of item.events) if (event.key.startsWith(prefix)) events.push(event);
      seen = item.revision;
      looked += 1;
    }
    // The last revisions may have been without changes. A batch with events ends at one of them.
    return { revision: events.length === 0 ? this.#last : seen, events };
  }

  #check(generation: number): void {
    if (this.#end !== undefined) throw this.#end;
    if (generation !== this.#generation) throw this.#cut as OrreryError;
  }

  /** Everything up to a revision leaves the window. */
  #forget(revision: number): void {
    if (revision <= this.#floor) return;
    this.#ring.dropThrough(revision);
    this.#floor = revision;
    if (this.options.older === undefined) this.#compacted = Math.max(this.#compacted, revision);
  }

  #wakeAll(): void {
    for (const watcher of [...this.#waiting]) watcher.wake(0);
  }

  /** Waits for a change under the prefix, for the time for a bookmark, or for the end; resolves with the revision up to which nothing matched. */
  #wait(prefix: string, signal: AbortSignal): Promise<{ readonly quietUntil: number; readonly silent: boolean }> {
    return new Promise((resolve) => {
      const wake = (quietUntil = 0, silent = false): void => {
        cancel();
        signal.removeEventListener('abort', end);
        this.#waiting.delete(watcher);
        resolve({ quietUntil, silent });
      };
      const end = (): void => wake();
      const watcher: Waiting = { prefix, wake: (until) => wake(until) };
      // In silence the watcher moves on to the current revision, which it then is told as a bookmark.
      const cancel = this.#clock.timer(this.#bookmarkMs, () => wake(this.#last, true));
      this.#waiting.add(watcher);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
