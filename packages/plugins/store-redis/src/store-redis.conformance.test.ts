import { CachedStore, type Store } from '@orrery/core';
import { check, storeConformance } from '@orrery/core/testing';
import { requireParts, type RedisServer, startRedis } from '@orrery/engines';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { RedisStore } from './redis-store.js';

const BOOKMARK_MS = 100;
const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`on a real server${parts.note}`, () => {
  let redis: RedisServer;
  let stores = 0;
  beforeAll(async () => {
    redis = await startRedis({ appendfsync: 'always' });
  });
  afterAll(() => redis?.stop());

  const create = (over: (store: RedisStore) => Promise<Store>) => async () => {
    const options = { url: redis.url, prefix: `case-${(stores += 1)}`, bookmarkMs: BOOKMARK_MS };
    const store = await over(await RedisStore.open(options));
    const opened = [store];
    const open = async (): Promise<Store> => {
      const another = await over(await RedisStore.open(options));
      opened.push(another);
      return another;
    };
    return {
      store,
      reopen: open,
      // The server too, and not gently.
      restart: async () => {
        await store.close();
        await redis.kill('SIGKILL');
        await redis.start();
        return open();
      },
      bookmarkMs: BOOKMARK_MS,
      cleanup: async () => {
        for (const one of opened) await one.close();
      },
    };
  };

  storeConformance({ describe, it }, 'redis', create(async (store) => store));

  // Reads are answered from a replica.
  const cached = async (store: RedisStore): Promise<Store> => {
    const over = new CachedStore(store, { bookmarkMs: BOOKMARK_MS });
    await check.eventually('the replica to follow', async () => (await over.get('/none')) === undefined && over.live);
    return over;
  };
  storeConformance({ describe, it }, 'redis, cached', create(cached));
});
