import type { Clock } from '@orrery/core';
import { type Cut, type Etcd, type EtcdMember, missingParts, type NetworkHost, startEtcd, startNetwork } from '@orrery/engines';
import { EtcdStore } from '@orrery/store-etcd';
import { between, type Fault, pass, type Rig, type RigOptions } from './rig.js';

const CUTS: readonly Cut[] = ['both', 'inward', 'outward'];

/** An etcd of one or three members. Nothing acknowledged may be lost. */
export async function etcdRig(members: 1 | 3, { clock, longestMs }: RigOptions): Promise<Rig> {
  const lacks = missingParts(['root', 'ip', 'iptables', 'nsenter']);
  const network = lacks === undefined ? await startNetwork({ hosts: members }) : undefined;
  const hosts = network?.hosts ?? [];
  try {
    const etcd = await startEtcd({ members, places: hosts });
    const recover = async (): Promise<void> => {
      for (const host of hosts) await host.heal();
      for (const member of etcd.members) {
        await member.kill('SIGCONT');
        member.start();
      }
      await etcd.ready();
    };
    return {
      promises: { mayLose: false, gapless: false },
      faults: [...memberFaults(etcd, clock, longestMs), ...(network === undefined ? [] : partitions(etcd, hosts, clock, longestMs))],
      // Taking a lease is several calls of four seconds.
      callLimitMs: 20_000,
      leftOut: lacks === undefined ? [] : [`partitions are left out: ${lacks}`],
      open: () => Promise.resolve(new EtcdStore({ endpoints: etcd.endpoints, requestTimeoutMs: 1_500, outcomeTimeoutMs: 4_000, bookmarkMs: 200 })),
      recover,
      async stop() {
        await etcd.stop();
        await network?.stop();
      },
    };
  } catch (error) {
    await network?.stop();
    throw error;
  }
}

/** The leader with even chances, if there is one; else any. */
async function victim(etcd: Etcd, chooses: { chance(probability: number): boolean; pick<T>(items: readonly T[]): T }): Promise<{ readonly member: EtcdMember; readonly who: string }> {
  const any = chooses.pick(etcd.members);
  const leader = chooses.chance(0.5) ? await etcd.leader().catch(() => undefined /* there is none just now */) : undefined;
  const member = leader ?? any;
  return { member, who: `member ${etcd.members.indexOf(member)}${leader === undefined ? '' : ' (leader)'}` };
}

function memberFaults(etcd: Etcd, clock: Clock, longestMs: number): Fault[] {
  const faults: Fault[] = [
    {
      name: 'kill',
      weight: 2,
      async run(random) {
        const { member, who } = await victim(etcd, random);
        const ms = between(random, 0, 2_500, longestMs);
        await member.kill('SIGKILL');
        await pass(clock, ms);
        member.start();
        return `${who}: kill -9, down for ${ms} ms`;
      },
    },
    {
      name: 'stop',
      weight: 2,
      async run(random) {
        const { member, who } = await victim(etcd, random);
        const ms = between(random, 100, 6_000, longestMs);
        await member.kill('SIGSTOP');
        await pass(clock, ms);
        await member.kill('SIGCONT');
        return `${who}: SIGSTOP for ${ms} ms`;
      },
    },
    {
      name: 'restart',
      async run(random) {
        const { member, who } = await victim(etcd, random);
        await member.kill('SIGTERM');
        member.start();
        return `${who}: shut down and started again`;
      },
    },
  ];
  if (etcd.members.length === 1) return faults;
  return [
    ...faults,
    {
      name: 'all killed',
      async run() {
        await Promise.all(etcd.members.map((member) => member.kill('SIGKILL')));
        for (const member of etcd.members) member.start();
        return 'kill -9 of all members';
      },
    },
  ];
}

function partitions(etcd: Etcd, hosts: readonly NetworkHost[], clock: Clock, longestMs: number): Fault[] {
  return [
    {
      name: 'partition',
      weight: 3,
      async run(random) {
        const { member, who } = await victim(etcd, random);
        const host = hosts[etcd.members.indexOf(member)] as NetworkHost;
        const direction = random.pick(CUTS);
        const ms = between(random, 300, 6_000, longestMs);
        await host.cut(direction);
        await pass(clock, ms);
        await host.heal();
        return `${who}: partition (${direction}) for ${ms} ms`;
      },
    },
  ];
}
