import { systemClock } from '../../kernel/platform.js';
import type { Store } from '../../contracts/store.js';
import { check, type SuiteCase } from '../suite.js';
import { put, Recorder, type StoreContext, value } from './context.js';

type Case = SuiteCase<StoreContext>;

const { signal } = new AbortController();
const reopens = ({ reopen }: StoreContext): boolean => reopen !== undefined;
const restarts = ({ restart }: StoreContext): boolean => restart !== undefined;

const withOther = async ({ reopen }: StoreContext, run: (other: Store) => Promise<void>): Promise<void> => {
  const other = check.present(await reopen?.(), 'the other handle');
  try {
    await run(other);
  } finally {
    await other.close();
  }
};

/** Promises to several processes on the same data, and to one that comes back. */
export const handleCases: readonly Case[] = [
  {
    name: 'a store that others can open says so: orchestrators on it must elect a leader',
    needs: reopens,
    async run({ store }) {
      check.that(store.shared === true, '`shared` must be true');
    },
  },
  {
    name: 'a watch tells what another handle writes, in the one order',
    needs: reopens,
    run: (context) =>
      withOther(context, async (other) => {
        const { store } = context;
        const start = await store.revision();
        const [here, there] = [new Recorder(store, '/k/', start), new Recorder(other, '/k/', start)];
        const writers = [store, other, store, other].map(async (handle, writer) => {
          for (let n = 0; n < 40; n += 1) await put(handle, `/k/${n % 5}`, `${writer}-${n}`);
        });
        await Promise.all(writers);
        const end = await store.revision();
        await Promise.all([here.reached(end), there.reached(end)]);
        check.equal(here.changes.length, 160, 'revisions told');
        check.equal(here.changes, there.changes, 'what the two handles were told');
        if (context.dense !== false) check.equal(end - start, 160, 'revisions made');
        await Promise.all([here.stop(), there.stop()]);
      }),
  },
  {
    name: 'no update is lost between handles',
    needs: reopens,
    run: (context) =>
      withOther(context, async (other) => {
        const { store } = context;
        await put(store, '/n', 0);
        const increment = async (handle: Store): Promise<void> => {
          for (;;) {
            const entry = check.present(await handle.get('/n'), 'the counter');
            const change = { guards: [{ key: '/n', modRevision: entry.modRevision }], writes: [{ key: '/n', value: value((entry.value['n'] as number) + 1) }] };
            if ((await handle.commit(change)).ok) return;
          }
        };
        await Promise.all(Array.from({ length: 30 }, (_, i) => increment(i % 2 === 0 ? store : other)));
        check.equal((await other.get('/n'))?.value, value(30), 'the counter after 30 increments');
      }),
  },
  {
    name: 'commits of many keys are taken whole: what is moved is never lost, doubled or seen on its way',
    run: (context) => (context.reopen === undefined ? movesMoney(context.store, context.store) : withOther(context, (other) => movesMoney(context.store, other))),
  },
  {
    name: 'a lease is one among all handles, and fences all of them',
    needs: reopens,
    run: (context) =>
      withOther(context, async (other) => {
        const { store } = context;
        const first = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 }), 'the lease');
        check.equal(await other.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), undefined, 'a second holder at another handle');
        await first.release();
        const second = check.present(await other.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), 'acquisition after release');
        check.that(second.epoch > first.epoch, 'the epoch must grow');
        const late = await store.commit({ guards: [{ lease: 'l', epoch: first.epoch }], writes: [{ key: '/late', value: value(1) }] });
        check.equal(late, { ok: false, guard: { lease: 'l', epoch: first.epoch } }, 'a write of the old holder');
        await first.release();
        await second.renew(signal);
      }),
  },
  {
    name: 'what was compacted at one handle is expired at the others',
    needs: reopens,
    run: (context) =>
      withOther(context, async (other) => {
        const { store } = context;
        const revisions: number[] = [];
        for (let n = 0; n < 10; n += 1) revisions.push(await put(store, '/a', n));
        const [, early = 0] = revisions;
        await store.compact(revisions[7] ?? 0);
        await check.rejects('EXPIRED', other.range('/', { atRevision: early }), 'a range from before');
        const recorder = new Recorder(other, '/', early);
        await recorder.done;
        await check.rejects('EXPIRED', Promise.reject(recorder.error), 'a watch from before');
      }),
  },
  {
    name: 'what was acknowledged is there when the store is opened again, with its revisions, its history and its epochs',
    needs: restarts,
    async run(context) {
      const { store } = context;
      const revisions: number[] = [];
      for (let n = 0; n < 20; n += 1) revisions.push(await put(store, `/k${n % 3}`, n));
      const lease = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 }), 'the lease');
      const before = await store.range('/');
      await lease.release();
      const again = check.present(await context.restart?.(), 'the store opened again');
      check.equal((await again.range('/')).entries, before.entries, 'the entries');
      check.that((await again.revision()) >= (revisions.at(-1) ?? 0), 'the revision must not go back');
      const next = check.present(await again.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), 'the lease after opening again');
      check.that(next.epoch > lease.epoch, 'the epoch must grow across openings');
      const revision = await put(again, '/k0', 'after');
      check.that(revision > (revisions.at(-1) ?? 0), 'revisions go on');
      await again.close();
    },
  },
  {
    name: 'a lease that ended by its time can be taken by another handle, and its old holder is refused',
    needs: reopens,
    run: (context) =>
      withOther(context, async (other) => {
        const ttlMs = context.shortLeaseMs ?? 50;
        const first = check.present(await context.store.acquireLease('l', { holder: 'a', ttlMs }), 'the lease');
        const second = await check.eventually('the lease to be free', () => other.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), 4 * ttlMs + 10_000);
        check.that(second.epoch > first.epoch, 'the epoch must grow');
        await check.rejects('LEASE_LOST', first.renew(signal), 'renewing after another took it');
        await systemClock.sleep(1, signal);
        await second.renew(signal);
      }),
  },
];

