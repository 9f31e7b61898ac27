import type { Clock } from '@orrery/core';
import { missingParts, type NetworkHost, type RedisSentinels, type RedisServer, startNetwork, startRedisSentinels } from '@orrery/engines';
import { RedisStore } from '@orrery/store-redis';
import { HISTORY } from './redis.js';
import { between, type Fault, pass, type Rig, type RigOptions, until } from './rig.js';

/** A master that takes writes only while a replica has answered within two seconds. */
const GUARDED = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '2'];

/** A master and a replica behind three Sentinels. A failover may lose what the replica did not have; less when the master is guarded. */
export async function sentinelRig(guarded: boolean, { clock, longestMs }: RigOptions): Promise<Rig> {
  const lacks = missingParts(['root', 'ip', 'iptables', 'nsenter']);
  const network = lacks === undefined ? await startNetwork({ hosts: 2 }) : undefined;
  const hosts = network?.hosts ?? [];
  try {
    const redis = await startRedisSentinels({ args: guarded ? GUARDED : [], ...(network !== undefined && { places: { master: hosts[0] as NetworkHost, replica: hosts[1] as NetworkHost, sentinels: network.self } }) });
    const pair = new Pair(redis, hosts, clock);
    return {
      promises: { mayLose: true, gapless: true },
      faults: [...failovers(pair, clock), ...(network === undefined ? [] : [partition(pair)]), ...lesser(pair, clock, longestMs)],
      callLimitMs: 8_000,
      leftOut: lacks === undefined ? [] : [`partitions are left out: ${lacks}`],
      open: () => RedisStore.open({ sentinels: [...redis.sentinels], name: redis.name, outcomeTimeoutMs: 4_000, bookmarkMs: 200, history: HISTORY }),
      recover: () => pair.settle(),
      async stop() {
        await redis.stop();
        await network?.stop();
      },
    };
  } catch (error) {
    await network?.stop();
    throw error;
  }
}

/** Two servers of which one is the master. */
class Pair {
  readonly #servers: readonly RedisServer[];

  constructor(
    private readonly redis: RedisSentinels,
    private readonly hosts: readonly NetworkHost[],
    private readonly clock: Clock,
  ) {
    this.#servers = [redis.master, redis.replica];
  }

  /** The master as the Sentinels see it, and the other. */
  async roles(): Promise<{ readonly master: RedisServer; readonly replica: RedisServer }> {
    const [master] = await this.#asSentinelsSay();
    return { master: master as RedisServer, replica: this.#servers.find((server) => server !== master) as RedisServer };
  }

  /** Where a server runs, if hosts were made. */
  hostOf(server: RedisServer): NetworkHost | undefined {
    return this.hosts[this.#servers.indexOf(server)];
  }

  /** Waits until a server is the master. */
  promoted(server: RedisServer): Promise<void> {
    return until(this.clock, 'the replica was promoted', async () => (await server.command('INFO', 'replication')).includes('role:master'));
  }

  /** Everything runs, one is the master for all, the other follows it. */
  async settle(): Promise<void> {
    for (const host of this.hosts) await host.heal();
    for (const server of this.#servers) {
      await server.kill('SIGCONT');
      await server.start();
    }
    await until(this.clock, 'one was the master and the other followed', async () => {
      const said = await this.#asSentinelsSay();
      const { master, replica } = await this.roles();
      if (said.some((one) => one !== master)) return false;
      return (await master.command('INFO', 'replication')).includes('role:master') && /role:slave[^]*master_link_status:up/.test(await replica.command('INFO', 'replication'));
    });
  }

  async #asSentinelsSay(): Promise<(RedisServer | undefined)[]> {
    const said = await Promise.all(this.redis.sentinelServers.map((sentinel) => sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.redis.name)));
    return said.map((text) => this.#servers.find(({ address, port }) => text === `${address}\n${port}`));
  }
}

function failovers(pair: Pair, clock: Clock): Fault[] {
  return [
    {
      name: 'master killed',
      risky: true,
      async run() {
        const { master, replica } = await pair.roles();
        await master.kill('SIGKILL');
        await pair.promoted(replica);
        await pair.settle();
        return 'master: kill -9; failed over';
      },
    },
    {
      name: 'master stopped',
      risky: true,
      async run() {
        const { master, replica } = await pair.roles();
        await master.kill('SIGSTOP');
        await pair.promoted(replica);
        await master.kill('SIGCONT');
        await pair.settle();
        return 'master: SIGSTOP until failed over, then SIGCONT (two masters for a while)';
      },
    },
    {
      name: 'replica lagged',
      risky: true,
      async run(random) {
        const ms = between(random, 200, 800);
        const { master, replica } = await pair.roles();
        await replica.kill('SIGSTOP');
        await pass(clock, ms);
        await master.kill('SIGKILL');
        // What lies in the replica's socket would still be read: cut that too, as a broken network does.
        await replica.kill('SIGKILL');
        await replica.start();
        await pair.promoted(replica);
        await pair.settle();
        return `replica: SIGSTOP for ${ms} ms; then the master was killed and the replica promoted`;
      },
    },
  ];
}

function partition(pair: Pair): Fault {
  return {
    name: 'master cut off',
    risky: true,
    async run() {
      const { master, replica } = await pair.roles();
      await pair.hostOf(master)?.cut('both');
      await pair.promoted(replica);
      await pair.settle();
      return 'master: cut off until failed over, then back';
    },
  };
}

function lesser(pair: Pair, clock: Clock, longestMs: number): Fault[] {
  return [
    {
      name: 'replica killed',
      async run(random) {
        const ms = between(random, 0, 1_000, longestMs);
        const { replica } = await pair.roles();
        await replica.kill('SIGKILL');
        await pass(clock, ms);
        await pair.settle();
        return `replica: kill -9, down for ${ms} ms`;
      },
    },
    {
      name: 'disconnect',
      async run() {
        const { master } = await pair.roles();
        return `CLIENT KILL of ${await master.command('CLIENT', 'KILL', 'TYPE', 'normal')} connections`;
      },
    },
  ];
}
