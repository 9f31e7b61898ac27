/**
 * The store seat on etcd.
 * @packageDocumentation
 */
import { definePlugin, Store } from '@orrery/core';
import { z } from 'zod';
import { EtcdStore } from './etcd-store.js';

export { EtcdStore } from './etcd-store.js';
export { type EtcdStoreOptions, type EtcdTls } from './options.js';

/** Takes the store seat with an {@link EtcdStore}. */
export const etcdStore = definePlugin({
  name: 'store-etcd',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** Members of one cluster: `http://host:port`, `https://host:port`, or `host:port` (then TLS if `tls` is given). */
      endpoints: z.array(z.string().min(1)).min(1).max(100),
      /** Before every key in etcd; ends in `/`. Default `/orrery/`. */
      prefix: z.string().optional(),
      /** Where etcd asks for one. */
      user: z.string().min(1).optional(),
      /** Never logged. */
      password: z.string().optional(),
      /** Certificates as PEM text. */
      tls: z.strictObject({ ca: z.string().optional(), cert: z.string().optional(), key: z.string().optional(), serverName: z.string().optional() }).transform(defined).optional(),
      /** How long one member may take to answer, milliseconds; default 2,000. */
      requestTimeoutMs: z.int().min(50).max(600_000).optional(),
      /** How long a call may take in all, milliseconds; default 5,000. */
      outcomeTimeoutMs: z.int().min(50).max(600_000).optional(),
      /** The largest encoded value, bytes; default 1,500,000. */
      maxValueBytes: z.int().min(1_024).max(64 * 1024 * 1024).optional(),
      /** Revisions kept in memory for watchers; default 10,000. */
      windowRevisions: z.int().min(100).max(10_000_000).optional(),
    })
    .refine(({ user, password }) => user !== undefined || password === undefined, { error: 'a password needs a user' }),
  setup({ provide, scope, clock, random, log, options }) {
    provide(Store, () => scope.own(new EtcdStore({ ...defined(options), clock, random, warn: (message, details) => log.warn(message, details) })));
  },
});

/** Without the options that are not given: zod's types cannot tell absent from undefined. */
function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
