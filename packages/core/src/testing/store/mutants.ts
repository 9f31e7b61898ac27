import type { RangeOptions, WatchBatch, WatchOptions } from '../../contracts/store.js';
import { etcdMutants } from './etcd-mutants.js';
import { altered, committing, type StoreMutant, watching, without, wrapped } from './mutant-kit.js';

export type { StoreMutant } from './mutant-kit.js';

/** Each must be caught by the named case; together they show that the suite bites. */
export const storeMutants: readonly StoreMutant[] = [
  ...etcdMutants,
  {
    name: 'drops an event',
    caughtBy: 'watch: reliable and ordered: every revision once, in order',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) if (batch.revision !== 100 || batch.events.length === 0) yield batch;
    }),
  },
  {
    name: 'repeats an event',
    caughtBy: 'watch: reliable and ordered: every revision once, in order',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) {
        yield batch;
        if (batch.revision === 50) yield batch;
      }
    }),
  },
  {
    name: 'swaps two events',
    caughtBy: 'watch: reliable and ordered: every revision once, in order',
    wrap: watching(async function* (batches) {
      let held: WatchBatch | undefined;
      for await (const batch of batches) {
        if (batch.revision === 10 && batch.events.length > 0 && held === undefined) {
          held = batch;
          continue;
        }
        yield batch;
        if (held !== undefined && batch.revision === 11) yield held;
      }
    }),
  },
  {
    name: 'splits a transaction between batches',
    caughtBy: 'watch: atomic: one commit is one batch',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) {
        if (batch.events.length < 2) yield batch;
        else for (const event of batch.events) yield { ...batch, events: [event] };
      }
    }),
  },
  {
    name: 'lets a bookmark run behind',
    caughtBy: 'watch: revisions never go back, bookmarks included',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) {
        yield batch;
        if (batch.events.length > 0 && batch.revision > 5) yield { revision: batch.revision - 3, events: [] };
      }
    }),
  },
  {
    name: 'sends a bookmark ahead of its events',
    caughtBy: 'watch: revisions never go back, bookmarks included',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) {
        if (batch.events.length > 0) yield { revision: batch.revision + 1, events: [] };
        yield batch;
      }
    }),
  },
  {
    name: 'ignores guards on existing keys',
    caughtBy: 'a compare-and-set with an outdated revision is refused',
    wrap: committing((store, change) => store.commit({ ...change, guards: change.guards.filter((guard) => 'lease' in guard || guard.modRevision === 0) })),
  },
  {
    name: 'checks first and writes later',
    caughtBy: 'of N racing creators exactly one wins',
    wrap: committing(async (store, change) => {
      for (const guard of change.guards) {
        if ('lease' in guard) continue;
        const found = await store.get(guard.key);
        if ((found?.modRevision ?? 0) !== guard.modRevision) return { ok: false, guard, ...(found && { found }) };
      }
      return store.commit({ ...change, guards: [] });
    }),
  },
  {
    name: 'writes part of a refused commit',
    caughtBy: 'a refused commit writes nothing and makes no revision',
    wrap: committing(async (store, change) => {
      const result = await store.commit(change);
      if (!result.ok) await store.commit({ guards: [], writes: change.writes.slice(0, 1) });
      return result;
    }),
  },
  {
    name: 'splits a commit over revisions',
    caughtBy: 'all writes of a commit happen at one revision, or none',
    wrap: committing(async (store, change) => {
      let result = await store.commit({ ...change, writes: change.writes.slice(0, 1) });
      for (const write of change.writes.slice(1)) if (result.ok) result = await store.commit({ guards: [], writes: [write] });
      return result;
    }),
  },
  {
    name: 'hides what a conflict found',
    caughtBy: 'a conflict says what is there instead',
    wrap: committing(async (store, change) => {
      const result = await store.commit(change);
      return result.ok ? result : { ok: false, guard: result.guard };
    }),
  },
  {
    name: 'skips a revision number',
    caughtBy: 'revisions have no gaps and every commit makes exactly one',
    wrap: committing(async (store, change) => {
      const result = await store.commit(change);
      if (result.ok && result.revision === 5) await store.commit({ guards: [], writes: [{ key: '/internal', value: {} }] });
      return result;
    }),
  },
  {
    name: 'hides a loss after compaction',
    caughtBy: 'watch: a compacted start says Expired, never nothing',
    wrap: (store) => {
      let compacted = 0;
      return wrapped(store, {
        compact: (revision) => {
          compacted = revision;
          return store.compact(revision);
        },
        watch: (prefix, options) => store.watch(prefix, { ...options, since: Math.max(options.since, compacted) }),
      });
    },
  },
  {
    name: 'goes silent',
    caughtBy: 'watch: reliable and ordered: every revision once, in order',
    wrap: watching(async function* (batches, { signal }) {
      for await (const batch of batches) {
        if (batch.revision >= 120) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        yield batch;
      }
    }),
  },
  {
    name: 'sends no bookmarks in silence',
    caughtBy: 'watch: silence is broken by bookmarks, which follow the revision',
    wrap: watching(async function* (batches) {
      let first = true;
      for await (const batch of batches) {
        if (batch.events.length > 0 || first) yield batch;
        first = false;
      }
    }),
  },
  {
    name: 'stays quiet when nothing happens',
    caughtBy: 'watch: bookmarks come in silence even when nothing happens anywhere',
    wrap: watching(async function* (batches) {
      let last = -1;
      for await (const batch of batches) {
        if (batch.events.length > 0 || batch.revision !== last) yield batch;
        last = batch.revision;
      }
    }),
  },
  {
    name: 'expires a quiet watch',
    caughtBy: 'watch: a quiet watch is not cut off by compaction',
    wrap: (store) => {
      const quiet = new Set<AbortController>();
      return wrapped(store, {
        async compact(revision: number) {
          await store.compact(revision);
          for (const watch of quiet) watch.abort();
        },
        async *watch(prefix: string, options: WatchOptions) {
          const cut = new AbortController();
          quiet.add(cut);
          yield* store.watch(prefix, { ...options, signal: AbortSignal.any([options.signal, cut.signal]) });
        },
      });
    },
  },
  { name: 'deletes without the last state', caughtBy: 'watch: a delete carries the last state and its own revision', wrap: altered((event) => (event.type === 'delete' ? { ...without(event, 'previous'), value: {} } : event)) },
  { name: 'deletes with the revision of the last put', caughtBy: 'watch: a delete carries the last state and its own revision', wrap: altered((event) => (event.type === 'delete' ? { ...event, modRevision: event.previousRevision } : event)) },
  { name: 'forgets the previous value', caughtBy: 'watch: events carry the value, the one before, and both revisions', wrap: altered((event) => without(event, 'previous')) },
  {
    name: 'leaks events of other prefixes',
    caughtBy: 'watch: only its prefix',
    wrap: (store) => wrapped(store, { watch: (_prefix, options) => store.watch('/', options) }),
  },
  {
    name: 'waits for a future revision without a word',
    caughtBy: 'watch: a future start is an error, and old changes are never told',
    wrap: (store) =>
      wrapped(store, {
        async *watch(prefix: string, options: WatchOptions) {
          const current = await store.revision();
          for await (const batch of store.watch(prefix, { ...options, since: Math.min(current, options.since) })) if (batch.revision > options.since) yield batch;
        },
      }),
  },
  {
    name: 'resumes one revision late',
    caughtBy: 'watch: resumable from any revision that is kept',
    wrap: (store) => wrapped(store, { watch: (prefix, options) => store.watch(prefix, { ...options, since: options.since > 0 && options.since < 20 ? options.since + 1 : options.since }) }),
  },
  {
    name: 'pages over a moving state',
    caughtBy: 'a range at a revision shows that state, whatever was written since',
    wrap: (store) => wrapped(store, { range: async (prefix: string, { atRevision, ...options }: RangeOptions = {}) => ({ ...(await store.range(prefix, options)), revision: atRevision ?? (await store.revision()) }) }),
  },
  {
    name: 'accepts an old epoch',
    caughtBy: 'a commit under an old epoch is refused',
    wrap: committing((store, change) => store.commit({ ...change, guards: change.guards.filter((guard) => !('lease' in guard)) })),
  },
  {
    // That it swallows the refusal is its fault.
    name: 'answers after close',
    caughtBy: 'use after close is refused, and closing twice is not',
    wrap: (store) => wrapped(store, { get: (key) => store.get(key).catch(() => undefined) }),
  },
];
