import { check, type SuiteCase } from '../suite.js';
import { drop, put, putAll, Recorder, type StoreContext, soon, value } from './context.js';

type Case = SuiteCase<StoreContext>;

/** etcd's promises about watches, in its words: ordered, unique, atomic, reliable, resumable, bookmarkable. */
export const watchCases: readonly Case[] = [
  {
    name: 'watch: reliable and ordered: every revision once, in order',
    async run({ store }) {
      const recorder = new Recorder(store, '/', await store.revision());
      const revisions = await putAll(store, 200, (i) => `/k${i % 7}`);
      await recorder.reached(revisions);
      check.equal(recorder.changes.map((b) => b.revision), revisions, 'the revisions told');
      check.equal(recorder.changes.map((b) => b.events[0]?.value['n']), Array.from({ length: 200 }, (_, i) => i + 1), 'the values told');
      await recorder.stop();
    },
  },
  {
    name: 'watch: atomic: one commit is one batch',
    async run({ store }) {
      const recorder = new Recorder(store, '/', await store.revision());
      const first = await put(store, '/a', 0);
      const both = await store.commit({ guards: [], writes: [{ key: '/a', value: value(1) }, { key: '/b', value: value(1) }, { key: '/c', value: value(1) }] });
      const last = await put(store, '/d', 1);
      await recorder.reached(last);
      check.equal(recorder.changes.map((b) => [b.revision, b.events.length]), [[first, 1], [both.ok && both.revision, 3], [last, 1]], 'batches');
      await recorder.stop();
    },
  },
  {
    name: 'watch: only its prefix',
    async run({ store }) {
      const recorder = new Recorder(store, '/a/', await store.revision());
      await store.commit({ guards: [], writes: [{ key: '/a/1', value: value(1) }, { key: '/b/1', value: value(1) }] });
      await put(store, '/b/2', 1);
      const last = await put(store, '/a/2', 1);
      await recorder.until((batches) => batches.some((b) => b.revision === last && b.events.length > 0), 'the last change of the prefix');
      check.equal(recorder.changes.map((b) => b.events.map((e) => e.key)), [['/a/1'], ['/a/2']], 'keys told');
      await recorder.stop();
    },
  },
  {
    name: 'watch: events carry the value, the one before, and both revisions',
    async run({ store }) {
      const recorder = new Recorder(store, '/', await store.revision());
      const first = await put(store, '/a', 1);
      const second = await put(store, '/a', 2);
      await recorder.reached(second);
      const [created, updated] = recorder.changes.flatMap((b) => b.events);
      check.equal(created, { type: 'put', key: '/a', value: value(1), previousRevision: 0, createRevision: first, modRevision: first }, 'the event of a creation');
      check.equal(updated, { type: 'put', key: '/a', value: value(2), previous: value(1), previousRevision: first, createRevision: first, modRevision: second }, 'the event of an update');
      await recorder.stop();
    },
  },
  {
    name: 'watch: a delete carries the last state and its own revision',
    async run({ store }) {
      const created = await put(store, '/a', 7);
      const recorder = new Recorder(store, '/', created);
      const deleted = await drop(store, '/a');
      await recorder.reached(deleted);
      const [event] = recorder.changes.flatMap((b) => b.events);
      const told = [event?.type, event?.value, event?.previous, event?.previousRevision, event?.createRevision, event?.modRevision];
      check.equal(told, ['delete', value(7), value(7), created, created, deleted], 'the event of a delete');
      await recorder.stop();
    },
  },
  {
    name: 'watch: resumable from any revision that is kept',
    async run({ store }) {
      const start = await store.revision();
      const revisions = await putAll(store, 30, (i) => `/k${i}`);
      for (const seen of [0, 1, 15, 29]) {
        const since = seen === 0 ? start : (revisions[seen - 1] as number);
        const recorder = new Recorder(store, '/', since);
        await recorder.reached(revisions);
        check.equal(recorder.changes.map((b) => b.revision), revisions.slice(seen), `changes after ${since}`);
        await recorder.stop();
      }
    },
  },
  {
    name: 'watch: resuming while others write loses and repeats nothing',
    async run({ store }) {
      const start = await store.revision();
      const writing = putAll(store, 300, () => '/k');
      const seen: number[] = [];
      while (seen.length < 300) {
        const recorder = new Recorder(store, '/', seen.at(-1) ?? start);
        await recorder.until((batches) => batches.length >= 5 || seen.length + recorder.changes.length >= 300, 'some more changes');
        await recorder.stop();
        seen.push(...recorder.changes.map((b) => b.revision));
      }
      check.equal(seen, await writing, 'the revisions over all resumptions');
    },
  },
  {
    name: 'watch: a compacted start says Expired, never nothing',
    async run({ store }) {
      const revisions = await putAll(store, 10, () => '/a');
      const [third = 0, sixth = 0] = [revisions[2], revisions[5]];
      await store.compact(sixth);
      const recorder = new Recorder(store, '/', third);
      await soon(recorder.done, 'a watch from before the compaction must end at once');
      await check.rejects('EXPIRED', Promise.reject(recorder.error), 'a watch from before the compaction');
      check.equal(recorder.changes.length, 0, 'changes told before the error');
      const later = new Recorder(store, '/', sixth);
      await later.reached(revisions);
      check.equal(later.changes.map((b) => b.revision), revisions.slice(6), 'a watch from the compaction on');
      await later.stop();
    },
  },
  {
    name: 'watch: a future start is an error, and old changes are never told',
    async run({ store }) {
      await put(store, '/a', 1);
      const recorder = new Recorder(store, '/', (await store.revision()) + 1_000);
      await soon(Promise.race([recorder.done, recorder.until((batches) => batches.length > 0, 'the end').catch(() => recorder.done)]), 'a watch from the future must end at once');
      check.equal(recorder.batches, [], 'what a watch from the future was told');
      await check.rejects('REVISION_AHEAD', Promise.reject(recorder.error), 'a watch from the future');
    },
  },
  {
    name: 'watch: a bookmark when caught up, at the current revision',
    async run({ store }) {
      const start = await store.revision();
      await put(store, '/other', 1);
      const last = await put(store, '/other', 2);
      const recorder = new Recorder(store, '/a/', start);
      await recorder.until((batches) => batches.some((b) => b.events.length === 0 && b.revision >= last), `a bookmark at revision ${last}`);
      await recorder.stop();
    },
  },
  {
    name: 'watch: silence is broken by bookmarks, which follow the revision',
    async run({ store, bookmarkMs = 10_000 }) {
      const recorder = new Recorder(store, '/a/', await store.revision());
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      const revision = await put(store, '/b', 1);
      await recorder.until((batches) => batches.some((b) => b.revision >= revision), 'a bookmark after silence', 3 * bookmarkMs + 1_000);
      await recorder.stop();
    },
  },
  {
    name: 'watch: bookmarks come in silence even when nothing happens anywhere',
    async run({ store, bookmarkMs = 10_000 }) {
      const recorder = new Recorder(store, '/a/', await store.revision());
      await recorder.until((batches) => batches.length >= 3, 'three bookmarks', 6 * bookmarkMs + 1_000);
      await recorder.stop();
    },
  },
  {
    name: 'watch: a quiet watch is not cut off by compaction',
    async run({ store }) {
      const recorder = new Recorder(store, '/a/', await store.revision());
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      const others = await putAll(store, 50, () => '/b');
      await store.compact(others[39] as number);
      const revision = await put(store, '/a/1', 1);
      await recorder.reached(revision);
      check.equal(recorder.changes.map((b) => b.revision), [revision], 'the change after the compaction');
      await recorder.stop();
    },
  },
  {
    name: 'watch: revisions never go back, bookmarks included',
    async run({ store }) {
      const recorder = new Recorder(store, '/a/', await store.revision());
      const written = await putAll(store, 100, (i) => (i % 3 === 1 ? '/a/k' : '/b/k'));
      await recorder.until((batches) => batches.some((b) => b.revision >= (written.at(-1) as number)), 'the last revision');
      const revisions = recorder.batches.map((b) => b.revision);
      check.that(revisions.every((revision, i) => i === 0 || revision >= (revisions[i - 1] as number)), `revisions went back: ${revisions.join(' ')}`);
      const told = recorder.changes.map((b) => b.revision);
      check.equal(new Set(told).size, told.length, 'no revision is told twice');
      await recorder.stop();
    },
  },
  {
    name: 'watch: many watchers see the same',
    async run({ store }) {
      const start = await store.revision();
      const recorders = Array.from({ length: 20 }, () => new Recorder(store, '/', start));
      const revisions = await putAll(store, 50, (i) => `/k${i % 5}`);
      for (const recorder of recorders) {
        await recorder.reached(revisions);
        check.equal(recorder.changes.map((b) => b.revision), revisions, 'revisions told');
        await recorder.stop();
      }
    },
  },
  {
    name: 'watch: ends quietly on abort, even before it begins',
    async run({ store }) {
      const recorder = new Recorder(store, '/', await store.revision());
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      await recorder.stop();
      check.equal(recorder.error, undefined, 'an aborted watch must not throw');
      const early = AbortSignal.abort();
      for await (const _batch of store.watch('/', { since: await store.revision(), signal: early })) check.that(false, 'an aborted watch must tell nothing');
    },
  },
  {
    name: 'watch: ends when the store is closed',
    async run({ store }) {
      const recorder = new Recorder(store, '/', await store.revision());
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      await store.close();
      await soon(recorder.done, 'a watch must end when the store is closed');
      await check.rejects('CLOSED', Promise.reject(recorder.error), 'the end of a watch by close');
    },
  },
];
