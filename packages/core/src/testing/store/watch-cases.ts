import { check, type SuiteCase } from '../suite.js';
import { drop, put, Recorder, type StoreContext, soon, value } from './context.js';

type Case = SuiteCase<StoreContext>;

/** etcd's promises about watches, in its words: ordered, unique, atomic, reliable, resumable, bookmarkable. */
export const watchCases: readonly Case[] = [
  {
    name: 'watch: reliable and ordered: every revision once, in order',
    async run({ store }) {
      const recorder = new Recorder(store, '/', 0);
      for (let i = 1; i <= 200; i += 1) await put(store, `/k${i % 7}`, i);
      await recorder.reached(200);
      check.equal(recorder.changes.map((b) => b.revision), Array.from({ length: 200 }, (_, i) => i + 1), 'the revisions told');
      check.equal(recorder.changes.map((b) => b.events[0]?.value['n']), Array.from({ length: 200 }, (_, i) => i + 1), 'the values told');
      await recorder.stop();
    },
  },
  {
    name: 'watch: atomic: one commit is one batch',
    async run({ store }) {
      const recorder = new Recorder(store, '/', 0);
      await put(store, '/a', 0);
      await store.commit({ guards: [], writes: [{ key: '/a', value: value(1) }, { key: '/b', value: value(1) }, { key: '/c', value: value(1) }] });
      await put(store, '/d', 1);
      await recorder.reached(3);
      check.equal(recorder.changes.map((b) => [b.revision, b.events.length]), [[1, 1], [2, 3], [3, 1]], 'batches');
      await recorder.stop();
    },
  },
  {
    name: 'watch: only its prefix',
    async run({ store }) {
      const recorder = new Recorder(store, '/a/', 0);
      await store.commit({ guards: [], writes: [{ key: '/a/1', value: value(1) }, { key: '/b/1', value: value(1) }] });
      await put(store, '/b/2', 1);
      await put(store, '/a/2', 1);
      await recorder.until((batches) => batches.some((b) => b.revision === 3 && b.events.length > 0), 'the last change of the prefix');
      check.equal(recorder.changes.map((b) => b.events.map((e) => e.key)), [['/a/1'], ['/a/2']], 'keys told');
      await recorder.stop();
    },
  },
  {
    name: 'watch: events carry the value, the one before, and both revisions',
    async run({ store }) {
      const recorder = new Recorder(store, '/', 0);
      await put(store, '/a', 1);
      await put(store, '/a', 2);
      await recorder.reached(2);
      const [created, updated] = recorder.changes.flatMap((b) => b.events);
      check.equal(created, { type: 'put', key: '/a', value: value(1), previousRevision: 0, createRevision: 1, modRevision: 1 }, 'the event of a creation');
      check.equal(updated, { type: 'put', key: '/a', value: value(2), previous: value(1), previousRevision: 1, createRevision: 1, modRevision: 2 }, 'the event of an update');
      await recorder.stop();
    },
  },
  {
    name: 'watch: a delete carries the last state and its own revision',
    async run({ store }) {
      await put(store, '/a', 7);
      const recorder = new Recorder(store, '/', 1);
      await drop(store, '/a');
      await recorder.reached(2);
      const [event] = recorder.changes.flatMap((b) => b.events);
      check.equal([event?.type, event?.value, event?.previous, event?.modRevision], ['delete', value(7), value(7), 2], 'the event of a delete');
      await recorder.stop();
    },
  },
  {
    name: 'watch: resumable from any revision that is kept',
    async run({ store }) {
      for (let i = 1; i <= 30; i += 1) await put(store, `/k${i}`, i);
      for (const since of [0, 1, 15, 29]) {
        const recorder = new Recorder(store, '/', since);
        await recorder.reached(30);
        check.equal(recorder.changes.map((b) => b.revision), Array.from({ length: 30 - since }, (_, i) => since + i + 1), `changes after ${since}`);
        await recorder.stop();
      }
    },
  },
  {
    name: 'watch: resuming while others write loses and repeats nothing',
    async run({ store }) {
      const writing = (async () => {
        for (let i = 1; i <= 300; i += 1) await put(store, '/k', i);
      })();
      const seen: number[] = [];
      while (seen.length < 300) {
        const recorder = new Recorder(store, '/', seen.at(-1) ?? 0);
        await recorder.until((batches) => batches.length >= 5 || (batches.at(-1)?.revision ?? 0) >= 300, 'some more changes');
        await recorder.stop();
        seen.push(...recorder.changes.map((b) => b.revision));
      }
      await writing;
      check.equal(seen, Array.from({ length: 300 }, (_, i) => i + 1), 'the revisions over all resumptions');
    },
  },
  {
    name: 'watch: a compacted start says Expired, never nothing',
    async run({ store }) {
      for (let i = 1; i <= 10; i += 1) await put(store, '/a', i);
      await store.compact(6);
      const recorder = new Recorder(store, '/', 3);
      await soon(recorder.done, 'a watch from before the compaction must end at once');
      await check.rejects('EXPIRED', Promise.reject(recorder.error), 'a watch from before the compaction');
      check.equal(recorder.changes.length, 0, 'changes told before the error');
      const later = new Recorder(store, '/', 6);
      await later.reached(10);
      check.equal(later.changes.map((b) => b.revision), [7, 8, 9, 10], 'a watch from the compaction on');
      await later.stop();
    },
  },
  {
    name: 'watch: a future start is an error, and old changes are never told',
    async run({ store }) {
      await put(store, '/a', 1);
      const recorder = new Recorder(store, '/', 5);
      await soon(recorder.done, 'a watch from the future must end at once');
      await check.rejects('REVISION_AHEAD', Promise.reject(recorder.error), 'a watch from the future');
    },
  },
  {
    name: 'watch: a bookmark when caught up, at the current revision',
    async run({ store }) {
      await put(store, '/other', 1);
      await put(store, '/other', 2);
      const recorder = new Recorder(store, '/a/', 0);
      await recorder.until((batches) => batches.some((b) => b.events.length === 0 && b.revision === 2), 'a bookmark at revision 2');
      await recorder.stop();
    },
  },
  {
    name: 'watch: silence is broken by bookmarks, which follow the revision',
    async run({ store, bookmarkMs = 10_000 }) {
      const recorder = new Recorder(store, '/a/', 0);
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      await put(store, '/b', 1);
      await recorder.until((batches) => batches.some((b) => b.revision === 1), 'a bookmark after silence', 3 * bookmarkMs + 1_000);
      await recorder.stop();
    },
  },
  {
    name: 'watch: bookmarks come in silence even when nothing happens anywhere',
    async run({ store, bookmarkMs = 10_000 }) {
      const recorder = new Recorder(store, '/a/', 0);
      await recorder.until((batches) => batches.length >= 3, 'three bookmarks', 6 * bookmarkMs + 1_000);
      await recorder.stop();
    },
  },
  {
    name: 'watch: a quiet watch is not cut off by compaction',
    async run({ store }) {
      const recorder = new Recorder(store, '/a/', 0);
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      for (let i = 0; i < 50; i += 1) await put(store, '/b', i);
      await store.compact(40);
      const revision = await put(store, '/a/1', 1);
      await recorder.reached(revision);
      check.equal(recorder.changes.map((b) => b.revision), [revision], 'the change after the compaction');
      await recorder.stop();
    },
  },
  {
    name: 'watch: revisions never go back, bookmarks included',
    async run({ store }) {
      const recorder = new Recorder(store, '/a/', 0);
      for (let i = 0; i < 100; i += 1) await put(store, i % 3 === 0 ? '/a/k' : '/b/k', i);
      await recorder.until((batches) => batches.some((b) => b.revision >= 100), 'the last revision');
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
      const recorders = Array.from({ length: 20 }, () => new Recorder(store, '/', 0));
      for (let i = 1; i <= 50; i += 1) await put(store, `/k${i % 5}`, i);
      for (const recorder of recorders) {
        await recorder.reached(50);
        check.equal(recorder.changes.map((b) => b.revision), Array.from({ length: 50 }, (_, i) => i + 1), 'revisions told');
        await recorder.stop();
      }
    },
  },
  {
    name: 'watch: ends quietly on abort, even before it begins',
    async run({ store }) {
      const recorder = new Recorder(store, '/', 0);
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      await recorder.stop();
      check.equal(recorder.error, undefined, 'an aborted watch must not throw');
      const early = AbortSignal.abort();
      for await (const _batch of store.watch('/', { since: 0, signal: early })) check.that(false, 'an aborted watch must tell nothing');
    },
  },
  {
    name: 'watch: ends when the store is closed',
    async run({ store }) {
      const recorder = new Recorder(store, '/', 0);
      await recorder.until((batches) => batches.length > 0, 'the first bookmark');
      await store.close();
      await soon(recorder.done, 'a watch must end when the store is closed');
      await check.rejects('CLOSED', Promise.reject(recorder.error), 'the end of a watch by close');
    },
  },
];
