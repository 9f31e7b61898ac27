import type { CommitResult } from '../../contracts/store.js';
import { check, type SuiteCase } from '../suite.js';
import { drop, follows, put, Recorder, type StoreContext, unmoved, value } from './context.js';

type Case = SuiteCase<StoreContext>;

/** Promises about reading and writing. */
export const commitCases: readonly Case[] = [
  {
    name: 'an empty store is at revision 0 and has nothing',
    async run({ store, dense = true }) {
      if (dense) check.equal(await store.revision(), 0, 'revision of an empty store');
      check.equal(await store.get('/a'), undefined, 'get of a key that does not exist');
      check.equal((await store.range('/')).entries, [], 'range of an empty store');
    },
  },
  {
    name: 'what was written is read back, with its revisions',
    async run(context) {
      const { store } = context;
      const created = await put(store, '/a', 1);
      const updated = await put(store, '/a', 2);
      follows(context, updated, created, 'the revision of the update');
      check.equal(await store.get('/a'), { key: '/a', value: value(2), createRevision: created, modRevision: updated }, 'the entry after an update');
    },
  },
  {
    name: 'revisions have no gaps and every commit makes exactly one',
    needs: ({ dense = true }) => dense,
    async run({ store }) {
      for (let i = 1; i <= 20; i += 1) check.equal(await put(store, `/k${i % 3}`, i), i, 'revision of the commit');
      check.equal(await store.revision(), 20, 'the current revision');
    },
  },
  {
    name: 'revisions grow with every commit, and the current one is never behind',
    async run({ store }) {
      let last = 0;
      for (let i = 1; i <= 20; i += 1) {
        const revision = await put(store, `/k${i % 3}`, i);
        check.that(revision > last, `revision ${revision} must be greater than ${last}`);
        check.that((await store.revision()) >= revision, `the current revision must have reached ${revision}`);
        last = revision;
      }
    },
  },
  {
    name: 'a refused commit writes nothing and makes no revision',
    async run(context) {
      const { store } = context;
      const before = await put(store, '/a', 1);
      const result = await store.commit({ guards: [{ key: '/a', modRevision: before + 99 }], writes: [{ key: '/b', value: value(1) }] });
      check.that(!result.ok, 'a commit whose guard does not hold must be refused');
      check.equal(await store.get('/b'), undefined, 'the key of a refused commit');
      await unmoved(context, before, 'the revision after a refused commit');
    },
  },
  {
    name: 'a conflict says what is there instead',
    async run({ store }) {
      const revision = await put(store, '/a', 1);
      const result = await store.commit({ guards: [{ key: '/a', modRevision: 0 }], writes: [{ key: '/a', value: value(2) }] });
      check.equal(result, { ok: false, guard: { key: '/a', modRevision: 0 }, found: { key: '/a', value: value(1), createRevision: revision, modRevision: revision } } satisfies CommitResult, 'the conflict');
    },
  },
  {
    name: 'a compare-and-set with an outdated revision is refused',
    async run({ store }) {
      const first = await put(store, '/a', 1);
      await put(store, '/a', 2);
      const result = await store.commit({ guards: [{ key: '/a', modRevision: first }], writes: [{ key: '/a', value: value(3) }] });
      check.that(!result.ok, 'an outdated compare-and-set must be refused');
      check.equal((await store.get('/a'))?.value, value(2), 'the value after a refused compare-and-set');
    },
  },
  {
    name: 'a key that was deleted and made anew is a new one',
    async run({ store }) {
      const old = await put(store, '/a', 1);
      await drop(store, '/a');
      const result = await store.commit({ guards: [{ key: '/a', modRevision: old }], writes: [{ key: '/a', value: value(2) }] });
      check.that(!result.ok, 'a guard on a deleted key must not hold');
      const again = await put(store, '/a', 3);
      check.equal((await store.get('/a'))?.createRevision, again, 'createRevision of a key made anew');
    },
  },
  {
    name: 'all writes of a commit happen at one revision, or none',
    async run(context) {
      const { store } = context;
      const before = await put(store, '/c', 0);
      const writes = [{ key: '/a', value: value(1) }, { key: '/b', value: value(2) }, { key: '/c', delete: true }] as const;
      const result = await store.commit({ guards: [{ key: '/a', modRevision: 0 }], writes });
      const revision = result.ok ? result.revision : 0;
      follows(context, revision, before, 'the revision of the commit');
      check.equal((await store.range('/')).entries.map((e) => [e.key, e.modRevision]), [['/a', revision], ['/b', revision]], 'what is there afterwards');
    },
  },
  {
    name: 'of N racing creators exactly one wins',
    async run({ store }) {
      const racers = Array.from({ length: 50 }, (_, i) => store.commit({ guards: [{ key: '/a', modRevision: 0 }], writes: [{ key: '/a', value: value(i) }] }));
      const results = await Promise.all(racers);
      check.equal(results.filter((result) => result.ok).length, 1, 'winners');
      const winner = results.findIndex((result) => result.ok);
      check.equal((await store.get('/a'))?.value, value(winner), 'the value is the winner\'s');
    },
  },
  {
    name: 'no update is lost when racing writers retry',
    async run({ store, dense = true }) {
      const first = await put(store, '/n', 0);
      const increment = async (): Promise<void> => {
        for (;;) {
          const entry = check.present(await store.get('/n'), 'the counter');
          const next = value((entry.value['n'] as number) + 1);
          const result = await store.commit({ guards: [{ key: '/n', modRevision: entry.modRevision }], writes: [{ key: '/n', value: next }] });
          if (result.ok) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, increment));
      check.equal((await store.get('/n'))?.value, value(20), 'the counter after 20 increments');
      if (dense) check.equal(await store.revision(), first + 20, 'one revision per successful write');
    },
  },
  {
    name: 'a commit without effect makes no revision',
    async run(context) {
      const { store, dense = true } = context;
      const revision = await put(store, '/a', 1);
      const guarded = await store.commit({ guards: [{ key: '/a', modRevision: revision }], writes: [] });
      const dropped = await store.commit({ guards: [], writes: [{ key: '/none', delete: true }] });
      if (dense) check.equal([guarded, dropped], Array(2).fill({ ok: true, revision }), 'guards alone, and deleting what is not there');
      check.that(guarded.ok && guarded.revision >= revision, 'guards alone that hold must be told so, with the current revision');
      check.that(dropped.ok && dropped.revision >= revision, 'deleting what is not there must succeed, with the current revision');
      const recorder = new Recorder(store, '/', revision);
      const next = await put(store, '/b', 1);
      await recorder.reached(next);
      check.equal(recorder.changes.map((b) => b.events.map((e) => e.key)), [['/b']], 'what was told of them');
      await recorder.stop();
    },
  },
  {
    name: 'malformed keys and a key written twice are refused',
    async run(context) {
      const { store } = context;
      const before = await store.revision();
      for (const key of ['', 'a\n', 'ä', 'x'.repeat(2000)]) {
        await check.rejects('INVALID', store.commit({ guards: [], writes: [{ key, value: value(1) }] }), `the key ${JSON.stringify(key.slice(0, 10))} must be refused`);
      }
      await check.rejects('INVALID', store.commit({ guards: [], writes: [{ key: '/a', value: value(1) }, { key: '/a', value: value(2) }] }), 'a key twice in one commit');
      await unmoved(context, before, 'the revision after refusals');
    },
  },
  {
    name: 'a range is in key order and only of its prefix',
    async run({ store }) {
      for (const key of ['/a/2', '/b', '/a/10', '/a', '/a/1', '/ab']) await put(store, key, key);
      check.equal((await store.range('/a/')).entries.map((e) => e.key), ['/a/1', '/a/10', '/a/2'], 'keys of the range');
    },
  },
  {
    name: 'pages of a range join to the whole, without overlap',
    async run({ store }) {
      for (let i = 0; i < 25; i += 1) await put(store, `/p/${String(i).padStart(2, '0')}`, i);
      const first = await store.range('/p/', { limit: 10 });
      check.equal([first.entries.length, first.more], [10, true], 'the first page');
      const second = await store.range('/p/', { limit: 10, after: first.entries.at(-1)?.key ?? '', atRevision: first.revision });
      const third = await store.range('/p/', { limit: 10, after: second.entries.at(-1)?.key ?? '', atRevision: first.revision });
      check.equal([third.entries.length, third.more], [5, false], 'the last page');
      check.equal([...first.entries, ...second.entries, ...third.entries].map((e) => e.value['n']), Array.from({ length: 25 }, (_, i) => i), 'all pages together');
    },
  },
  {
    name: 'a range at a revision shows that state, whatever was written since',
    async run({ store }) {
      const a = await put(store, '/a', 1);
      const b = await put(store, '/b', 1);
      const then = await put(store, '/c', 1);
      await put(store, '/a', 2);
      await drop(store, '/b');
      await put(store, '/d', 1);
      await put(store, '/a', 3);
      const past = await store.range('/', { atRevision: then });
      check.equal(past.revision, then, 'the revision of the answer');
      check.equal(past.entries.map((e) => [e.key, e.value['n'], e.modRevision]), [['/a', 1, a], ['/b', 1, b], ['/c', 1, then]], 'the state at that revision');
    },
  },
  {
    name: 'a range at a compacted or future revision says so',
    async run({ store }) {
      const revisions: number[] = [];
      for (let i = 0; i < 5; i += 1) revisions.push(await put(store, '/a', i));
      const [, second = 0, third = 0] = revisions;
      await store.compact(third);
      await check.rejects('EXPIRED', store.range('/', { atRevision: second }), 'a range from before the compaction');
      check.equal((await store.range('/', { atRevision: third })).entries[0]?.value, value(2), 'a range at the compaction');
      await check.rejects('REVISION_AHEAD', store.range('/', { atRevision: (await store.revision()) + 1_000 }), 'a range from the future');
      await store.compact(second);
      check.equal((await store.get('/a'))?.value, value(4), 'the current value after compaction');
    },
  },
  {
    name: 'use after close is refused, and closing twice is not',
    async run({ store }) {
      await put(store, '/a', 1);
      await store.close();
      await store.close();
      await check.rejects('CLOSED', store.get('/a'), 'get after close');
      await check.rejects('CLOSED', store.range('/'), 'range after close');
      await check.rejects('CLOSED', store.commit({ guards: [], writes: [] }), 'commit after close');
      await check.rejects('CLOSED', store.revision(), 'revision after close');
    },
  },
  {
    name: 'another handle sees what was acknowledged',
    needs: ({ reopen }) => reopen !== undefined,
    async run({ store, reopen }) {
      await put(store, '/a', 1);
      const other = check.present(await reopen?.(), 'the other handle');
      check.equal((await other.get('/a'))?.value, value(1), 'the value through the other handle');
      await other.close();
    },
  },
];
