import type { RangeOptions, StoreEntry, WatchBatch, WatchOptions } from '../../contracts/store.js';
import { type Change, committing, oneByOne, type StoreMutant, watching, wrapped } from './mutant-kit.js';

/**
 * The thirteen bugs of etcd that its robustness tests have on record, each made anew in a store that is honest otherwise. The number is that of etcd's issue.
 * What a partition, a crash or a defragmentation does there is done here by what the contract has for it: resuming, opening again, compacting.
 */
export const etcdMutants: readonly StoreMutant[] = [
  {
    name: 'etcd #15271: goes back in time when a watch is resumed',
    caughtBy: 'watch: resumable from any revision that is kept',
    wrap: (store) => wrapped(store, { watch: (prefix, options) => store.watch(prefix, { ...options, since: options.since > 2 ? options.since - 2 : options.since }) }),
  },
  {
    name: 'etcd #17529: leaves out what a starved watcher did not take in time',
    caughtBy: 'a watcher that does not read is told all or cut off, never something with a gap',
    wrap: (store) =>
      wrapped(store, {
        async *watch(prefix: string, options: WatchOptions) {
          let taken = options.since;
          for await (const batch of store.watch(prefix, options)) {
            // More than a few hundred revisions behind: the buffer is full.
            const behind = (await store.revision()) - taken > 500;
            taken = batch.revision;
            yield behind ? { ...batch, events: batch.events.slice(batch.events.length >> 1) } : batch;
          }
        },
      }),
  },
  {
    name: 'etcd #17247: tells a change of a transaction twice',
    caughtBy: 'watch: atomic: one commit is one batch',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) yield batch.events.length > 1 ? { ...batch, events: [...batch.events, batch.events[0]] as WatchBatch['events'] } : batch;
    }),
  },
  {
    name: 'etcd #17780: goes back to an older revision after a compaction',
    caughtBy: 'the revision does not go back when everything is compacted, the last delete included',
    wrap: (store) => {
      let back = 0;
      return wrapped(store, {
        async compact(revision: number) {
          await store.compact(revision);
          // The last revision only deleted, and the delete is gone: nothing shows that it was ever there.
          const { entries } = await store.range('');
          if (revision === (await store.revision()) && entries.every((entry) => entry.modRevision < revision)) back = 1;
        },
        revision: async () => (await store.revision()) - back,
        async commit(change: Change) {
          const result = await store.commit(change);
          return result.ok ? { ...result, revision: result.revision - back } : result;
        },
      });
    },
  },
  {
    name: 'etcd #18089: a watch from the revision before the compaction misses the delete that was compacted',
    caughtBy: 'watch: a delete at the revision that is compacted is told or expired, never left out',
    wrap: (store) => {
      let compacted = 0;
      return wrapped(store, {
        async compact(revision: number) {
          await store.compact(revision);
          compacted = revision;
        },
        watch: (prefix, options) => store.watch(prefix, { ...options, since: options.since === compacted - 1 ? compacted : options.since }),
      });
    },
  },
  {
    name: 'etcd #19179: an open watch misses the delete at the revision that is compacted',
    caughtBy: 'watch: a delete is told or expired also to a watch that was open when its revision was compacted',
    wrap: (store) => {
      let compacted = -1;
      return wrapped(store, {
        async compact(revision: number) {
          // Lazily, as etcd does: it is the watcher that meets the compaction.
          compacted = revision;
        },
        async *watch(prefix: string, options: WatchOptions) {
          for await (const batch of oneByOne(store.watch(prefix, options))) {
            yield { ...batch, events: batch.events.filter((event) => event.type !== 'delete' || event.modRevision !== compacted) };
          }
        },
      });
    },
  },
  {
    name: 'etcd #20221: tells old changes to a watch of the future',
    caughtBy: 'watch: a future start is an error, and old changes are never told',
    wrap: (store) =>
      wrapped(store, {
        async *watch(prefix: string, options: WatchOptions) {
          yield* store.watch(prefix, (await store.revision()) < options.since ? { ...options, since: 0 } : options);
        },
      }),
  },
  {
    name: 'etcd #15220: lets a bookmark overtake the changes that it covers',
    caughtBy: 'watch: a bookmark means that nothing up to it follows',
    wrap: watching(async function* (batches) {
      for await (const batch of batches) {
        if (batch.events.length > 0) yield { revision: batch.revision, events: [] };
        yield batch;
      }
    }),
  },
  {
    name: 'etcd #14370: acknowledges a write before it is kept',
    caughtBy: 'the last write before an end is there after it',
    wrap(store) {
      let held: Change | undefined;
      const keep = async (): Promise<void> => {
        const change = held;
        held = undefined;
        if (change !== undefined) await store.commit(change);
      };
      return wrapped(store, {
        async commit(change: Change) {
          await keep();
          if (change.guards.length > 0) return store.commit(change);
          held = change;
          return { ok: true, revision: (await store.revision()) + 1 };
        },
        get: async (key) => (await keep(), store.get(key)),
        range: async (prefix, options) => (await keep(), store.range(prefix, options)),
        revision: async () => (await keep(), store.revision()),
      });
    },
  },
  {
    name: 'etcd #13766: has a member that skipped a write',
    caughtBy: 'what was written is there for every read that begins after it',
    wrap(store) {
      let commits = 0;
      let reads = 0;
      let skipped: { readonly key: string; readonly before: StoreEntry | undefined; readonly revision: number } | undefined;
      return wrapped(store, {
        async commit(change: Change) {
          commits += 1;
          const [write] = change.writes;
          if (commits !== 5 || write === undefined) return store.commit(change);
          const before = await store.get(write.key);
          const result = await store.commit(change);
          if (result.ok) skipped = { key: write.key, before, revision: result.revision };
          return result;
        },
        async get(key: string) {
          const entry = await store.get(key);
          // Every other read comes to that member.
          reads += 1;
          return reads % 2 === 0 && key === skipped?.key && entry?.modRevision === skipped.revision ? skipped.before : entry;
        },
        async range(prefix: string, options?: RangeOptions) {
          const result = await store.range(prefix, options);
          return { ...result, entries: result.entries.filter((entry) => entry.modRevision !== skipped?.revision) };
        },
      });
    },
  },
  {
    name: 'etcd #14571: has a member that did not take part in the last commit, and tells its revision as the current one',
    caughtBy: 'revisions grow with every commit, and the current one is never behind',
    wrap(store) {
      let asked = 0;
      return wrapped(store, {
        async revision() {
          asked += 1;
          const revision = await store.revision();
          return asked % 5 === 0 && revision > 0 ? revision - 1 : revision;
        },
      });
    },
  },
  {
    name: 'etcd #14685: brings back a deleted key when it tidies up',
    caughtBy: 'compaction takes nothing that is there and brings nothing back',
    wrap(store) {
      const gone = new Map<string, StoreEntry>();
      let tidied = false;
      return wrapped(store, {
        async commit(change: Change) {
          for (const write of change.writes) {
            const entry = 'delete' in write ? await store.get(write.key) : undefined;
            if (entry !== undefined) gone.set(write.key, entry);
          }
          return store.commit(change);
        },
        async compact(revision: number) {
          await store.compact(revision);
          tidied = true;
        },
        get: async (key) => (await store.get(key)) ?? (tidied ? gone.get(key) : undefined),
      });
    },
  },
  {
    name: 'etcd #18667: does the first part of a transaction whose last part fails',
    caughtBy: 'a commit that is refused as malformed in its last part has done nothing of its first',
    wrap: committing(async (store, change) => {
      try {
        return await store.commit(change);
      } catch (error) {
        await store.commit({ guards: change.guards, writes: change.writes.slice(0, 1) });
        throw error;
      }
    }),
  },
];