/** Two handles move amounts between accounts, each move one commit; readers add up at one revision. */
async function movesMoney(store: Store, other: Store): Promise<void> {
  const accounts = 6;
  const key = (i: number): string => `/account/${i}`;
  await store.commit({ guards: [], writes: Array.from({ length: accounts }, (_, i) => ({ key: key(i), value: value(100) })) });
  const start = await store.revision();
  const recorder = new Recorder(store, '/account/', start);
  const move = async (handle: Store, n: number): Promise<void> => {
    const [from, to] = [n % accounts, (n * 5 + 1) % accounts];
    if (from === to) return;
    for (;;) {
      const [a, b] = await Promise.all([handle.get(key(from)), handle.get(key(to))]);
      if (a === undefined || b === undefined) throw new Error('an account is gone');
      const guards = [a, b].map((entry) => ({ key: entry.key, modRevision: entry.modRevision }));
      const writes = [{ key: a.key, value: value((a.value['n'] as number) - 1) }, { key: b.key, value: value((b.value['n'] as number) + 1) }];
      if ((await handle.commit({ guards, writes })).ok) return;
    }
  };
  const sums: number[] = [];
  const read = async (handle: Store): Promise<void> => {
    for (let i = 0; i < 20; i += 1) sums.push((await handle.range('/account/')).entries.reduce((sum, entry) => sum + (entry.value['n'] as number), 0));
  };
  await Promise.all([...Array.from({ length: 30 }, (_, n) => move(n % 2 === 0 ? store : other, n)), read(store), read(other)]);
  check.equal([...new Set(sums)], [accounts * 100], 'the sums that readers saw');
  await recorder.reached(await store.revision());
  await recorder.stop();
  for (const { events, revision } of recorder.changes) check.equal(events.length, 2, `changes told of revision ${revision}`);
}
