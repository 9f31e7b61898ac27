import type { Store, Write } from '../../contracts/store.js';
import { OrreryError } from '../../kernel/errors.js';
import { yieldToPlatform } from '../../kernel/platform.js';
import { check, type SuiteCase } from '../suite.js';
import { put, Recorder, soon, type StoreContext, value } from './context.js';

type Case = SuiteCase<StoreContext>;

/** Keys that a careless engine takes for patterns, escapes, paths or boundaries. */
const ODD_KEYS = ['/a b', '/a%', '/a*', '/a?', '/a[b]', '/a\\', '/a_b', "/a'b", '/a"b', '/a{b}', '/a|b', '/a~', '/a~~', '/../a', '//', '/a;b', '/$1', '/:a'];

/** Promises about limits, odd input, and calls that come too late. */
export const boundCases: readonly Case[] = [
  {
    name: 'keys are taken literally',
    async run({ store }) {
      for (const key of ODD_KEYS) await put(store, key, key);
      await put(store, '/axb', 'a decoy');
      for (const key of ODD_KEYS) {
        check.equal((await store.get(key))?.value, value(key), `the value of ${key}`);
        const found = (await store.range(key)).entries.map((entry) => entry.key);
        check.equal(found, [...ODD_KEYS, '/axb'].filter((other) => other.startsWith(key)).sort(byCodeUnit), `the keys under ${key}`);
      }
      check.equal((await store.range('')).entries.map((entry) => entry.key), [...ODD_KEYS, '/axb'].sort(byCodeUnit), 'all keys, in order');
    },
  },
  {
    name: 'a commit of 128 writes and 128 guards is one revision; more is refused',
    async run({ store }) {
      const writes = (count: number): Write[] => Array.from({ length: count }, (_, i) => ({ key: `/w/${i}`, value: value(i) }));
      const guards = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `/w/${i}`, modRevision: 0 }));
      await check.rejects('INVALID', store.commit({ guards: [], writes: writes(129) }), '129 writes');
      await check.rejects('INVALID', store.commit({ guards: guards(129), writes: [] }), '129 guards');
      const result = await store.commit({ guards: guards(128), writes: writes(128) });
      check.that(result.ok, '128 writes under 128 guards must succeed');
      const { entries } = await store.range('/w/');
      check.equal([entries.length, new Set(entries.map((entry) => entry.modRevision)).size], [128, 1], 'entries and their revisions');
    },
  },
  {
    name: 'of many guards the first that does not hold is told, and nothing is written',
    async run({ store }) {
      const a = await put(store, '/a', 1);
      await put(store, '/b', 1);
      const guards = [{ key: '/a', modRevision: a }, { key: '/none', modRevision: 0 }, { key: '/c', modRevision: a }, { key: '/b', modRevision: 0 }];
      const result = await store.commit({ guards, writes: [{ key: '/d', value: value(1) }, { key: '/a', delete: true }] });
      check.equal(result, { ok: false, guard: { key: '/c', modRevision: a } }, 'the conflict');
      check.equal((await store.range('/')).entries.map((entry) => entry.key), ['/a', '/b'], 'the keys');
    },
  },
  {
    name: 'a malformed prefix is refused',
    async run({ store }) {
      await check.rejects('INVALID', store.range('/ä'), 'a range of a malformed prefix');
      await check.rejects('INVALID', store.get('ä'), 'a read of a malformed key');
    },
  },
  {
    name: 'compacting what is not there yet is refused, and what is compacted already does nothing',
    async run({ store }) {
      const first = await put(store, '/a', 1);
      const last = await put(store, '/a', 2);
      await check.rejects('REVISION_AHEAD', store.compact(last + 1_000), 'a compaction of the future');
      await store.compact(last);
      await store.compact(last);
      await store.compact(first);
      await store.compact(0);
      check.equal((await store.get('/a'))?.value, value(2), 'the value');
      check.equal((await store.range('/', { atRevision: last })).entries.length, 1, 'the range at the compaction');
      const next = await put(store, '/a', 3);
      check.that(next > last, 'revisions go on');
    },
  },
  {
    name: 'a watcher that does not read is told all or cut off, never something with a gap',
    async run({ store }) {
      const abort = new AbortController();
      const start = await store.revision();
      const batches = store.watch('/s/', { since: start, signal: abort.signal })[Symbol.asyncIterator]();
      await batches.next();
      const revisions: number[] = [];
      for (let round = 0; round < 40; round += 1) {
        const results = await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit({ guards: [], writes: [{ key: `/s/${i}`, value: value(round) }] })));
        for (const result of results) if (result.ok) revisions.push(result.revision);
      }
      revisions.sort((a, b) => a - b);
      const last = revisions.at(-1) as number;
      const told: number[] = [];
      let seen = start;
      try {
        while (seen < last) {
          const { value: batch, done } = await soon(batches.next(), 'a late reader must be answered');
          if (done === true) break;
          told.push(...batch.events.map((event) => event.modRevision));
          seen = batch.revision;
        }
      } catch (error) {
        check.that(OrreryError.is(error, 'EXPIRED'), `a late reader is cut off with EXPIRED, not with ${String(error)}`);
      }
      check.equal(told, seen < last ? revisions.slice(0, told.length) : revisions, 'what a late reader was told');
      abort.abort();
      await batches.return?.();
    },
  },
  closing('closing while calls are under way: each ends as done, or says that it is not known or closed', async () => {}),
  closing('closing while commits are on their way: none that happened is said to be refused', yieldToPlatform),
  {
    name: 'every method refuses use after close, watches and leases too',
    async run({ store }) {
      const lease = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 }), 'the lease');
      await store.close();
      const { signal } = new AbortController();
      await check.rejects('CLOSED', store.compact(0), 'compact');
      await check.rejects('CLOSED', store.acquireLease('l', { holder: 'a', ttlMs: 1_000 }), 'acquireLease');
      await check.rejects(['CLOSED', 'LEASE_LOST'], lease.renew(signal), 'renew');
      await lease.release().catch((error: unknown) => check.that(OrreryError.is(error, 'CLOSED'), `release after close: ${String(error)}`));
      const recorder = new Recorder(store, '/', 0);
      await soon(recorder.done, 'a watch of a closed store must end at once');
      await check.rejects('CLOSED', Promise.reject(recorder.error), 'watch');
      await store[Symbol.asyncDispose]();
    },
  },
  {
    name: 'watches that are given up, at any moment, leave the store usable',
    async run({ store }) {
      const since = await store.revision();
      await put(store, '/a', 0);
      for (let i = 0; i < 30; i += 1) await openAndLeave(store, since, i);
      const recorder = new Recorder(store, '/a', await store.revision());
      const revision = await put(store, '/a', 'end');
      await recorder.reached(revision);
      await recorder.stop();
    },
  },
];

