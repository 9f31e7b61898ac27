import { systemClock } from '../../kernel/platform.js';
import { check, type SuiteCase } from '../suite.js';
import { put, Recorder, type StoreContext, value } from './context.js';

const signal = new AbortController().signal;

/** Promises about leases and fencing. */
export const leaseCases: readonly SuiteCase<StoreContext>[] = [
  {
    name: 'a lease is held by one at a time, and its epoch grows with every holder',
    async run({ store }) {
      const first = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 }), 'the first acquisition');
      check.equal(await store.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), undefined, 'a second holder');
      await first.renew(signal);
      await first.release();
      const second = check.present(await store.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), 'acquisition after release');
      check.that(second.epoch > first.epoch, 'the epoch must grow');
      await check.rejects('LEASE_LOST', first.renew(signal), 'renewing a lease that is lost');
    },
  },
  {
    name: 'a lease that is not renewed is over',
    async run({ store }) {
      const first = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 30 }), 'the lease');
      await systemClock.sleep(60, signal);
      await check.rejects('LEASE_LOST', first.renew(signal), 'renewing too late');
      check.present(await store.acquireLease('l', { holder: 'b', ttlMs: 1_000 }), 'somebody else after expiry');
    },
  },
  {
    name: 'a commit under an old epoch is refused',
    async run({ store }) {
      const old = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 }), 'the lease');
      const guarded = (epoch: number) => store.commit({ guards: [{ lease: 'l', epoch }], writes: [{ key: '/a', value: value(epoch) }] });
      check.that((await guarded(old.epoch)).ok, 'a commit under the current epoch');
      await old.release();
      const next = check.present(await store.acquireLease('l', { holder: 'b', ttlMs: 60_000 }), 'the next holder');
      check.that(!(await guarded(old.epoch)).ok, 'a commit under an old epoch must be refused');
      check.that((await guarded(next.epoch)).ok, 'a commit of the new holder');
    },
  },
  {
    name: 'leases make no revisions',
    async run({ store, dense = true }) {
      const before = await put(store, '/a', 1);
      const recorder = new Recorder(store, '', before);
      const lease = check.present(await store.acquireLease('l', { holder: 'a', ttlMs: 60_000 }), 'the lease');
      await lease.renew(signal);
      // Where the engine counts its own, a lease may move its counter; it is no part of the history all the same.
      if (dense) check.equal(await store.revision(), before, 'the revision');
      await lease.release();
      if (dense) check.equal(await store.revision(), before, 'the revision after release');
      await recorder.reached(await put(store, '/a', 2));
      check.equal(recorder.changes.map((b) => b.events.map((e) => e.key)), [['/a']], 'what a watch of everything was told');
      check.equal((await store.range('')).entries.map((e) => e.key), ['/a'], 'all keys');
      await recorder.stop();
    },
  },
];
