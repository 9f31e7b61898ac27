import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Plugin } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';

/** Where the tour keeps the cluster's objects, and its own files beside them. */
export interface TourStore {
  /** For the first line. */
  readonly title: string;
  readonly plugin: Plugin;
  /** Names what belongs to this store on the machine, so that a tour that comes back finds it; for one that is not kept, names the process. */
  readonly id: string;
  /** Runtime and agent keep their files here. */
  readonly stateDir: string;
  /** Removes the files. */
  close(): void;
}

/**
 * The store named on the command line: `memory`, `sqlite:FILE`, `redis://…`, `rediss://…` or `etcd://host:port[,host:port…]`. With a store that is kept, a tour that was killed
 * is carried on by the next. Drivers are loaded when asked for. Throws `RangeError` for anything else.
 */
export async function storeNamed(name: string): Promise<TourStore> {
  if (name === 'memory') return inMemory();
  const [, scheme = '', rest = ''] = /^(sqlite|redis|rediss|etcd):(.+)$/s.exec(name) ?? [];
  if (scheme === 'sqlite') return kept('SQLite store', resolve(rest), (await import('@orrery/store-sqlite')).sqliteStore({ path: resolve(rest) }));
  if (scheme.startsWith('redis') && rest.startsWith('//')) return kept('Redis store', name, (await import('@orrery/store-redis')).redisStore({ url: name, prefix: 'orrery-tour' }));
  if (scheme === 'etcd' && rest.startsWith('//')) {
    const endpoints = rest.slice(2).split(',');
    return kept('etcd store', name, (await import('@orrery/store-etcd')).etcdStore({ endpoints, prefix: '/orrery-tour/' }));
  }
  throw new RangeError(`--store is memory, sqlite:FILE, redis://HOST:PORT, rediss://HOST:PORT or etcd://HOST:PORT, not ${JSON.stringify(withoutPassword(name))}`);
}

function inMemory(): TourStore {
  const stateDir = mkdtempSync(join(tmpdir(), 'orrery-tour-'));
  return { title: 'memory store', plugin: memoryStore(), id: String(process.pid), stateDir, close: () => rmSync(stateDir, { recursive: true, force: true }) };
}

/** Beside a store that is kept, the files have a place that the next tour finds. */
function kept(title: string, place: string, plugin: Plugin): TourStore {
  const id = createHash('sha256').update(place).digest('hex').slice(0, 12);
  const stateDir = join(homedir(), '.orrery-tour', id);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  return { title, plugin, id, stateDir, close: () => rmSync(stateDir, { recursive: true, force: true }) };
}

const withoutPassword = (name: string): string => name.replace(/\/\/[^@/]*@/, '//…@');
