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
    ...(target.username !== undefined && { username: target.username }),
    ...(target.password !== undefined && { password: target.password }),
    ...(target.tls !== undefined && { tls: target.tls }),
  };
}

async function open(connecting: Connecting, options: DriverOptions): Promise<Connection> {
  const redis = await dial(options, connecting);
  const address = `${redis.options.host ?? ''}:${redis.options.port ?? ''}`;
  try {
    const info = parseInfo(await redis.info());
    const problem = unfit(info);
    if (problem !== undefined) throw new OrreryError('UNAVAILABLE', `Redis at ${address}: ${problem}.`, { address });
    const connection = new Connection(redis, address, connecting.prefix, connecting.instance, connecting.clock, connecting.stallMs);
    await connection.load();
    return connection;
  } catch (error) {
    redis.disconnect();
    if (OrreryError.is(error)) throw error;
    throw new OrreryError('UNAVAILABLE', `Redis at ${address}: ${clean(errorMessage(error))}.`, { address });
  }
}

/** A connected driver. What the driver throws is never handed on: it may hold the password among a command's arguments. */
async function dial(options: DriverOptions, { clock, stallMs, target }: Connecting): Promise<Redis> {
  const redis = new Redis(options);
  let last = '';
  redis.on('error', (error: unknown) => {
    last = clean(errorMessage(error));
  });
  // Also bounds the question to Sentinels, and a server that accepts but says nothing.
  const cancel = clock.timer(2 * stallMs, () => {
    last = `no answer for ${2 * stallMs} ms`;
    redis.disconnect();
  });
  try {
    await redis.connect();
    return redis;
  } catch (error) {
    redis.disconnect();
    const where = target.mode === 'single' ? `${options.host}:${options.port}` : target.mode === 'sentinel' ? `the master "${target.name}"` : `${options.host}:${options.port}`;
    throw new OrreryError('UNAVAILABLE', `Redis at ${where} cannot be reached: ${last || clean(errorMessage(error))}.`, { address: where });
  } finally {
    cancel();
  }
}

/** Asks the nodes one after another which one serves the slot. */
async function findMaster(connecting: Connecting, driver: DriverOptions): Promise<Address> {
  const problems: string[] = [];
  for (const seed of connecting.target.addresses) {
    try {
      const redis = await dial({ ...driver, ...seed }, connecting);
      try {
        const slot = await redis.cluster('KEYSLOT', `{${connecting.prefix}}`);
        const slots = (await redis.cluster('SLOTS')) as unknown as readonly (readonly [number, number, readonly [string | null, number]])[];
        const found = slots.find(([first, last]) => first <= slot && slot <= last)?.[2];
        if (found !== undefined) return { host: found[0] === null || found[0] === '' ? seed.host : found[0], port: found[1] };
        problems.push(`${seed.host}:${seed.port} knows no node for the slot`);
      } finally {
        redis.disconnect();
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
