import { storeConformance } from '@orrery/core/testing';
import { requireParts, type RedisServer, startRedis } from '@orrery/engines';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { RedisStore } from './redis-store.js';

const BOOKMARK_MS = 100;
const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`on a real server${parts.note}`, () => {
  let redis: RedisServer;
  let stores = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  storeConformance({ describe, it }, 'redis', async () => {
    const options = { url: redis.url, prefix: `case-${(stores += 1)}`, bookmarkMs: BOOKMARK_MS };
    const store = await RedisStore.open(options);
    return { store, reopen: () => RedisStore.open(options), bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
  });
});
