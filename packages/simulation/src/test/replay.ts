import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Store, Write } from '@orrery/core';
import { liveBytes, type SoakSample } from '../soak.js';
import { measureStore } from '../soak-store.js';

/** One commit of a soak, and when it was made there, in virtual milliseconds. */
export interface Recorded {
  readonly atMs: number;
  readonly writes: readonly Write[];
}

const MINUTE_MS = 60_000;
/** As in the server's compaction: every five minutes, to what was there five minutes before. */
const COMPACT_MS = 5 * MINUTE_MS;
/** Commits that are under way at the same time at most. */
const AT_ONCE = 64;

/**
 * Makes the commits of a record (a line each) again on a real store as fast as it can, under a lease that is renewed all along, with history compacted as in the recorded time. Looks at the
 * store after the first compaction from each of the `looks` on, in recorded minutes.
 */
export async function replay(record: string, store: Store, looks: readonly number[], sizes: () => Promise<Readonly<Record<string, number>>>): Promise<SoakSample[]> {
  const samples: SoakSample[] = [];
  const lease = await store.acquireLease('orrery-leader', { holder: 'soak', ttlMs: 60_000 });
  if (lease === undefined) throw new Error('the lease of a new store is taken');
  const guards = [{ lease: lease.name, epoch: lease.epoch }];
  let [before, next] = [0, COMPACT_MS];
  for await (const group of groupsOf(record)) {
    await Promise.all([lease.renew(new AbortController().signal), ...group.map(async ({ writes }) => succeeded(await store.commit({ guards, writes })))]);
    const { atMs } = group.at(-1) as Recorded;
    if (atMs < next) continue;
    const now = await store.revision();
    if (before > 0) await store.compact(before);
    before = now;
    next += COMPACT_MS;
    const minute = atMs / MINUTE_MS;
    if (minute < (looks[samples.length] ?? Number.POSITIVE_INFINITY)) continue;
    const { entries } = await store.range('/registry/core/events/');
    samples.push({ minute, events: entries.length, ...(await measureStore(store)), heapBytes: liveBytes(), files: await sizes() });
  }
  await lease.release();
  return samples;
}

function succeeded({ ok }: { readonly ok: boolean }): void {
  if (!ok) throw new Error('a commit of the lease\'s holder was refused');
}

/** Neighbours that concern different keys and lie in one minute: those may be made at once, and in any order. */
async function* groupsOf(record: string): AsyncGenerator<readonly Recorded[]> {
  let group: Recorded[] = [];
  let keys = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(record) })) {
    const one = JSON.parse(line) as Recorded;
    const [first] = group;
    if (first !== undefined && (group.length >= AT_ONCE || one.atMs - first.atMs > MINUTE_MS || one.writes.some(({ key }) => keys.has(key)))) {
      yield group;
      group = [];
      keys = new Set();
    }
    group.push(one);
    for (const { key } of one.writes) keys.add(key);
  }
  if (group.length > 0) yield group;
}
