import type { HistoryLoss, Store, StoreEntry, StoreEvent, WatchBatch } from '../contracts/store.js';
import { longLived } from '../kernel/abort.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock, Random } from '../kernel/clock.js';
import { OrreryError } from '../kernel/errors.js';
import { untilSilent } from '../kernel/until-silent.js';
import { within } from '../kernel/within.js';
import { deepFreeze } from '../model/json.js';
import { EntryTable } from './entry-table.js';
import { expired, revisionAhead } from './rules.js';
import { WatchWindow } from './watch-window.js';

/** How a {@link Replica} works. */
export interface ReplicaOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** What is mirrored. */
  readonly prefixes: readonly string[];
  /** Revisions kept for watchers and pages of the past. */
  readonly historyLimit?: number;
  readonly bookmarkMs?: number;
  /** The store's revision now. */
  readonly current: () => Promise<number>;
  /** Told of each failure after which it begins or goes on again. */
  readonly problem: (error: unknown) => void;
}

interface Waiting {
  readonly revision: number;
  wake(reached: boolean): void;
}

const PAGE = 1_000;
/** A store says something at least every ten seconds; after so long without a word its watch counts as dead. */
const SILENCE_MS = 35_000;
const BACKOFF = { baseMs: 50, maxMs: 5_000, jitter: 0.5 } as const;

/**
 * What is under some prefixes of a store, as of a known revision: listed once, then kept by one watch, which is over everything, since else it could not tell how far it has got while others
 * write elsewhere. Where the watch breaks off it is resumed; where history went on without it, or another way, the list is read again and watchers are told `EXPIRED`.
 */
export class Replica {
  #entries = new EntryTable();
  #window: WatchWindow | undefined;
  #revision = 0;
  /** The entries are all there are at the revision; else they are to be listed. */
  #whole = false;
  #live = false;
  #generation = 0;
  /** It has ended for good. */
  #end: OrreryError | undefined;
  /** Ends the list or watch that is under way. */
  #life = new AbortController();
  readonly #waiting = new Set<Waiting>();
  /** Who needs the window before there is one. */
  readonly #expecting = new Set<(outcome: WatchWindow | OrreryError) => void>();

  constructor(private readonly options: ReplicaOptions) {}

  /** Its watch is open and has told something: it follows the store. */
  get live(): boolean {
    return this.#live;
  }

  /** The revision that it has reached. */
  get revision(): number {
    return this.#revision;
  }

  /** Grows when history may have gone another way: what was learnt before says nothing about now. */
  get generation(): number {
    return this.#generation;
  }

  get entries(): EntryTable {
    return this.#entries;
  }

  /** The newest changes, once there has been a list. */
  get window(): WatchWindow | undefined {
    return this.#window;
  }

