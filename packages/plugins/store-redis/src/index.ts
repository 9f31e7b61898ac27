/**
 * The store seat on Redis or Valkey: a single server, Sentinel, or Cluster.
 * @packageDocumentation
 */
import { definePlugin, Store } from '@orrery/core';
import { redisOptions } from './options.js';
import { RedisStore } from './redis-store.js';

export type { RedisOptions } from './options.js';
export { RedisStore, type RedisStoreParts } from './redis-store.js';

/** Takes the store seat with a {@link RedisStore}, which connects when it is first used. */
export const redisStore = definePlugin({
  name: 'store-redis',
  core: '^0.1.0',
  options: redisOptions,
  setup({ provide, scope, clock, random, log, options }) {
    provide(Store, () => scope.own(new RedisStore(options, { clock, random, problem: (message) => log.warn(message) })));
  },
});
