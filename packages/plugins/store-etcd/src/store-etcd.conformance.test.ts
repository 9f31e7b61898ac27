import { storeConformance } from '@orrery/core/testing';
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
  storeConformance({ describe, it }, 'etcd', async () => {
    stores += 1;
    const open = () => new EtcdStore({ endpoints: etcd.endpoints, prefix: `/case-${stores}/`, bookmarkMs: BOOKMARK_MS });
    const store = open();
    const restart = async () => {
      await store.close();
      await etcd.members[0]?.kill('SIGKILL');
      etcd.members[0]?.start();
      await etcd.ready();
      return open();
    };
    return { store, reopen: async () => open(), restart, dense: false, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
  });
});
