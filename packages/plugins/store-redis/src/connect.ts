import { type Clock, errorMessage, OrreryError } from '@orrery/core';
import { Redis, type RedisOptions } from 'ioredis';
import { Connection } from './connection.js';
import { clean } from './failures.js';
import type { Address, Target } from './options.js';

type DriverOptions = Omit<RedisOptions, 'replyMapping'>;

/** What a connection is made with. */
export interface Connecting {
  readonly target: Target;
  readonly prefix: string;
  /** Names this store among all that use the same keys. */
  readonly instance: string;
  readonly clock: Clock;
  /** A server that is silent for longer is given up, milliseconds. */
  readonly stallMs: number;
  /** Gives up the attempt. */
  readonly signal: AbortSignal;
}

/**
 * Connects to the server that takes writes now: the one named, the master that the Sentinels name, or the cluster's master for the prefix's hash slot.
 * Throws `UNAVAILABLE` with the reason; also for a server that would lose data silently by eviction.
 */
export async function connect(connecting: Connecting): Promise<Connection> {
  const { target } = connecting;
  const driver = driverOptions(connecting);
  if (target.mode === 'cluster') return open(connecting, { ...driver, ...(await findMaster(connecting, driver)) });
  if (target.mode === 'single') return open(connecting, { ...driver, ...target.addresses[0], db: target.database });
  return open(connecting, {
    ...driver,
    sentinels: target.addresses.map(({ host, port }) => ({ host, port })),
    name: target.name as string,
    role: 'master',
    sentinelRetryStrategy: () => null,
    ...(target.sentinelUsername !== undefined && { sentinelUsername: target.sentinelUsername }),
    ...(target.sentinelPassword !== undefined && { sentinelPassword: target.sentinelPassword }),
    ...(target.tls !== undefined && { enableTLSForSentinelMode: true, sentinelTLS: target.tls }),
  });
}

/** The driver does nothing of its own accord: no reconnecting, no queue, nothing sent twice. All that is ours to decide. */
function driverOptions({ target, stallMs }: Connecting): DriverOptions {
  return {
    lazyConnect: true,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: stallMs,
    // A server that hangs does not say goodbye.
    disconnectTimeout: 50,
    ...(target.username !== undefined && { username: target.username }),
    ...(target.password !== undefined && { password: target.password }),
    ...(target.tls !== undefined && { tls: target.tls }),
  };
}

async function open(connecting: Connecting, options: DriverOptions): Promise<Connection> {
  const connection = await dial(connecting, options);
  try {
    const problem = unfit(parseInfo(await connection.info()));
    if (problem !== undefined) throw new Error(problem);
    await connection.load();
    return connection;
  } catch (error) {
    connection.drop('not fit for use');
    throw unavailable(`Redis at ${connection.address}`, error);
  }
}

/** A connection to whoever answers. What the driver throws is never handed on: it may hold the password among a command's arguments. */
async function dial({ clock, stallMs, signal, prefix, instance }: Connecting, options: DriverOptions): Promise<Connection> {
  const redis = new Redis(options);
  let last = '';
  redis.on('error', (error: unknown) => {
    last = clean(errorMessage(error));
  });
  const giveUp = (why: string) => (): void => {
    last = why;
    redis.disconnect();
  };
  // Also bounds the question to Sentinels.
  const cancel = clock.timer(2 * stallMs, giveUp(`no answer for ${2 * stallMs} ms`));
  const closed = giveUp('the store was closed');
  signal.addEventListener('abort', closed, { once: true });
  try {
    await redis.connect();
    const connection = new Connection(redis, `${redis.options.host ?? ''}:${redis.options.port ?? ''}`, prefix, instance, clock, stallMs);
    if (signal.aborted) connection.drop('the store was closed');
    return connection;
  } catch (error) {
    redis.disconnect();
    throw unavailable(options.name === undefined ? `Redis at ${options.host}:${options.port}` : `The master "${options.name}"`, last === '' ? error : new Error(last));
  } finally {
    cancel();
    signal.removeEventListener('abort', closed);
  }
}

const unavailable = (who: string, why: unknown): OrreryError => new OrreryError('UNAVAILABLE', `${who} cannot be used: ${clean(errorMessage(why))}.`, { who });

/** Asks the nodes one after another which one serves the slot. */
async function findMaster(connecting: Connecting, driver: DriverOptions): Promise<Address> {
  const problems: string[] = [];
  for (const seed of connecting.target.addresses) {
    try {
      const connection = await dial(connecting, { ...driver, ...seed });
      try {
        const found = await connection.master();
        if (found !== undefined) return { host: found.host === '' ? seed.host : found.host, port: found.port };
        problems.push(`${connection.address} knows no node for the slot`);
      } finally {
        connection.drop('asked');
      }
    } catch (error) {
      problems.push(clean(errorMessage(error)));
    }
  }
  throw new OrreryError('UNAVAILABLE', `No node of the Redis Cluster says who serves "${connecting.prefix}": ${problems.join('; ').slice(0, 1_000)}.`);
}

/** The lines of INFO. */
export const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split('\r\n').flatMap((line): [string, string][] => (/^\w+:/.test(line) ? [[line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]] : [])));

/** Why a server must not be used now; undefined when it may. */
export function unfit(info: ReadonlyMap<string, string>): string | undefined {
  if (info.get('loading') === '1') return 'it is still loading its data';
  if (info.get('role') !== 'master') return 'it is a replica';
  if (Number.parseInt(info.get('redis_version') ?? '0', 10) < 7) return `version ${info.get('redis_version') ?? 'unknown'} is too old, 7.0 is needed`;
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') return `maxmemory-policy is ${policy}, so it would delete objects to make room; set it to noeviction`;
  return undefined;
}
