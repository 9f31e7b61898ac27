import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@orrery/core';
import { type Cut, type Disk, missingParts, type NetworkHost, type RedisServer, startDisk, startNetwork, startRedis } from '@orrery/engines';
import { RedisStore } from '@orrery/store-redis';
import { between, type Fault, pass, type Rig, type RigOptions, until } from './rig.js';

const DISK_BYTES = 768 * 1_048_576;
const CUTS: readonly Cut[] = ['both', 'inward', 'outward'];
/** History is kept for the whole run: a watcher that is behind must find it. */
export const HISTORY = { maxRevisions: 10_000_000, maxAgeMs: 86_400_000 };

/** One Redis server. With `always` nothing acknowledged may be lost; with `everysec` its log is cut back, too, as a crash of the machine does. */
export async function redisRig(appendfsync: 'always' | 'everysec', { clock, longestMs }: RigOptions): Promise<Rig> {
  const lacks = missingParts(['root', 'ip', 'iptables', 'nsenter']);
  const network = lacks === undefined ? await startNetwork({ hosts: 1 }) : undefined;
  const disk = missingParts(['root']) === undefined ? startDisk({ bytes: DISK_BYTES }) : undefined;
  const stop = async (redis?: RedisServer): Promise<void> => {
    await redis?.stop();
    await disk?.stop();
    await network?.stop();
  };
  try {
    const host = network?.hosts[0];
    const redis = await startRedis({ appendfsync, ...(disk !== undefined && { folder: join(disk.folder, 'redis') }), ...(host !== undefined && { place: host }) });
    const machine = { redis, clock, longestMs, ...(disk !== undefined && { disk }), ...(host !== undefined && { host }) };
    return {
      promises: { mayLose: appendfsync === 'everysec', gapless: true },
      faults: [...processFaults(machine), ...serverFaults(machine), ...networkFaults(machine), ...diskFaults(machine), ...(appendfsync === 'everysec' ? [cutLog(machine)] : [])],
      callLimitMs: 6_000,
      leftOut: lacks === undefined ? [] : [`partitions and a full disk are left out: ${lacks}`],
      open: () => RedisStore.open({ url: redis.url, outcomeTimeoutMs: 3_000, bookmarkMs: 200, history: HISTORY }),
      async recover() {
        disk?.free();
        await host?.heal();
        await redis.kill('SIGCONT');
        await redis.start();
      },
      stop: () => stop(redis),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Machine {
  readonly redis: RedisServer;
  readonly clock: Clock;
  readonly longestMs: number;
  readonly disk?: Disk;
  readonly host?: NetworkHost;
}

function processFaults({ redis, clock, longestMs }: Machine): Fault[] {
  return [
    {
      name: 'kill',
      weight: 2,
      async run(random) {
        const ms = between(random, 0, 1_500, longestMs);
        await redis.kill('SIGKILL');
        await pass(clock, ms);
        await redis.start();
        return `kill -9, down for ${ms} ms`;
      },
    },
    {
      name: 'stop',
      weight: 2,
      async run(random) {
        const ms = random.chance(0.5) ? between(random, 100, 1_000, longestMs) : between(random, 1_000, 8_000, longestMs);
        await redis.kill('SIGSTOP');
        await pass(clock, ms);
        await redis.kill('SIGCONT');
        return `SIGSTOP for ${ms} ms`;
      },
    },
    {
      name: 'restart',
      async run() {
        await redis.kill('SIGTERM');
        await redis.start();
        return 'shut down and started again';
      },
    },
  ];
}

function serverFaults({ redis, clock, longestMs }: Machine): Fault[] {
  return [
    {
      name: 'disconnect',
      async run() {
        return `CLIENT KILL of ${await redis.command('CLIENT', 'KILL', 'TYPE', 'normal')} connections`;
      },
    },
    {
      name: 'scripts',
      async run() {
        await redis.command('SCRIPT', 'FLUSH');
        return 'SCRIPT FLUSH';
      },
    },
    {
      name: 'memory',
      async run(random) {
        const ms = between(random, 500, 2_000, longestMs);
        const used = Number(/used_memory:(\d+)/.exec(await redis.command('INFO', 'memory'))?.[1]);
        await redis.command('CONFIG', 'SET', 'maxmemory', String(used + between(random, 0, 100_000)));
        await pass(clock, ms);
        await redis.command('CONFIG', 'SET', 'maxmemory', '0');
        return `maxmemory reached for ${ms} ms`;
      },
    },
  ];
}

function networkFaults({ clock, longestMs, host }: Machine): Fault[] {
  if (host === undefined) return [];
  return [
    {
      name: 'partition',
      weight: 3,
      async run(random) {
        const direction = random.pick(CUTS);
        const ms = between(random, 200, 6_000, longestMs);
        await host.cut(direction);
        await pass(clock, ms);
        await host.heal();
        return `partition (${direction}) for ${ms} ms`;
      },
    },
  ];
}

/**
 * With `always` a server whose log cannot be written ends itself. With `everysec` Redis 7.0 takes back what it wrote in part, but writes on behind it: if the log was ever written anew in this life,
 * the hole that remains makes it unreadable at the next start. Writing it anew again is the remedy, as the store's page says.
 */
function diskFaults({ redis, clock, longestMs, disk }: Machine): Fault[] {
  if (disk === undefined) return [];
  return [
    {
      name: 'disk full',
      async run(random) {
        const ms = between(random, 500, 2_000, longestMs);
        disk.fill(between(random, 0, 65_536));
        await pass(clock, ms);
        disk.free();
        const died = !redis.runs;
        await redis.start();
        if (!died) await writeLogAnew(redis, clock);
        return `disk full for ${ms} ms${died ? '; the server ended itself' : ''}`;
      },
    },
  ];
}

/**
 * What a crash of the machine does. Where the cut is within a transaction Redis 7.0 leaves the begun transaction in the file, writes on behind it, and executes its first commands at the next start:
 * the log must be written anew after such a start, as the store's page says.
 */
function cutLog({ redis, clock }: Machine): Fault {
  return {
    name: 'log cut back',
    risky: true,
    weight: 2,
    async run(random) {
      const bytes = between(random, 200, 200_000);
      await redis.kill('SIGKILL');
      const folder = join(redis.folder, 'appendonlydir');
      const log = readdirSync(folder).filter((name) => name.endsWith('.incr.aof')).map((name) => join(folder, name)).at(-1) as string;
      const { size } = statSync(log);
      truncateSync(log, Math.max(0, size - bytes));
      await redis.start();
      await writeLogAnew(redis, clock);
      return `kill -9, the log cut back by ${Math.min(size, bytes)} bytes`;
    },
  };
}

/** Without its tail as it was torn. Tried again while another rewriting goes on, or the server still thinks that its disk is full. */
async function writeLogAnew(redis: RedisServer, clock: Clock): Promise<void> {
  await until(clock, 'the log could be written anew', async () => (await redis.command('BGREWRITEAOF')).includes('started'));
  await until(clock, 'the log was written anew', async () => /aof_rewrite_in_progress:0\r?\naof_rewrite_scheduled:0[^]*aof_last_bgrewrite_status:ok/.test(await redis.command('INFO', 'persistence')));
}
