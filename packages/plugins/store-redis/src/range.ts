import { expired, OrreryError, type RangeOptions, type RangeResult, revisionAhead, type StoreEntry, type WatchBatch } from '@orrery/core';
import { decodeEntry, decodeLogEntry, eventsOf } from './codec.js';
import { type Script, scripts } from './lua/index.js';

/** Asks the server, in the era that is known; the answer without the leading `ok`. Other words come as they are. */
export type Ask = (script: Script, args: object) => Promise<readonly [word: string, ...rest: readonly unknown[]]>;

/** Bounds of one script call: everybody else waits for it. */
const PAGE_KEYS = 500;
const PAGE_BYTES = 1_048_576;
const LOG_REVISIONS = 1_000;

/** How often a list is begun again when the history it needs is forgotten while it is read. */
const ATTEMPTS = 5;

/**
 * Reads a prefix at one revision, in pages, while others write. The target is the revision asked for, or that of the first page. Each page comes as of
 * a later revision; the log between says what the keys that changed were at the target.
 */
export async function readRange(ask: Ask, prefix: string, options: RangeOptions): Promise<RangeResult> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readOnce(ask, prefix, options);
    } catch (error) {
      if (options.atRevision !== undefined || !OrreryError.is(error, 'EXPIRED')) throw error;
      if (attempt >= ATTEMPTS) throw new OrreryError('UNAVAILABLE', 'History is forgotten faster than a list of the prefix can be read; keep more of it.', { prefix });
    }
  }
}

async function readOnce(ask: Ask, prefix: string, { after, limit = Number.POSITIVE_INFINITY, atRevision }: RangeOptions): Promise<RangeResult> {
  let target = atRevision;
  let known = target ?? 0;
  let cursor = after;
  let following = 0;
  const found: StoreEntry[] = [];
  /** What keys that changed since were at the target; undefined: not there. */
  const then = new Map<string, StoreEntry | undefined>();
  for (;;) {
    const count = Math.min(PAGE_KEYS, Math.max(1, limit + 1 - reached(found, then, cursor, limit)));
    const page = await ask(scripts.page, { prefix, ...(cursor !== undefined && { after: cursor }), count, bytes: PAGE_BYTES });
    const [, revision, compacted, remaining, flat] = page as readonly [string, number, number, number, readonly string[]];
    if (atRevision !== undefined && atRevision > revision) throw revisionAhead(atRevision, revision);
    if (atRevision !== undefined && atRevision < compacted) throw expired(atRevision, compacted);
    if (target === undefined) known = target = revision;
    for (const event of await changes(ask, prefix, known, revision)) {
      if (then.has(event.key) || (after !== undefined && event.key <= after)) continue;
      const { key, previous: value, previousRevision: modRevision, createRevision } = event;
      then.set(key, value === undefined ? undefined : { key, value, createRevision, modRevision });
    }
    known = revision;
    following = remaining;
    for (let i = 0; i + 1 < flat.length; i += 2) {
      cursor = flat[i] as string;
      if (!then.has(cursor)) found.push(decodeEntry(cursor, flat[i + 1] as string));
    }
    const whole = remaining === 0 || flat.length === 0;
    if (whole || reached(found, then, cursor, limit) > limit) return finish(found, then, whole ? undefined : cursor, limit, following, target);
  }
}

/** How many entries there are up to the cursor; 0 where no limit asks for it. */
function reached(found: readonly StoreEntry[], then: ReadonlyMap<string, StoreEntry | undefined>, cursor: string | undefined, limit: number): number {
  if (limit === Number.POSITIVE_INFINITY || cursor === undefined) return 0;
  let count = then.size === 0 ? found.length : found.filter(({ key }) => !then.has(key)).length;
  for (const [key, entry] of then) if (entry !== undefined && key <= cursor) count += 1;
  return count;
}

function finish(found: readonly StoreEntry[], then: ReadonlyMap<string, StoreEntry | undefined>, cursor: string | undefined, limit: number, following: number, revision: number): RangeResult {
  const changed = [...then.values()].filter((entry): entry is StoreEntry => entry !== undefined && (cursor === undefined || entry.key <= cursor));
  const current = then.size === 0 ? found : found.filter(({ key }) => !then.has(key));
  const all = changed.length === 0 ? current : [...current, ...changed].sort((a, b) => (a.key < b.key ? -1 : 1));
  const entries = all.length > limit ? all.slice(0, limit) : all;
  const more = all.length > limit || cursor !== undefined;
  return { entries, revision, more, ...(then.size === 0 && { remaining: all.length - entries.length + following }) };
}

/** The events under a prefix after `since` through `through`. */
async function changes(ask: Ask, prefix: string, since: number, through: number): Promise<WatchBatch['events']> {
  const events: WatchBatch['events'][number][] = [];
  for (let at = since; at < through; ) {
    const batch = await readLog(ask, prefix, at, through);
    events.push(...batch.events);
    at = batch.revision;
  }
  return events;
}

/** The next stretch of the log. Throws `EXPIRED` when it is not there any more. */
export async function readLog(ask: Ask, prefix: string, since: number, through: number): Promise<WatchBatch> {
  const [word, upTo, flat] = (await ask(scripts.log, { prefix, since, through, count: LOG_REVISIONS, bytes: PAGE_BYTES })) as readonly [string, number, readonly unknown[]];
  if (word !== 'ok') throw expired(since, upTo);
  const events: WatchBatch['events'][number][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) events.push(...eventsOf(decodeLogEntry(flat[i] as number, flat[i + 1] as readonly string[]), prefix));
  return { revision: upTo, events };
}
