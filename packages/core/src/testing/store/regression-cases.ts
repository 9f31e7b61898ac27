import { OrreryError } from '../../kernel/errors.js';
import type { WatchBatch } from '../../contracts/store.js';
import { check, type SuiteCase } from '../suite.js';
import { drop, put, putAll, Recorder, type StoreContext, soon, value } from './context.js';

/** Promises that etcd itself has broken once; the numbers are those of its issues. */
export const regressionCases: readonly SuiteCase<StoreContext>[] = [
  {
    // 15220
    name: 'watch: a bookmark means that nothing up to it follows',
    async run({ store, bookmarkMs = 10_000 }) {
      const recorder = new Recorder(store, '/a/', await store.revision());
      for (let round = 0; round < 3; round += 1) {
        const written = await putAll(store, 20, (n) => (n % 2 === 0 ? '/a/k' : '/b/k'));
        const last = written.at(-1) as number;
        await recorder.until((batches) => batches.some((b) => b.revision >= last), `what happened up to ${last}`, 3 * bookmarkMs + 1_000);
      }
      await recorder.stop();
      let told = 0;
      for (const { revision, events } of recorder.batches) {
        for (const event of events) check.that(event.modRevision > told, `revision ${event.modRevision} came after everything up to ${told} was said to be told`);
        told = Math.max(told, revision);
      }
    },
  },
  {
    // 17780
    name: 'the revision does not go back when everything is compacted, the last delete included',
    async run({ store }) {
      await put(store, '/a', 1);
      const last = await drop(store, '/a');
      await store.compact(last);
      check.that((await store.revision()) >= last, 'the revision after the compaction');
      check.equal((await store.range('/')).entries, [], 'what is left');
      check.that((await put(store, '/b', 1)) > last, 'the next revision must be greater than any before');
    },
  },
  {
    // 18089
    name: 'watch: a delete at the revision that is compacted is told or expired, never left out',
    async run({ store }) {
      const before = await put(store, '/a', 1);
      const deleted = await drop(store, '/a');
      const last = await put(store, '/b', 1);
      await store.compact(deleted);
      const recorder = new Recorder(store, '/', before);
      await toldOrExpired(recorder, deleted, last);
      await recorder.stop();
    },
  },
  {
    // 19179
    name: 'watch: a delete is told or expired also to a watch that was open when its revision was compacted',
    async run({ store }) {
      const before = await put(store, '/a', 1);
      const abort = new AbortController();
      const watch = store.watch('/', { since: before, signal: abort.signal })[Symbol.asyncIterator]();
      const bookmark = check.present((await soon(watch.next(), 'the first bookmark')).value as WatchBatch | undefined, 'the first bookmark');
      check.equal(bookmark.events, [], 'nothing to tell yet');
      // Nobody reads while this happens.
      const deleted = await drop(store, '/a');
      await store.compact(deleted);
      const last = await put(store, '/b', 1);
      const told: string[] = [];
      try {
        for (let seen = before; seen < last; ) {
          const { value: batch, done } = await soon(watch.next(), 'the delete, or the word that it is expired');
          check.that(done !== true, 'the watch must not end without a word');
          for (const event of (batch as WatchBatch).events) told.push(`${event.type} ${event.modRevision}`);
          seen = (batch as WatchBatch).revision;
        }
        check.equal(told, [`delete ${deleted}`, `put ${last}`], 'the changes told');
      } catch (error) {
        if (!OrreryError.is(error, 'EXPIRED')) throw error;
        check.equal(told, [], 'changes told before the watch expired');
      }
      abort.abort();
      await watch.return?.();
    },
  },
  {
    // 14685
    name: 'compaction takes nothing that is there and brings nothing back',
    async run({ store }) {
      for (let round = 0; round < 3; round += 1) {
        await putAll(store, 10, (n) => `/k${n}`);
        for (let n = 2; n <= 10; n += 2) await drop(store, `/k${n}`);
      }
      const before = await store.range('/');
      await store.compact(before.revision);
      check.equal((await store.range('/')).entries, before.entries, 'the entries after the compaction');
      for (let n = 1; n <= 10; n += 1) {
        check.equal(await store.get(`/k${n}`), before.entries.find(({ key }) => key === `/k${n}`), `/k${n} after the compaction`);
        // What is not there can be made, what is there cannot.
        const made = await store.commit({ guards: [{ key: `/k${n}`, modRevision: 0 }], writes: [{ key: `/k${n}`, value: value('anew') }] });
        check.equal(made.ok, n % 2 === 0, `making /k${n}`);
      }
    },
  },
  {
    // 18667
    name: 'a commit that is refused as malformed in its last part has done nothing of its first',
    async run({ store }) {
      const last = await put(store, '/a', 1);
      const writes = [{ key: '/a', value: value(2) }, { key: '/b', value: value(2) }, { key: 'a\n', value: value(2) }];
      await check.rejects('INVALID', store.commit({ guards: [], writes }), 'a malformed key at the end');
      check.equal((await store.range('/')).entries.map(({ key, modRevision }) => [key, modRevision]), [['/a', last]], 'what is there');
    },
  },
  {
    // 14370
    name: 'the last write before an end is there after it',
    needs: ({ restart }) => restart !== undefined,
    async run(context) {
      await put(context.store, '/a', 1);
      const last = await put(context.store, '/a', 2);
      const again = check.present(await context.restart?.(), 'the store opened again');
      check.equal((await again.get('/a'))?.modRevision, last, 'the last revision that was acknowledged');
      await again.close();
    },
  },
];

/** The watch tells the delete, or that it cannot; it does not go on behind it. */
async function toldOrExpired(recorder: Recorder, deleted: number, last: number): Promise<void> {
  await Promise.race([recorder.reached(last).catch(() => recorder.done), recorder.done]);
  if (recorder.error === undefined) check.equal(recorder.changes.map((b) => b.revision), [deleted, last], 'the changes told');
  else await check.rejects('EXPIRED', Promise.reject(recorder.error), 'a watch whose start is compacted');
}
