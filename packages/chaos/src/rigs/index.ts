import { etcdRig } from './etcd.js';
import { redisRig } from './redis.js';
import type { Rig, RigOptions } from './rig.js';
import { sentinelRig } from './sentinel.js';
import { sqliteRig } from './sqlite.js';

/** Every engine by its name on the command line. */
export const ENGINES = {
  redis: (options: RigOptions) => redisRig('always', options),
  'redis-everysec': (options: RigOptions) => redisRig('everysec', options),
  'redis-sentinel': (options: RigOptions) => sentinelRig(false, options),
  'redis-sentinel-guarded': (options: RigOptions) => sentinelRig(true, options),
  etcd: (options: RigOptions) => etcdRig(3, options),
  'etcd-single': (options: RigOptions) => etcdRig(1, options),
  sqlite: sqliteRig,
} as const;

/** A name of {@link ENGINES}. */
export type EngineName = keyof typeof ENGINES;

/** Starts an engine that can be made to fail. */
export const openRig = (engine: EngineName, options: RigOptions): Promise<Rig> => ENGINES[engine](options);
