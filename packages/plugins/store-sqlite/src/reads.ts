import { expired, type RangeOptions, type RangeResult, revisionAhead, type WatchBatch } from '@orrery/core';
import type { ChangeLog } from './change-log.js';

/** Revisions read for a watcher at once: some milliseconds at most, for commits rarely have more than a few writes. */
const OLDER_REVISIONS = 256;

/** A page of entries, see `Store.range`. To be called within one transaction. */
export function readPage(log: ChangeLog, prefix: string, { after = '', limit = Number.MAX_SAFE_INTEGER, atRevision }: RangeOptions): RangeResult {
  const last = log.last();
  const revision = atRevision ?? last;
  const { compacted } = log;
  if (revision > last) throw revisionAhead(revision, last);
  if (revision < compacted) throw expired(revision, compacted);
  // One more tells whether there are more.
  const found = revision === last ? log.page(prefix, after, limit + 1) : log.pageAt(prefix, after, limit + 1, revision);
  if (found.length <= limit) return { entries: found, revision, more: false, remaining: 0 };
  const entries = found.slice(0, limit);
  return { entries, revision, more: true, ...(revision === last && { remaining: log.countAfter(prefix, entries.at(-1)?.key ?? after) }) };
}

/** The changes of the first revisions after `since`, for a watcher whose place is no longer in memory. To be called within one transaction. */
export function readOlder(log: ChangeLog, prefix: string, since: number, through: number): WatchBatch {
  const { compacted } = log;
  if (since < compacted) throw expired(since + 1, compacted);
  const revision = Math.min(through, since + OLDER_REVISIONS);
  return { revision, events: log.events(prefix, since, revision) };
}
