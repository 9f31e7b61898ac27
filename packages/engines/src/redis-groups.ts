import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { longLived, systemClock } from '@orrery/core';
import { type Guardian, startGuardian } from './guardian.js';
import type { Place } from './network.js';
import { type RedisServer, startProcess } from './redis.js';

/** A master, a replica of it, and three Sentinels that fail over. */
export interface RedisSentinels extends AsyncDisposable {
  /** The master's name. */
  readonly name: string;
  /** As `host:port`. */
  readonly sentinels: readonly string[];
  readonly sentinelServers: readonly RedisServer[];
  /** The server that was the master first. */
  readonly master: RedisServer;
  /** The one that was its replica first. */
  readonly replica: RedisServer;
  /** Ends all and removes everything. */
  stop(): Promise<void>;
}

/** Masters that share the hash slots, each with a replica. */
export interface RedisCluster extends AsyncDisposable {
  /** As `host:port`. */
  readonly nodes: readonly string[];
  readonly servers: readonly RedisServer[];
  /** The server that is the master for a key's hash slot now. */
  masterOf(key: string): Promise<RedisServer>;
  /** Ends all and removes everything. */
  stop(): Promise<void>;
}

const LIMIT_MS = 60_000;
const POLL_MS = 50;
const NAME = 'orrery';
const never = longLived(new AbortController()).signal;

/** How Redis behind Sentinels is started. */
export interface RedisSentinelsOptions {
  /** After so many milliseconds without an answer a master is taken for dead; default 1,000. */
  readonly downAfterMs?: number;
  /** More arguments for both servers. */
  readonly args?: readonly string[];
  /** Where they run; default: all on the loopback. */
  readonly places?: { readonly master: Place; readonly replica: Place; readonly sentinels: Place };
}

/** Starts Redis behind Sentinels. Resolves when the replica follows and the Sentinels know each other. */
export async function startRedisSentinels({ downAfterMs = 1_000, args = [], places }: RedisSentinelsOptions = {}): Promise<RedisSentinels> {
  const group = new Group('orz-');
  return group.orStop(async () => {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--repl-diskless-sync-delay', '0', ...args];
    const master = await group.start((port, dir) => ['--port', String(port), '--dir', dir, '--save', '', ...durable], places?.master);
    const replica = await group.start((port, dir) => ['--port', String(port), '--dir', dir, '--save', '', ...durable, '--replicaof', master.address, String(master.port)], places?.replica);
    await until('the replica follows', async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'));
    const sentinels: RedisServer[] = [];
    for (let n = 0; n < 3; n += 1) {
      const sentinel = await group.start((port, dir) => {
        const file = join(dir, 'sentinel.conf');
        const lines = [`monitor ${NAME} ${master.address} ${master.port} 2`, `down-after-milliseconds ${NAME} ${downAfterMs}`, `failover-timeout ${NAME} 5000`];
        writeFileSync(file, `port ${port}\ndir ${dir}\n${lines.map((line) => `sentinel ${line}\n`).join('')}`);
        return [file, '--sentinel'];
      }, places?.sentinels);
      sentinels.push(sentinel);
    }
    await until('the Sentinels know each other and the replica', async () => {
      const said = await Promise.all(sentinels.map((sentinel) => sentinel.command('SENTINEL', 'MASTER', NAME)));
      return said.every((text) => /num-slaves\n1\n/.test(text) && /num-other-sentinels\n2\n/.test(text));
    });
    return { name: NAME, sentinels: sentinels.map(({ address, port }) => `${address}:${port}`), sentinelServers: sentinels, master, replica, stop: group.stop, [Symbol.asyncDispose]: group.stop };
  });
}

/** Starts a Redis Cluster of three masters with a replica each. Resolves when every node says that the cluster is well. */
export async function startRedisCluster({ nodeTimeoutMs = 2_000 } = {}): Promise<RedisCluster> {
  const group = new Group('orc-');
  return group.orStop(async () => {
    const servers: RedisServer[] = [];
    for (let n = 0; n < 6; n += 1) {
      servers.push(
        await group.start((port, dir) => [
          ...['--port', String(port), '--dir', dir, '--save', '', '--appendonly', 'yes', '--cluster-enabled', 'yes', '--cluster-port', String(port + 10_000)],
          ...['--cluster-node-timeout', String(nodeTimeoutMs), '--cluster-config-file', 'nodes.conf', '--repl-diskless-sync-delay', '0'],
        ]),
      );
    }
    const nodes = servers.map(({ port }) => `127.0.0.1:${port}`);
    await (servers[0] as RedisServer).command('--cluster', 'create', ...nodes, '--cluster-replicas', '1', '--cluster-yes');
    await until('the cluster is well', async () => {
      const said = await Promise.all(servers.map(async (server) => `${await server.command('CLUSTER', 'INFO')} ${await server.command('INFO', 'replication')}`));
      return said.every((text) => /cluster_state:ok/.test(text) && /cluster_known_nodes:6/.test(text) && /role:master|master_link_status:up/.test(text));
    });
    const masterOf = async (key: string): Promise<RedisServer> => {
      const asked = servers.find(({ runs }) => runs) as RedisServer;
      const slot = Number(await asked.command('CLUSTER', 'KEYSLOT', key));
      const lines = (await asked.command('CLUSTER', 'NODES')).split('\n').map((line) => line.split(' '));
      const line = lines.find(([, , flags, , , , , , ...slots]) => flags?.includes('master') === true && !flags.includes('fail') && slots.some((range) => covers(range, slot)));
      const port = Number(/:(\d+)@/.exec(line?.[1] ?? '')?.[1]);
      return servers.find((server) => server.port === port) as RedisServer;
    };
    return { nodes, servers, masterOf, stop: group.stop, [Symbol.asyncDispose]: group.stop };
  });
}

function covers(range: string, slot: number): boolean {
  const [first, last = first] = range.split('-').map(Number);
  return first !== undefined && last !== undefined && first <= slot && slot <= last;
}

/** Servers in one folder, with one guardian. */
class Group {
  readonly #folder: string;
  readonly #guardian: Guardian;
  readonly #servers: RedisServer[] = [];
  #stopping: Promise<void> | undefined;

  constructor(name: string) {
    this.#folder = mkdtempSync(join(tmpdir(), name));
    this.#guardian = startGuardian(this.#folder);
  }

  async start(argsOf: (port: number, folder: string) => readonly string[], place?: Place): Promise<RedisServer> {
    const server = await startProcess({ folder: join(this.#folder, String(this.#servers.length)), ...(place !== undefined && { place }) }, argsOf);
    this.#servers.push(server);
    return server;
  }

  async orStop<T>(start: () => Promise<T>): Promise<T> {
    try {
      return await start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  readonly stop = (): Promise<void> => {
    this.#stopping ??= (async () => {
      await Promise.all(this.#servers.map((server) => server.stop()));
      await this.#guardian.sweep();
    })();
    return this.#stopping;
  };
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + LIMIT_MS;
  while (!(await condition())) {
    if (systemClock.monotonic() > deadline) throw new Error(`It took more than ${LIMIT_MS} ms until ${what}.`);
    await systemClock.sleep(POLL_MS, never);
  }
}
