import { OrreryError } from '@orrery/core';
import { z } from 'zod';

const address = z.string().regex(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, 'must be host:port');
const secret = z.string().min(1).max(1_024);
const pem = z.string().min(1).max(1_048_576);

/** Options of the plugin, and of the store itself. Exactly one of `url`, `sentinels` and `cluster` says where Redis is. */
export const redisOptions = z
  .strictObject({
    /** `redis://[user:password@]host[:port][/database]`, or `rediss://…` for TLS. */
    url: z.string().regex(/^rediss?:\/\/\S+$/, 'must begin with redis:// or rediss://').max(4_096).optional(),
    /** Sentinels as `host:port`; `name` is then the name of the master. */
    sentinels: z.array(address).min(1).max(32).optional(),
    /** The master's name at the Sentinels. */
    name: z.string().min(1).max(253).optional(),
    /** Of the Sentinels themselves, where they ask for it. */
    sentinelUsername: secret.optional(),
    /** Of the Sentinels themselves, where they ask for it. */
    sentinelPassword: secret.optional(),
    /** Nodes of a Redis Cluster as `host:port`; others are found through them. */
    cluster: z.array(address).min(1).max(32).optional(),
    /** ACL user. Instead of the one in `url`. */
    username: secret.optional(),
    /** Password of the user. Instead of the one in `url`. */
    password: secret.optional(),
    /** Speaks TLS, with the system's authorities (`true`) or with these, as PEM texts. Certificates are always verified. `rediss://` means `true`. */
    tls: z
      .union([z.boolean(), z.strictObject({ ca: pem.optional(), cert: pem.optional(), key: pem.optional(), servername: z.string().min(1).max(253).optional() })])
      .optional(),
    /** Keys are `{prefix}:…`. One prefix is one store. */
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" and "-"')
      .default('orrery'),
    /** What is kept of the past, for watchers and reads of it. */
    history: z
      .strictObject({
        /** Revisions kept. */
        maxRevisions: z.int().min(100).max(10_000_000).default(20_000),
        /** Milliseconds kept. */
        maxAgeMs: z.int().min(1_000).max(30 * 86_400_000).default(3_600_000),
      })
      .prefault({}),
    /** Milliseconds after which a call without an answer fails: `OUTCOME_UNKNOWN` for a commit that was sent, else `UNAVAILABLE`. */
    outcomeTimeoutMs: z.int().min(100).max(600_000).default(5_000),
    /** The largest value, bytes of its JSON. */
    maxValueBytes: z.int().min(1_024).max(64 * 1_048_576).default(3 * 1_048_576),
    /** Silence after which a watcher gets a bookmark, milliseconds. */
    bookmarkMs: z.int().min(10).max(10_000).default(10_000),
  })
  .refine((options) => [options.url, options.sentinels, options.cluster].filter((one) => one !== undefined).length === 1, 'give exactly one of url, sentinels and cluster')
  .refine((options) => (options.sentinels === undefined) === (options.name === undefined), 'sentinels and name go together')
  .refine((options) => options.url === undefined || URL.canParse(options.url), { path: ['url'], message: 'is not a URL' });

/** Options as they are given. */
export type RedisOptions = z.input<typeof redisOptions>;
/** Options with their defaults. */
export type ParsedRedisOptions = z.output<typeof redisOptions>;

/** A host and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How to reach Redis and who to be there. Holds secrets: never logged. */
export interface Target {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  /** The server, the Sentinels, or nodes of the cluster. */
  readonly addresses: readonly Address[];
  /** Of the master, at Sentinels. */
  readonly name?: string;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly servername?: string };
}

/** Where the options say Redis is. Throws `INVALID` for a URL with a path that is no database number. */
export function targetOf(options: ParsedRedisOptions): Target {
  const url = options.url === undefined ? undefined : new URL(options.url);
  const path = url?.pathname.replace(/^\//, '') ?? '';
  if (!/^\d{0,4}$/.test(path)) throw new OrreryError('INVALID', 'The path of a Redis URL must be a database number.', { path: path.slice(0, 100) });
  const username = options.username ?? decoded(url?.username);
  const password = options.password ?? decoded(url?.password);
  const tls = options.tls === true || (options.tls === undefined && url?.protocol === 'rediss:') ? {} : options.tls === false ? undefined : options.tls;
  const addresses = url === undefined ? (options.sentinels ?? options.cluster ?? []).map(parseAddress) : [{ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 6379) }];
  return {
    mode: url !== undefined ? 'single' : options.sentinels !== undefined ? 'sentinel' : 'cluster',
    addresses,
    database: Number(path),
    ...(options.name !== undefined && { name: options.name }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(options.sentinelUsername !== undefined && { sentinelUsername: options.sentinelUsername }),
    ...(options.sentinelPassword !== undefined && { sentinelPassword: options.sentinelPassword }),
    ...(tls !== undefined && { tls: dropUndefined(tls) }),
  };
}

function decoded(part: string | undefined): string | undefined {
  return part === undefined || part === '' ? undefined : decodeURIComponent(part);
}

function dropUndefined(tls: { readonly [Key in 'ca' | 'cert' | 'key' | 'servername']?: string | undefined }): NonNullable<Target['tls']> {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}

function parseAddress(text: string): Address {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
}
