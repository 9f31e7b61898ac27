import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CodedStore, systemClock } from '@orrery/core';
import { FaultyStore, SeededRandom, storeConformance } from '@orrery/core/testing';
import { MemoryStore } from '@orrery/store-memory';
import { SqliteStore } from '@orrery/store-sqlite';
import { describe, it } from 'vitest';
import { EncryptionCodec } from './encryption-codec.js';

const BOOKMARK_MS = 100;
const secret = randomBytes(32).toString('base64');
// Few values a data key, so that new ones are made all the time.
const codec = (): EncryptionCodec => new EncryptionCodec({ resources: [{ resources: ['*.*'], providers: [{ aesgcm: { name: 'one', secret } }] }], valuesPerDataKey: 7 });

storeConformance({ describe, it }, 'memory, encrypted', async () => {
  const store = new CodedStore(new MemoryStore({ bookmarkMs: BOOKMARK_MS }), codec());
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
});

storeConformance({ describe, it }, 'sqlite, encrypted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'orrery-encrypted-'));
  const open = async () => new CodedStore(await SqliteStore.open({ path: join(folder, 'state.db'), bookmarkMs: BOOKMARK_MS }), codec());
  const store = await open();
  return {
    store,
    bookmarkMs: BOOKMARK_MS,
    reopen: open,
    restart: async () => {
      await store.close();
      return open();
    },
    cleanup: async () => {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

// A key service answers later: everything passes the slow path too.
storeConformance({ describe, it }, 'memory, encrypted by a key service', async () => {
  const turned = async (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x5a);
  const kms = { name: 'remote', wrap: turned, unwrap: turned };
  const slow = new EncryptionCodec({ resources: [{ resources: ['*.*'], providers: [{ kms }] }], valuesPerDataKey: 3 });
  const store = new CodedStore(new MemoryStore({ bookmarkMs: BOOKMARK_MS }), slow);
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
});

// Wrappers over each other: what the inner one delays, the outer one must not reorder.
storeConformance({ describe, it }, 'memory, slow, encrypted', async () => {
  const random = new SeededRandom(1);
  const late = () => ({ ...(random.chance(0.4) && { beforeMs: random.int(3) }), ...(random.chance(0.4) && { afterMs: random.int(3) }) });
  const slow = new FaultyStore(new MemoryStore({ bookmarkMs: BOOKMARK_MS }), systemClock, { commit: late, read: late, lease: late, watch: () => (random.chance(0.3) ? { delayMs: random.int(3) } : undefined) });
  const store = new CodedStore(slow, codec());
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
});
