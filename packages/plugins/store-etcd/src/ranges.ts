import { expired, OrreryError, type RangeOptions, type RangeResult, revisionAhead, type StoreEntry } from '@orrery/core';
import type { EtcdClient } from './etcd-client.js';
import { EtcdFailure, toOrreryError } from './failure.js';
import { type Layout, toEntry } from './layout.js';
import type { KeyValue } from './messages.js';

/** Entries asked for first, and at most; in between as many as fit the size. */
const FIRST_PAGE = 200;
const LARGEST_PAGE = 10_000;
const PAGE_BYTES = 4 * 1024 * 1024;
/** A list of the present whose revision is compacted before its last page begins again so often. */
const RESTARTS = 3;

/** See `Store.range`: one list, read in pages of bounded size, all at one revision. */
export async function readRange(client: EtcdClient, layout: Layout, prefix: string, options: RangeOptions): Promise<RangeResult> {
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await readPages(client, layout, prefix, options);
    } catch (error) {
      if (!OrreryError.is(error, 'EXPIRED') || options.atRevision !== undefined || restarts >= RESTARTS) throw error;
    }
  }
}

async function readPages(client: EtcdClient, layout: Layout, prefix: string, { after, limit = Number.POSITIVE_INFINITY, atRevision }: RangeOptions): Promise<RangeResult> {
  const entries: StoreEntry[] = [];
  // etcd's own history begins at 1; it reads 0 as "now".
  let revision = atRevision === undefined ? 0 : Math.max(1, atRevision);
  let page = FIRST_PAGE;
  let last = after;
  for (;;) {
    const wanted = Math.max(1, Math.min(page, limit - entries.length));
    const { kvs, more, count, header } = await ask(client, layout, prefix, last, wanted, revision);
    revision ||= header.revision;
    if (limit <= 0) return { entries, revision: atRevision ?? revision, more: count > 0, remaining: count };
    let bytes = 0;
    for (const kv of kvs) {
      bytes += size(kv);
      entries.push(toEntry(layout, kv));
    }
    if (!more || entries.length >= limit) return { entries, revision: atRevision ?? revision, more, remaining: count - kvs.length };
    last = (entries.at(-1) as StoreEntry).key;
    page = Math.max(1, Math.min(LARGEST_PAGE, Math.floor((PAGE_BYTES * kvs.length) / bytes)));
  }
}

const size = ({ key, value }: KeyValue): number => key.length + value.length + 32;

async function ask(client: EtcdClient, layout: Layout, prefix: string, after: string | undefined, limit: number, revision: number) {
  try {
    return await client.range({ ...layout.range(prefix, after), limit, revision });
  } catch (error) {
    if (!(error instanceof EtcdFailure)) throw error;
    // How far it is compacted etcd does not say.
    if (error.compacted) throw expired(revision, revision);
    if (error.future) throw revisionAhead(revision, client.guard.highest);
    throw toOrreryError(error);
  }
}