  /** The window as soon as there is one. Throws what the first list failed with, and `ABORTED`. */
  async expectWindow(signal: AbortSignal): Promise<WatchWindow> {
    if (this.#window !== undefined) return this.#window;
    if (this.#end !== undefined) throw this.#end;
    const aborted = new OrreryError('ABORTED', 'The watch was ended before it began.');
    const outcome = await new Promise<WatchWindow | OrreryError>((resolve) => {
      const settle = (result: WatchWindow | OrreryError): void => {
        this.#expecting.delete(settle);
        signal.removeEventListener('abort', end);
        resolve(result);
      };
      const end = (): void => settle(aborted);
      this.#expecting.add(settle);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
    if (outcome instanceof OrreryError) throw outcome;
    return outcome;
  }

  /** Whether it reaches a revision within so many milliseconds; false as soon as it stops following. */
  reached(revision: number, limitMs: number): Promise<boolean> {
    if (!this.#live || this.#revision >= revision) return Promise.resolve(this.#live);
    return new Promise((resolve) => {
      const waiting: Waiting = {
        revision,
        wake: (reached) => {
          cancel();
          this.#waiting.delete(waiting);
          resolve(reached);
        },
      };
      const cancel = this.options.clock.timer(limitMs, () => waiting.wake(false));
      this.#waiting.add(waiting);
    });
  }

  /** History went another way: nothing that is held counts any more. */
  lost({ lastCommon, seen }: HistoryLoss): void {
    this.#generation += 1;
    this.#whole = false;
    this.#pause();
    this.#window?.reset(lastCommon, revisionAhead(seen, lastCommon));
    this.#life.abort(new OrreryError('ABORTED', 'History went another way.'));
  }

  /** Mirrors until the signal aborts or the store is closed; then its watchers end with `end`. */
  async run(signal: AbortSignal, end: OrreryError): Promise<void> {
    const { clock, random, problem } = this.options;
    for (let failures = 0; !signal.aborted; ) {
      const life = longLived(new AbortController());
      this.#life = life;
      const stop = (): void => life.abort(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      try {
        if (!this.#whole) await this.#list(life.signal);
        await this.#follow(life.signal, () => {
          failures = 0;
        });
        if (!life.signal.aborted) throw new OrreryError('UNAVAILABLE', 'The watch of the store ended.');
      } catch (error) {
        if (OrreryError.is(error, 'CLOSED')) break;
        if (life.signal.aborted) continue;
        failures += 1;
        // Anything but a line that broke means that changes were missed.
        if (!OrreryError.is(error, 'UNAVAILABLE') && !OrreryError.is(error, 'TIMEOUT')) this.#whole = false;
        problem(error);
        this.#fail(error);
      } finally {
        signal.removeEventListener('abort', stop);
        life.abort();
        this.#pause();
      }
      await clock.sleep(failures === 0 ? 0 : backoffDelay(BACKOFF, failures, random), signal).catch(() => signal);
    }
    this.#end = end;
    this.#window?.end(end);
    this.#fail(end);
    this.#entries = new EntryTable();
  }

  /** All entries at one revision. */
  async #list(life: AbortSignal): Promise<void> {
    const { store, clock, prefixes } = this.options;
    // What is to be replaced is let go of first: two copies are never held.
    this.#entries = new EntryTable();
    const entries = new EntryTable();
    let revision: number | undefined;
    for (const prefix of prefixes) {
      for (let after: string | undefined, more = true; more; ) {
        const at = revision === undefined ? {} : { atRevision: revision };
        const asked = store.range(prefix, { limit: PAGE, ...(after !== undefined && { after }), ...at });
        const page = await within(asked, clock, SILENCE_MS, () => new OrreryError('TIMEOUT', `The store did not list within ${SILENCE_MS} ms.`), life);
        for (const entry of page.entries) {
          deepFreeze(entry.value);
          entries.put(entry);
        }
        revision ??= page.revision;
        after = page.entries.at(-1)?.key;
        more = page.more && after !== undefined;
      }
    }
    this.#entries = entries;
    this.#revision = revision ?? 0;
    this.#whole = true;
    if (this.#window === undefined) this.#expectedWindow(this.#revision);
    else this.#window.reset(this.#revision, expired(this.#window.last + 1, this.#revision));
  }

  #expectedWindow(start: number): void {
    const { clock, current, historyLimit, bookmarkMs } = this.options;
    this.#window = new WatchWindow({
      clock,
      start,
      ...(historyLimit !== undefined && { limit: historyLimit }),
      ...(bookmarkMs !== undefined && { bookmarkMs }),
      older: (prefix, since, through, signal) => this.#older(prefix, since, through, signal),
      current,
      live: () => this.#live,
    });
    for (const settle of [...this.#expecting]) settle(this.#window);
  }

  async #follow(life: AbortSignal, heard: () => void): Promise<void> {
    const { store, clock } = this.options;
    const open = (signal: AbortSignal): AsyncIterable<WatchBatch> => store.watch('', { since: this.#revision, signal });
    for await (const batch of untilSilent(open, { clock, limitMs: SILENCE_MS, signal: life })) {
      if (life.aborted) return;
      for (const [revision, events] of byRevision(batch)) this.#apply(revision, events);
      this.#revision = Math.max(this.#revision, batch.revision);
      this.#window?.advance(this.#revision);
      this.#live = true;
      heard();
      for (const waiting of [...this.#waiting]) if (waiting.revision <= this.#revision) waiting.wake(true);
    }
  }

  /** One revision, as a whole or not at all. */
  #apply(revision: number, told: readonly StoreEvent[]): void {
    const events = told.map((event) => this.#checked(event));
    this.#window?.push(revision, events);
    for (const event of events) if (this.#mirrors(event.key)) this.#entries.apply(event);
    this.#revision = revision;
  }

  /** The event with the value before it shared with the entry that is held. Throws `INTERNAL` when it does not follow on that: a change was missed. */
  #checked(event: StoreEvent): StoreEvent {
    deepFreeze(event.value);
    deepFreeze(event.previous);
    if (!this.#mirrors(event.key)) return event;
    const held: StoreEntry | undefined = this.#entries.get(event.key);
    if ((held?.modRevision ?? 0) !== event.previousRevision) {
      const details = { key: event.key, revision: event.modRevision, held: held?.modRevision ?? 0, before: event.previousRevision };
      throw new OrreryError('INTERNAL', `The watch of the store left out a change of ${event.key} before revision ${event.modRevision}.`, details);
    }
    if (held === undefined) return event;
    return { ...event, previous: held.value, ...(event.type === 'delete' && { value: held.value }) };
  }

  #mirrors(key: string): boolean {
    return this.options.prefixes.some((prefix) => key.startsWith(prefix));
  }

  /** From the store's own log, what has left the window or came before it. */
  async #older(prefix: string, since: number, through: number, signal: AbortSignal): Promise<WatchBatch> {
    for await (const batch of this.options.store.watch(prefix, { since, signal })) {
      if (batch.revision <= since) continue;
      if (batch.revision <= through) return batch;
      return { revision: through, events: batch.events.filter(({ modRevision }) => modRevision <= through) };
    }
    throw new OrreryError('UNAVAILABLE', 'The watch of the store ended.');
  }

  /** It does not follow any more: who waits goes to the store. */
  #pause(): void {
    this.#live = false;
    for (const waiting of [...this.#waiting]) waiting.wake(false);
  }

  #fail(error: unknown): void {
    const failure = error instanceof OrreryError ? error : new OrreryError('UNAVAILABLE', 'The store could not be listed.', {}, error);
    for (const settle of [...this.#expecting]) settle(failure);
  }
}

/** The events of a batch by revision, in order. */
function byRevision({ events }: WatchBatch): Map<number, StoreEvent[]> {
  const revisions = new Map<number, StoreEvent[]>();
  for (const event of events) {
    const same = revisions.get(event.modRevision);
    if (same === undefined) revisions.set(event.modRevision, [event]);
    else same.push(event);
  }
  return revisions;
}
