import type { StoreEntry, StoreEvent } from '../../contracts/store.js';
import { check, type SuiteCase } from '../suite.js';
import { drop, put, Recorder, type StoreContext } from './context.js';

type Case = SuiteCase<StoreContext>;

const shown = (entries: readonly StoreEntry[]): unknown[] => entries.map(({ key, value: content, modRevision }) => [key, content['n'], modRevision]);

/** Promises about reading at one revision, and about joining a range with a watch. */
export const snapshotCases: readonly Case[] = [
  {
    name: 'pages at one revision show one state, whatever is written between them',
    async run({ store }) {
      for (let i = 0; i < 30; i += 1) await put(store, `/p/${String(i).padStart(2, '0')}`, i);
      const whole = await store.range('/p/');
      const first = await store.range('/p/', { limit: 7 });
      const entries = [...first.entries];
      for (let page = 1; entries.length < 30; page += 1) {
        // One behind the page, one before it, one gone and one new.
        await put(store, '/p/29', 1_000 + page);
        await put(store, '/p/00', 1_000 + page);
        await drop(store, `/p/${String(27 - page).padStart(2, '0')}`);
        await put(store, `/p/1${page}x`, page);
        const next = await store.range('/p/', { limit: 7, after: entries.at(-1)?.key ?? '', atRevision: first.revision });
        check.equal(next.revision, first.revision, 'the revision of a page');
        check.that(next.entries.length > 0, 'a page must not be empty while keys follow');
        check.equal(next.more, entries.length + next.entries.length < 30, 'whether more follows the page');
        entries.push(...next.entries);
      }
      check.equal(shown(entries), shown(whole.entries), 'all pages together');
    },
  },
  {
    name: 'a page from before a compaction is expired, never another state',
    async run({ store }) {
      for (let i = 0; i < 10; i += 1) await put(store, `/p/${i}`, i);
      const first = await store.range('/p/', { limit: 3 });
      await put(store, '/p/9', 99);
      await store.compact(await store.revision());
      await check.rejects('EXPIRED', store.range('/p/', { limit: 3, after: '/p/2', atRevision: first.revision }), 'the next page');
    },
  },
  {
    name: 'a deleted key is in the ranges of the revisions at which it was there, and only in those',
    async run({ store }) {
      const made = await put(store, '/a', 1);
      const changed = await put(store, '/a', 2);
      const gone = await drop(store, '/a');
      const again = await put(store, '/a', 3);
      const at = async (revision: number): Promise<unknown> => (await store.range('/', { atRevision: revision })).entries.map((e) => [e.value['n'], e.createRevision, e.modRevision]);
      check.equal([await at(made), await at(changed), await at(gone), await at(again)], [[[1, made, made]], [[2, made, changed]], [], [[3, again, again]]], 'the key at each revision');
    },
  },
  {
    name: 'limits: one entry, none after the last, all before the first',
    async run({ store }) {
      for (const key of ['/b/1', '/b/2', '/c']) await put(store, key, key);
      const keys = async (options: Parameters<StoreContext['store']['range']>[1]): Promise<unknown> => {
        const found = await store.range('/b/', options);
        return [found.entries.map((e) => e.key), found.more];
      };
      check.equal(await keys({ limit: 1 }), [['/b/1'], true], 'one');
      check.equal(await keys({ limit: 2 }), [['/b/1', '/b/2'], false], 'as many as there are');
      check.equal(await keys({ after: '/b/1' }), [['/b/2'], false], 'behind the first');
      check.equal(await keys({ after: '/b/1x' }), [['/b/2'], false], 'behind a key that does not exist');
      check.equal(await keys({ after: '/b/2' }), [[], false], 'behind the last');
      check.equal(await keys({ after: '/a' }), [['/b/1', '/b/2'], false], 'behind a key before the prefix');
      check.equal(await keys({ after: '/z' }), [[], false], 'behind a key after the prefix');
    },
  },
  {
    name: 'a range and a watch from its revision join without loss, whatever is written meanwhile',
    async run({ store }) {
      let writing = true;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let n = 0; writing && n < 2_000; n += 1) {
          const key = `/k/${(writer * 7 + n) % 13}`;
          if (n % 5 === 4) await drop(store, key);
          else await put(store, key, `${writer}-${n}`);
        }
      });
      const joins: { readonly start: readonly StoreEntry[]; readonly recorder: Recorder }[] = [];
      for (let i = 0; i < 12; i += 1) {
        const { entries, revision } = await store.range('/k/');
        await put(store, `/other/${i}`, i);
        joins.push({ start: entries, recorder: new Recorder(store, '/k/', revision) });
      }
      writing = false;
      await Promise.all(writers);
      const end = await store.range('/k/');
      for (const { start, recorder } of joins) {
        await recorder.reached(end.revision);
        await recorder.stop();
        const state = new Map(start.map((entry) => [entry.key, entry]));
        for (const event of recorder.changes.flatMap((batch) => batch.events)) follow(state, event);
        check.equal(shown([...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1))), shown(end.entries), 'the range, carried on by the watch');
      }
    },
  },
  {
    name: 'what was written is there for every read that begins after it',
    async run({ store }) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          for (let n = 1; n <= 20; n += 1) {
            const revision = await put(store, `/r/${i}`, n);
            const [got, listed, current] = await Promise.all([store.get(`/r/${i}`), store.range(`/r/${i}`), store.revision()]);
            check.equal([got?.modRevision, listed.entries[0]?.modRevision], [revision, revision], 'the revision read after the write');
            check.that(current >= revision && listed.revision >= revision, 'a revision read later must not be older');
          }
        }),
      );
    },
  },
  {
    name: 'values come back as they were given',
    async run({ store }) {
      const values = [
        {},
        { empty: [], none: null, deep: { a: [{}, [], [[]], { b: {} }] } },
        { text: 'ünï\u0000\u2028\u{1f600} "\\\n', '': 1, 'a.b/c d': 'key' },
        { numbers: [0, -0.5, 1e21, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 5e-324] },
        { large: 'x'.repeat(500_000) },
      ];
      for (const [i, content] of values.entries()) await store.commit({ guards: [], writes: [{ key: `/v/${i}`, value: content }] });
      const { entries } = await store.range('/v/');
      const recorder = new Recorder(store, '/v/', (entries[0]?.modRevision ?? 1) - 1);
      await recorder.reached(entries.at(-1)?.modRevision ?? 0);
      await recorder.stop();
      for (const [i, content] of values.entries()) {
        check.equal(entries[i]?.value, content, `value ${i} in a range`);
        check.equal((await store.get(`/v/${i}`))?.value, content, `value ${i} by its key`);
        check.equal(recorder.changes[i]?.events[0]?.value, content, `value ${i} in a watch`);
      }
    },
  },
];

function follow(state: Map<string, StoreEntry>, { type, key, value: content, createRevision, modRevision }: StoreEvent): void {
  if (type === 'delete') state.delete(key);
  else state.set(key, { key, value: content, createRevision, modRevision });
}
