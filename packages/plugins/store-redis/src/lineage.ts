import type { HistoryLoss } from '@orrery/core';

/** A stretch of history written by one life of one server. */
export interface Era {
  /** Unique: two servers that both follow on an era make two different ones. */
  readonly token: string;
  /** The revision at which it began: what the server had when it took over. */
  readonly start: number;
}

/** What a server has on record of its history. */
export interface Lineage {
  /** Made anew when the store is made anew. */
  readonly store: string;
  /** The newest eras, oldest first; never empty. */
  readonly eras: readonly Era[];
  readonly revision: number;
  readonly compacted: number;
}

/** The era in which a lineage is written now. */
export const currentEra = (lineage: Lineage): string => lineage.eras.at(-1)?.token ?? '';

/** Reads the `token start` lines of the eras. */
export const parseEras = (lines: readonly string[]): Era[] =>
  lines.map((line) => ({ token: line.slice(0, line.indexOf(' ')), start: Number(line.slice(line.indexOf(' ') + 1)) }));

/**
 * What was lost between the history a client knew and the one it finds.
 * @param seen the newest revision the client knew of in the known history
 * @param asked the newest revision it knew of before it asked: within one era the answer must not be behind that
 */
export function planLoss(known: Lineage, found: Lineage, seen: number, asked: number): HistoryLoss | undefined {
  if (known.store !== found.store) {
    if (seen === 0) return undefined;
    return { lastCommon: 0, seen, reason: 'the store was emptied, exchanged, or its record of itself was deleted' };
  }
  if (currentEra(known) === currentEra(found)) {
    if (found.revision >= asked) return undefined;
    return { lastCommon: found.revision, seen, reason: `the server is at revision ${found.revision}, although revision ${asked} was acknowledged` };
  }
  const lastCommon = commonEnd(known.eras, found.eras);
  if (seen <= lastCommon) return undefined;
  return { lastCommon, seen, reason: `the server that took over, or started again, had only revision ${lastCommon} of ${seen}` };
}

/**
 * Whether a server is one that another has taken over from: it has the history a client knows, but not its newest era, and none of its own behind.
 * It may be the old master on the wrong side of a broken network.
 */
export function superseded(known: Lineage, found: Lineage): boolean {
  return known.store === found.store && currentEra(known) !== currentEra(found) && known.eras.some(({ token }) => token === currentEra(found));
}

/** The revision up to which two lists of eras tell the same history. */
function commonEnd(known: readonly Era[], found: readonly Era[]): number {
  const places = new Map(found.map(({ token }, place) => [token, place]));
  const last = known.findLastIndex(({ token }) => places.has(token));
  // The list is bounded; where nothing of it is shared any more, nothing is known.
  if (last < 0) return 0;
  const later = [...known.slice(last + 1), ...found.slice((places.get((known[last] as Era).token) as number) + 1)];
  return Math.min(...later.map(({ start }) => start));
}
