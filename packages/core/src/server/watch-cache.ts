import type { Store, StoreEvent } from '../contracts/store.js';
import { backoffDelay } from '../kernel/backoff.js';
import type { Clock } from '../kernel/clock.js';
import { OrreryError, errorMessage } from '../kernel/errors.js';
import type { Logger } from '../kernel/logger.js';
import { ApiError } from '../model/api-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { prefixOf } from './keys.js';
import { lastState, versioned } from './versioned.js';
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
/** How often watchers are looked at; one that was told nothing since gets a bookmark, so that no silence lasts ten seconds. */
const BOOKMARK_MS = 5_000;

/** What a watcher wants; `trigger` lets the cache find it by one field's value instead of asking it about every change. */
export interface WatchInterest {
  readonly matches: (object: KubeObject) => boolean;
  readonly trigger?: { readonly field: string; readonly value: string; readonly read: (object: KubeObject) => string };
  readonly bookmarks: boolean;
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
  readonly #watchers = new Set<Watcher>();
  /** Watchers without a trigger: asked about every change. */
  readonly #plain = new Set<Watcher>();
  /** field → value → watchers, with the function that reads the field. */
  readonly #triggers = new Map<string, { readonly read: (object: KubeObject) => string; readonly byValue: Map<string, Set<Watcher>> }>();
  readonly #where = new Map<Watcher, Set<Watcher>>();

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

  /** How many watches are open. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** Follows the store until the signal aborts; after a loss it lists again and ends its watchers with Expired, so that they do too. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    let failures = 0;
    const stopBookmarks = this.#bookmarkSilence();
    try {
      while (!signal.aborted) {
        try {
          await this.#list();
          ready();
          for await (const batch of this.store.watch(prefixOf(this.kind), { since: this.#revision, signal })) {
            failures = 0;
            for (const event of batch.events) this.#apply(event);
            this.#revision = batch.revision;
            if (batch.events.length === 0) for (const watcher of this.#watchers) watcher.bookmark(batch.revision);
          }
        } catch (error) {
          if (signal.aborted || OrreryError.is(error, 'CLOSED')) break;
          failures += 1;
          this.log.warn('watch on the store was lost; listing again', { kind: this.kind.kind, error: errorMessage(error) });
          if (!OrreryError.is(error, 'EXPIRED')) await this.clock.sleep(backoffDelay({ baseMs: 50, maxMs: 5_000 }, failures), signal).catch(() => signal);
        }
        if (!signal.aborted) this.#expireWatchers();
      }
    } finally {
      stopBookmarks();
      for (const watcher of [...this.#watchers]) watcher.end();
    }
  }

  /** Opens a watch of changes after `since`. Throws Expired when that is too long ago. */
  watch(since: number, interest: WatchInterest): Watcher {
    if (since < this.#ringStart) throw new ApiError('Expired', `too old resource version: ${since} (${this.#ringStart})`);
    const watcher = new Watcher(since, interest.matches, interest.bookmarks, (gone) => this.#remove(gone));
    for (let i = this.#firstAfter(since); i < this.#ring.length; i += 1) {
      const change = this.#ring[i] as Change;
      watcher.changed(change.revision, change.object, change.old, change.last);
    }
    if (this.#revision >= since) watcher.bookmark(this.#revision);
    this.#watchers.add(watcher);
    this.#where.set(watcher, this.#bucket(watcher, interest.trigger));
    return watcher;
  }

  async #list(): Promise<void> {
    const { entries, revision } = await this.store.range(prefixOf(this.kind));
    // Watches that were opened while this list was under way would miss what happened before it.
    this.#expireWatchers();
    this.#objects.clear();
    for (const entry of entries) this.#objects.set(entry.key, versioned(entry.value, entry.modRevision));
    this.#ring = [];
    this.#ringStart = revision;
    this.#revision = revision;
  }

  #apply(event: StoreEvent): void {
    const { key, modRevision: revision } = event;
    const old = event.previous === undefined ? undefined : versioned(event.previous, event.previousRevision);
    const object = event.type === 'put' ? versioned(event.value, revision) : undefined;
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    let gone: KubeObject | undefined;
    const last = (): KubeObject => (gone ??= lastState((old ?? object) as KubeObject, revision));
    this.#ring.push({ revision, object, old, last });
    if (this.#ring.length > 2 * RING) {
      this.#ring = this.#ring.slice(-RING);
      this.#ringStart = (this.#ring[0] as Change).revision - 1;
    }
    for (const { read, byValue } of this.#triggers.values()) {
      const now = object === undefined ? undefined : read(object);
      const before = old === undefined ? undefined : read(old);
      if (now !== undefined) for (const watcher of byValue.get(now) ?? []) watcher.changed(revision, object, old, last);
      if (before !== undefined && before !== now) for (const watcher of byValue.get(before) ?? []) watcher.changed(revision, object, old, last);
    }
    for (const watcher of this.#plain) watcher.changed(revision, object, old, last);
  }

  #bucket(watcher: Watcher, trigger: WatchInterest['trigger']): Set<Watcher> {
    let bucket = this.#plain;
    if (trigger !== undefined) {
      const index = this.#triggers.get(trigger.field) ?? { read: trigger.read, byValue: new Map<string, Set<Watcher>>() };
      this.#triggers.set(trigger.field, index);
      bucket = index.byValue.get(trigger.value) ?? new Set();
      index.byValue.set(trigger.value, bucket);
    }
    bucket.add(watcher);
    return bucket;
  }

  #remove(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    this.#where.get(watcher)?.delete(watcher);
    this.#where.delete(watcher);
  }

  #expireWatchers(): void {
    for (const watcher of [...this.#watchers]) {
      this.#remove(watcher);
      watcher.end(new ApiError('Expired', 'the watch was interrupted; list again'));
    }
  }

  /** Tells watchers that were silent for a while how far they are, so that they can tell silence from death. */
  #bookmarkSilence(): () => void {
    let cancel = (): void => {};
    const tick = (): void => {
      for (const watcher of this.#watchers) {
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
