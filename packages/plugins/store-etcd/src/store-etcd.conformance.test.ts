import { CachedStore, type Store } from '@orrery/core';
import { check, storeConformance } from '@orrery/core/testing';
import { type Etcd, requireParts, startEtcd } from '@orrery/engines';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EtcdStore } from './etcd-store.js';

const BOOKMARK_MS = 100;
const { missing, note } = requireParts('etcd', 'etcdctl');

describe.skipIf(missing)(`on a real etcd${note}`, () => {
  let etcd: Etcd;
  let stores = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(() => etcd?.stop());

  // One etcd for all cases, each in its own part of it: what others write and compact there must not matter.
  const create = (over: (store: EtcdStore) => Promise<Store>) => async () => {
    stores += 1;
    const prefix = `/case-${stores}/`;
    const open = () => over(new EtcdStore({ endpoints: etcd.endpoints, prefix, bookmarkMs: BOOKMARK_MS }));
    const store = await open();
    const restart = async () => {
      await store.close();
      await etcd.members[0]?.kill('SIGKILL');
      etcd.members[0]?.start();
      await etcd.ready();
      return open();
    };
    return { store, reopen: open, restart, dense: false, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
  };

  storeConformance({ describe, it }, 'etcd', create(async (store) => store));

  // Reads are answered from a replica.
  const cached = async (store: EtcdStore): Promise<Store> => {
    const over = new CachedStore(store, { bookmarkMs: BOOKMARK_MS });
    await check.eventually('the replica to follow', async () => (await over.get('/none')) === undefined && over.live);
    return over;
  };
  storeConformance({ describe, it }, 'etcd, cached', create(cached));
});
