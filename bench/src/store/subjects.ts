import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@orrery/core';
import { startEtcd, startRedis } from '@orrery/engines';
import { EtcdStore } from '@orrery/store-etcd';
import { MemoryStore } from '@orrery/store-memory';
import { RedisStore } from '@orrery/store-redis';
import { SqliteStore } from '@orrery/store-sqlite';
import { type Floor, bareEtcd, bareRedis, bareSqlite } from './floors.js';

/** A store on an engine of its own, and what the bare engine can do at equal durability. */
export interface Subject {
  /** Begins the names of its metrics. */
  readonly name: string;
  readonly store: Store;
  readonly floor?: Floor;
  /** Bytes that the engine (or this process, for the memory store) holds now. */
  heldBytes(): Promise<number>;
  close(): Promise<void>;
}

/** Every store, by name; each is started when it is its turn. */
export const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  memory: async () => {
    const store = new MemoryStore();
    return { name: 'memory', store, heldBytes: async () => (globalThis.gc?.(), process.memoryUsage().heapUsed), close: () => store.close() };
  },
  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-bench-'));
    const path = join(folder, 'store.db');
    const store = await SqliteStore.open({ path });
    const floor = await bareSqlite(join(folder, 'floor.db'));
    return {
      name: 'sqlite',
      store,
      floor,
      heldBytes: async () => statSync(path).size + statSync(`${path}-wal`).size,
      close: async () => {
        await store.close();
        await floor.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  redis: () => redis('redis', 'everysec'),
  redisAof: () => redis('redisAof', 'always'),
  etcd: async () => {
    const etcd = await startEtcd();
    const store = new EtcdStore({ endpoints: etcd.endpoints });
    const floor = await bareEtcd(new URL(etcd.endpoints[0] ?? '').host);
    return {
      name: 'etcd',
      store,
      floor,
      heldBytes: async () => Number((JSON.parse(await etcd.ctl('endpoint', 'status', '--write-out=json')) as { Status: { dbSize: number } }[])[0]?.Status.dbSize),
      close: async () => {
        await store.close();
        await floor.close();
        await etcd.stop();
      },
    };
  },
};

async function redis(name: string, appendfsync: 'always' | 'everysec'): Promise<Subject> {
  const server = await startRedis({ appendfsync });
  const store = await RedisStore.open({ url: server.url });
  const floor = await bareRedis(server.port);
  return {
    name,
    store,
    floor,
    heldBytes: async () => Number(/used_memory:(\d+)/.exec(await server.command('info', 'memory'))?.[1]),
    close: async () => {
      await store.close();
      await floor.close();
      await server.stop();
    },
  };
}
