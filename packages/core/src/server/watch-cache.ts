import type { Store, StoredValue, StoreEvent } from '../contracts/store.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock } from '../kernel/clock.js';
import { OrreryError, errorMessage } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { untilSilent } from '../kernel/until-silent.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { prefixOf } from './keys.js';
import { lastState, prepareToSee, seenAs } from './versioned.js';
import { Watcher } from './watcher.js';

/** A change kept for watchers that start in the recent past. */
interface Change {
  readonly revision: number;
  readonly object: KubeObject | undefined;
  readonly old: KubeObject | undefined;
  readonly last: () => KubeObject;
}

/** Changes kept per kind. */
const RING = 8192;
/** A store says something at least every ten seconds; after so long without a word its watch counts as dead. */
const SILENCE_MS = 35_000;
const BACKOFF = { baseMs: 50, maxMs: 5_000 } as const;
/** How often watchers are looked at; one that was told nothing since gets a bookmark, so that no silence lasts ten seconds. */
const BOOKMARK_MS = 5_000;

/** What a watcher wants; `trigger` lets the cache find it by one field's value instead of asking it about every change. */
export interface WatchInterest {
  readonly matches: (object: KubeObject) => boolean;
  readonly trigger?: { readonly field: string; readonly value: string; readonly read: (object: KubeObject) => string };
  readonly bookmarks: boolean;
  /** It knows already that it has seen everything up to where it begins. */
  readonly isCaughtUp?: boolean;
}

/**
 * One kind's recent past and present, fed by one watch on the store, and all its watchers.
 * A change costs what the watchers that may want it cost: those with a trigger are found by value.
 */
export class WatchCache {
  readonly #objects = new Map<string, KubeObject>();
  #ring: Change[] = [];
  /** Watches from before this revision are expired. */
  #ringStart = 0;
  #revision = 0;
  #isOver = false;
  /** Of the newest event; ahead of the revision within a batch. */
  #newest = 0;
  /** With what takes each out of the index it is filed in. */
  readonly #watchers = new Map<Watcher, () => void>();
  /** Watchers without a trigger: asked about every change. */
  readonly #plain = new Set<Watcher>();
  /** field → value → watchers, with the function that reads the field. */
  readonly #triggers = new Map<string, { readonly read: (object: KubeObject) => string; readonly byValue: Map<string, Set<Watcher>> }>();