/** Leaves a watch by abort or by return: before the first batch, after it, or while a commit is on its way. */
async function openAndLeave(store: Store, since: number, i: number): Promise<void> {
  const abort = new AbortController();
  const batches = store.watch('/a', { since, signal: abort.signal })[Symbol.asyncIterator]();
  const first = batches.next();
  if (i % 3 > 0) await soon(first, 'the first batch');
  const writing = i % 3 === 2 ? put(store, '/a', i) : undefined;
  const next = i % 3 === 0 ? first : batches.next();
  abort.abort();
  await soon(Promise.allSettled([next, writing]), 'an aborted watch must end');
  if (i % 2 === 0) await soon(Promise.resolve(batches.return?.()), 'returning an aborted watch');
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : 1);

/** Commits and reads are asked for, then the store is closed: at once, or later. */
function closing(name: string, wait: () => Promise<void>): Case {
  return {
    name,
    async run({ store, reopen }) {
      await put(store, '/before', 1);
      // Reads may end before commits do: both are listened to from the beginning.
      const commits = Promise.allSettled(Array.from({ length: 20 }, (_, i) => store.commit({ guards: [], writes: [{ key: `/c/${i}`, value: value(i) }] })));
      const reads = Promise.allSettled(Array.from({ length: 5 }, () => store.get('/before')));
      await wait();
      const ending = store.close();
      const outcomes = await soon(commits, 'commits must end when the store is closed');
      for (const read of await soon(reads, 'reads must end when the store is closed')) {
        check.that(read.status === 'fulfilled' || OrreryError.is(read.reason, 'CLOSED'), `a read under way: ${String((read as PromiseRejectedResult).reason)}`);
      }
      await soon(ending, 'closing must end');
      for (const outcome of outcomes) {
        const known = outcome.status === 'fulfilled' ? outcome.value.ok : OrreryError.is(outcome.reason, 'CLOSED') || OrreryError.is(outcome.reason, 'OUTCOME_UNKNOWN');
        check.that(known, `a commit under way: ${String((outcome as PromiseRejectedResult).reason)}`);
      }
      const other = await reopen?.();
      if (other === undefined) return;
      for (const [i, outcome] of outcomes.entries()) {
        const there = (await other.get(`/c/${i}`)) !== undefined;
        if (outcome.status === 'fulfilled') check.that(there, `commit ${i} was acknowledged and must be there`);
        else if (OrreryError.is(outcome.reason, 'CLOSED')) check.that(!there, `commit ${i} was said not to have happened (CLOSED)`);
      }
      await other.close();
    },
  };
}
