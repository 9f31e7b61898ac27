import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemRandom } from '@orrery/core';
import { makeBridge } from './bridge.js';
import { startGuardian } from './guardian.js';
import { missingParts, programPath } from './missing.js';

/** Where a server runs if not on the loopback. */
export interface Place {
  /** The address it binds to. */
  readonly address: string;
  /** Program and arguments before its own, e.g. what enters a network namespace; may be empty. */
  readonly enter: readonly string[];
}

/** What does not get through between a host and all others: everything, what is sent to it, or what it sends. */
export type Cut = 'both' | 'inward' | 'outward';

/** A host: a network namespace with one interface. */
export interface NetworkHost extends Place {
  /** Cuts it off, without a word to either side: packets vanish. Connections stay open until somebody gives them up. */
  cut(direction: Cut): Promise<void>;
  /** Everything gets through again. */
  heal(): Promise<void>;
}

/** A network of this process's own. */
export interface Network extends AsyncDisposable {
  /** The machine itself, where this process runs. */
  readonly self: Place;
  readonly hosts: readonly NetworkHost[];
  /** Removes everything; what still runs in it loses its network. A second call waits for the first. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const call = async (program: string, ...args: readonly string[]): Promise<void> => {
  await run(programPath(program) ?? program, args);
};

/** Makes a bridge with hosts on it, each a network namespace. Needs root. They are removed also when this process is killed. */
export async function startNetwork({ hosts: count }: { readonly hosts: number }): Promise<Network> {
  const missing = missingParts(['root', 'ip', 'iptables', 'nsenter']);
  if (missing !== undefined) throw new Error(`A network cannot be made: ${missing}.`);
  const { name, subnet } = makeBridge(systemRandom);
  const guardian = startGuardian(mkdtempSync(join(tmpdir(), 'orn-')), name);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= guardian.sweep());
  const address = (n: number): string => subnet.replace(/0\/24$/, String(n));
  try {
    const hosts: NetworkHost[] = [];
    for (let n = 0; n < count; n += 1) hosts.push(await makeHost(name, n, address(n + 2)));
    return { self: { address: address(1), enter: [] }, hosts, stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The guardian knows the namespaces by the bridge's name. */
async function makeHost(bridge: string, n: number, address: string): Promise<NetworkHost> {
  const space = `${bridge}-${n}`;
  const outside = `${bridge}v${n}`;
  await call('ip', 'netns', 'add', space);
  await call('ip', 'link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
  await call('ip', 'link', 'set', outside, 'master', bridge, 'up');
  for (const link of ['lo', 'eth0']) await call('ip', '-n', space, 'link', 'set', link, 'up');
  await call('ip', '-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  const enter = [programPath('nsenter') as string, `--net=/run/netns/${space}`];
  const inside = (...args: readonly string[]): Promise<void> => call(enter[0] as string, ...enter.slice(1), programPath('iptables') as string, '-w', ...args);
  return {
    address,
    enter,
    async cut(direction) {
      if (direction === 'both') await call('ip', 'link', 'set', outside, 'down');
      else if (direction === 'inward') await inside('-A', 'INPUT', '-i', 'eth0', '-j', 'DROP');
      else await inside('-A', 'OUTPUT', '-o', 'eth0', '-j', 'DROP');
    },
    async heal() {
      await inside('-F');
      await call('ip', 'link', 'set', outside, 'up');
    },
  };
}