  constructor(
    readonly kind: KindDefinition,
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** The newest known version of an object, by storage key. May be behind the store. */
  peek(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  /** All objects as last seen. May be behind the store. */
  values(): Iterable<KubeObject> {
    return this.#objects.values();
  }

  /** How many objects there are, as last seen. */
  get size(): number {
    return this.#objects.size;
  }

  /** Everything up to here has been seen. */
  get revision(): number {
    return this.#revision;
  }

  /** How many watches are open. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /**
   * Follows the store until the signal aborts; after a loss (the watch broke, fell silent, left something out or went back) it lists again and ends its
   * watchers with Expired, so that they do too. Throws `CLOSED` when the store was closed.
   */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    let failures = 0;
    const stopBookmarks = this.#bookmarkSilence();
    try {
      while (!signal.aborted) {
        try {
          await this.#list();
          ready();
          await this.#follow(signal, () => {
            failures = 0;
          });
        } catch (error) {
          if (signal.aborted) break;
          if (OrreryError.is(error, 'CLOSED')) throw error;
          failures += 1;
          this.log.warn('watch on the store was lost; listing again', { kind: this.kind.kind, error: errorMessage(error) });
          this.#expireWatchers(Number.POSITIVE_INFINITY);
          if (failures > 1 || !OrreryError.is(error, 'EXPIRED')) await this.clock.sleep(backoffDelay(BACKOFF, failures), signal).catch(() => signal);
        }
      }
    } finally {
      stopBookmarks();
      this.#isOver = true;
      for (const watcher of [...this.#watchers.keys()]) watcher.end();
    }
  }

  async #follow(signal: AbortSignal, changed: () => void): Promise<void> {
    const batches = untilSilent((ended) => this.store.watch(prefixOf(this.kind), { since: this.#revision, signal: ended }), { clock: this.clock, limitMs: SILENCE_MS, signal });
    for await (const batch of batches) {
      await prepareToSee(this.kind, batch.events.flatMap(valuesOf));
      for (const event of batch.events) {
        this.#check(event);
        this.#apply(event);
      }
      if (batch.revision < this.#revision) throw wentBack(this.#revision, batch.revision);
      this.#revision = batch.revision;
      if (batch.events.length === 0) for (const watcher of this.#watchers.keys()) watcher.bookmark(batch.revision);
      else changed();
    }
    if (!signal.aborted) throw new OrreryError('UNAVAILABLE', 'The watch ended.');
  }

  /** Throws when the event does not follow from what is known: something was lost, repeated or undone. */
  #check(event: StoreEvent): void {
    if (event.modRevision <= this.#revision || event.modRevision < this.#newest) throw wentBack(Math.max(this.#revision, this.#newest), event.modRevision);
    this.#newest = event.modRevision;
    const known = Number(this.#objects.get(event.key)?.metadata.resourceVersion ?? 0);
    if (event.previousRevision !== known) {
      throw new OrreryError('EXPIRED', `The watch left something out: ${event.key} was at revision ${known}, and the next change says ${event.previousRevision}.`, { key: event.key });
    }
  }

  /** Opens a watch of changes after `since`. Throws Expired when that is too long ago, or the cache has ended. */
  watch(since: number, interest: WatchInterest): Watcher {
    if (this.#isOver) throw new ApiError('Expired', 'the kind is not served as it was; list again');
    if (since < this.#ringStart) throw new ApiError('Expired', `too old resource version: ${since} (${this.#ringStart})`);
    const watcher = new Watcher(since, interest.matches, interest.bookmarks, (gone) => this.#remove(gone));
    for (let i = this.#firstAfter(since); i < this.#ring.length; i += 1) {
      const change = this.#ring[i] as Change;
      watcher.changed(change.revision, change.object, change.old, change.last);
    }
    if (this.#revision > since || (this.#revision === since && interest.isCaughtUp !== true)) watcher.bookmark(this.#revision);
    this.#watchers.set(watcher, this.#file(watcher, interest.trigger));
    return watcher;
  }

  async #list(): Promise<void> {
    const { entries, revision } = await this.store.range(prefixOf(this.kind));
    await prepareToSee(this.kind, entries.map(({ value }) => value));
    this.#objects.clear();
    for (const entry of entries) this.#objects.set(entry.key, seenAs(this.kind, entry.value, entry.modRevision));
    this.#ring = [];
    this.#ringStart = revision;
    this.#revision = revision;
    this.#newest = revision;
    // Watches that were opened before this list, or while it was under way, would not be told what it jumped over.
    this.#expireWatchers(revision);
  }

  #apply(event: StoreEvent): void {
    const { key, modRevision: revision } = event;
    const old = event.previous === undefined ? undefined : seenAs(this.kind, event.previous, event.previousRevision);
    const object = event.type === 'put' ? seenAs(this.kind, event.value, revision) : undefined;
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    let gone: KubeObject | undefined;
    const last = (): KubeObject => (gone ??= lastState((old ?? object) as KubeObject, revision));
    this.#ring.push({ revision, object, old, last });
    if (this.#ring.length > 2 * RING) {
      // One revision may have several changes, of which some are kept: only who has seen that revision misses nothing.
      this.#ringStart = (this.#ring[this.#ring.length - RING - 1] as Change).revision;
      this.#ring = this.#ring.slice(-RING);
    }
    for (const { read, byValue } of this.#triggers.values()) {
      const now = object === undefined ? undefined : read(object);
      const before = old === undefined ? undefined : read(old);
      if (now !== undefined) for (const watcher of byValue.get(now) ?? []) watcher.changed(revision, object, old, last);
      if (before !== undefined && before !== now) for (const watcher of byValue.get(before) ?? []) watcher.changed(revision, object, old, last);
    }
    for (const watcher of this.#plain) watcher.changed(revision, object, old, last);
  }

  /** Files the watcher where changes find it; returns its removal. */
  #file(watcher: Watcher, trigger: WatchInterest['trigger']): () => void {
    if (trigger === undefined) {
      this.#plain.add(watcher);
      return () => this.#plain.delete(watcher);
    }
    const { field, value, read } = trigger;
    const index = this.#triggers.get(field) ?? { read, byValue: new Map<string, Set<Watcher>>() };
    this.#triggers.set(field, index);
    const bucket = index.byValue.get(value) ?? new Set();
    index.byValue.set(value, bucket.add(watcher));
    return () => {
      bucket.delete(watcher);
      if (bucket.size === 0 && index.byValue.get(value) === bucket) index.byValue.delete(value);
    };
  }

  #remove(watcher: Watcher): void {
    this.#watchers.get(watcher)?.();
    this.#watchers.delete(watcher);
  }

  /** Ends all watches from before a revision. */
  #expireWatchers(before: number): void {
    for (const watcher of [...this.#watchers.keys()]) {
      if (watcher.since < before) watcher.end(new ApiError('Expired', 'the watch was interrupted; list again'));
    }
  }

  /** Tells watchers that were silent for a while how far they are, so that they can tell silence from death. */
  #bookmarkSilence(): () => void {
    let cancel = (): void => {};
    const tick = (): void => {
      for (const watcher of this.#watchers.keys()) {
        if (watcher.quiet) watcher.bookmark(this.#revision);
        watcher.quiet = true;
      }
      cancel = this.clock.timer(BOOKMARK_MS, tick);
    };
    cancel = this.clock.timer(BOOKMARK_MS, tick);
    return () => cancel();
  }

  /** Index of the first kept change after a revision. */
  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ring[middle] as Change).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const valuesOf = (event: StoreEvent): StoredValue[] => [...(event.type === 'put' ? [event.value] : []), ...(event.previous === undefined ? [] : [event.previous])];

const wentBack = (from: number, to: number): OrreryError => new OrreryError('REVISION_AHEAD', `The watch went back from revision ${from} to ${to}.`, { from, to });
