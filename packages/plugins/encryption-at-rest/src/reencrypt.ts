import { errorMessage, OrreryError, type Store, type StoredValue, type StoreEntry, type ValueCodec } from '@orrery/core';

/** What {@link reencrypt} works on. */
export interface ReencryptOptions {
  /** The store itself (`orchestrator.get(Store)`), which shows values as they are kept. */
  readonly store: Store;
  /** The codec in use (`orchestrator.get(ValueCodec)`). */
  readonly codec: ValueCodec;
  /** Only keys that begin so, for instance `/registry/core/secrets/`. Default: all. */
  readonly prefix?: string;
  readonly signal: AbortSignal;
  /** Deletes what is `UNREADABLE`, which nobody can read any more; the only way to be rid of it. Default: false, it is only reported. */
  readonly deleteUnreadable?: boolean;
  /** Values read at a time; default 100. */
  readonly pageSize?: number;
}

/** What {@link reencrypt} did. */
export interface ReencryptReport {
  /** Values looked at. */
  readonly seen: number;
  /** Values that were kept in another way and are written anew. */
  readonly rewritten: number;
  /** Values that were kept in the right way already. */
  readonly current: number;
  /** Values that somebody else wrote or deleted meanwhile, which made them right. */
  readonly overtaken: number;
  /** Values that cannot be read, by key; deleted if that was asked for. */
  readonly unreadable: readonly { readonly key: string; readonly reason: string; readonly deleted: boolean }[];
}

/**
 * Writes anew what is kept under an old key, or plain, or encrypted where it no longer should be: each value by a compare-and-set of its own, so that it can run beside everything else and be broken off and repeated at will.
 * Watchers see a change of each such object. Old versions stay in the history until it is compacted. When the report has no `unreadable` and a second run rewrites nothing, the old key can be removed.
 * Throws `ABORTED`, what the store throws, and the codec's `UNAVAILABLE` when a key is missing.
 */
export async function reencrypt(options: ReencryptOptions): Promise<ReencryptReport> {
  const { store, prefix = '', signal, pageSize = 100 } = options;
  const counts = { seen: 0, rewritten: 0, current: 0, overtaken: 0 };
  const unreadable: ReencryptReport['unreadable'][number][] = [];
  let after: string | undefined;
  for (let more = true; more; ) {
    // Not at one revision: that may be compacted while this goes on, and what is written meanwhile is written in the right way.
    const page = await store.range(prefix, { limit: pageSize, ...(after !== undefined && { after }) });
    for (const entry of page.entries) {
      if (signal.aborted) throw new OrreryError('ABORTED', 'Rewriting was aborted.', { key: entry.key }, signal.reason);
      counts.seen += 1;
      const result = await rewrite(entry, options);
      if (typeof result === 'string') counts[result] += 1;
      else unreadable.push(result);
    }
    after = page.entries.at(-1)?.key;
    more = page.more && after !== undefined;
  }
  return { ...counts, unreadable };
}

type Outcome = 'rewritten' | 'current' | 'overtaken' | ReencryptReport['unreadable'][number];

async function rewrite(first: StoreEntry, { store, codec, deleteUnreadable = false }: ReencryptOptions): Promise<Outcome> {
  for (let entry = first; ; ) {
    const { key, modRevision } = entry;
    const guards = [{ key, modRevision }];
    let value: StoredValue;
    try {
      // Also what is kept in the right way, so that the report can be relied on.
      value = await codec.decode(key, entry.value);
    } catch (error) {
      if (!OrreryError.is(error, 'UNREADABLE')) throw error;
      const deleted = deleteUnreadable && (await store.commit({ guards, writes: [{ key, delete: true }] })).ok;
      return { key, reason: errorMessage(error), deleted };
    }
    if (codec.isCurrent(key, entry.value)) return entry === first ? 'current' : 'overtaken';
    const result = await store.commit({ guards, writes: [{ key, value: await codec.encode(key, value) }] });
    if (result.ok) return 'rewritten';
    if (result.found === undefined) return 'overtaken';
    entry = result.found;
  }
}
