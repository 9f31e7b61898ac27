import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import type { ContainerResources } from '@orrery/core';
import { errno, tolerate } from './failure.js';
import { delay } from './platform.js';
import { signalProcess } from './proc.js';

// Control groups hold memory and cpu limits, tell of kills for memory, and gather every process of a container, wherever it went.
// All of them lie below one group of this machine's, as pods do below the kubelet's `kubepods`: together they weigh as much as all processors,
// and a weight counts among containers only.
// Sources: kernel documentation, admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst.

/** Where this helper may make groups. With v1 each controller has a tree of its own. */
export type CgroupBase =
  | { readonly version: 1; readonly memory: string; readonly cpu: string | undefined }
  | { readonly version: 2; readonly unified: string };

/** One file to write in a group. */
export interface CgroupSetting {
  readonly controller: 'memory' | 'cpu';
  readonly file: string;
  readonly value: string;
}

/** What to write for these limits. Pure. */
export function planSettings(version: 1 | 2, resources: ContainerResources): CgroupSetting[] {
  const { memoryLimitBytes: memory, cpuShares: shares, cpuQuota: quota, cpuPeriod: period } = resources;
  const settings: CgroupSetting[] = [];
  if (memory !== undefined) settings.push({ controller: 'memory', file: version === 1 ? 'memory.limit_in_bytes' : 'memory.max', value: String(memory) });
  if (shares !== undefined) {
    // The mapping of runc and the kubelet: shares 2..262144 to weight 1..10000.
    const weight = Math.floor(1 + ((Math.min(262144, Math.max(2, shares)) - 2) * 9999) / 262142);
    settings.push({ controller: 'cpu', ...(version === 1 ? { file: 'cpu.shares', value: String(shares) } : { file: 'cpu.weight', value: String(weight) }) });
  }
  if (quota !== undefined && quota > 0) {
    const each = period ?? 100_000;
    if (version === 2) settings.push({ controller: 'cpu', file: 'cpu.max', value: `${quota} ${each}` });
    else settings.push({ controller: 'cpu', file: 'cpu.cfs_period_us', value: String(each) }, { controller: 'cpu', file: 'cpu.cfs_quota_us', value: String(quota) });
  }
  return settings;
}

/** Finds out where groups can be made; `undefined` where they cannot (no root, none mounted, read-only). */
export function detectCgroups(mounts: string, own: string): CgroupBase | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = mounts.split('\n').map((line) => line.split(' '));
  const unified = lines.find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2')?.[4];
  const v1 = (controller: string): string | undefined => {
    const mount = lines.find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup' && (fields.at(-1) ?? '').split(',').includes(controller))?.[4];
    if (mount === undefined) return undefined;
    const path = own.split('\n').map((line) => line.split(':')).find((parts) => (parts[1] ?? '').split(',').includes(controller))?.[2] ?? '/';
    return usable(existsSync(join(mount, path)) ? join(mount, path) : mount);
  };
  const memory = v1('memory');
  if (memory !== undefined) return { version: 1, memory, cpu: v1('cpu') };
  if (unified === undefined || !(tolerate(['ENOENT'], () => readFileSync(join(unified, 'cgroup.controllers'), 'utf8')) ?? '').includes('memory')) return undefined;
  const enabled = tolerate(REFUSED, () => {
    writeFileSync(join(unified, 'cgroup.subtree_control'), '+memory +cpu');
    return true;
  });
  return enabled === true && usable(unified) !== undefined ? { version: 2, unified } : undefined;
}

const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'EBUSY', 'EINVAL', 'ENOENT', 'ENOTSUP'];

function usable(parent: string): string | undefined {
  const probe = join(parent, `orrery-probe-${process.pid}`);
  return tolerate(REFUSED, () => {
    mkdirSync(probe);
    rmdirSync(probe);
    return parent;
  });
}

const TOP = 'orrery';
/** Where containers are that asked for no cpu: together they weigh next to nothing beside those that did (kubelet's besteffort group). */
const BEST_EFFORT = 'besteffort';

/** The group of all containers, in the tree that shares out cpu. */
function topOf(base: CgroupBase): string | undefined {
  const tree = base.version === 2 ? base.unified : base.cpu;
  return tree === undefined ? undefined : join(tree, TOP);
}

/** What to make for one container. */
export interface CgroupPlan {
  /** The memory group first. */
  readonly directories: readonly string[];
  readonly writes: readonly { readonly path: string; readonly value: string }[];
}

/** Which directories and which files hold a container's limits. A cpu limit is left out where there is no cpu controller. Pure. */
export function planCgroups(base: CgroupBase, containerId: string, resources: ContainerResources): CgroupPlan {
  const settings = planSettings(base.version, resources);
  const name = join(TOP, `orrery-${containerId}`);
  const memory = join(base.version === 1 ? base.memory : base.unified, name);
  const cpu = base.version === 2 ? memory : base.cpu === undefined ? undefined : join(base.cpu, name);
  const writes = settings.flatMap(({ controller, file, value }) => {
    const directory = controller === 'memory' ? memory : cpu;
    return directory === undefined ? [] : [{ path: join(directory, file), value }];
  });
  const directories = [...new Set([memory, ...(cpu !== undefined && settings.some(({ controller }) => controller === 'cpu') ? [cpu] : [])])];
  return { directories, writes };
}

/** Kubernetes' weights: of a container that asks for no cpu, and of one processor. */
const LEAST_SHARES = 2;
const PROCESSOR_SHARES = 1024;

/**
 * Whether a container asks for anything that takes a group. Joining one makes the kernel wait for all its processors (10 to 20 ms a time),
 * which a container without requests and limits is spared.
 */
export function needsCgroups({ memoryLimitBytes, cpuQuota, cpuShares = 0 }: ContainerResources): boolean {
  return memoryLimitBytes !== undefined || cpuQuota !== undefined || cpuShares > LEAST_SHARES;
}

/** Makes the groups and sets their limits. */
export function makeCgroups(base: CgroupBase, plan: CgroupPlan): void {
  for (const directory of plan.directories) makeGroup(base, directory);
  for (const { path, value } of plan.writes) writeFileSync(path, value);
}

/** Makes a group below the group of all containers, and that one if need be. Another helper may take it away as the last one there, so it is tried again. */
export function makeGroup(base: CgroupBase, directory: string): void {
  const parent = dirname(directory);
  for (let attempt = 0; !existsSync(directory); attempt += 1) {
    try {
      const made = mkdirSync(parent, { recursive: true });
      if (made !== undefined && parent === topOf(base)) setWeight(base, parent, availableParallelism() * PROCESSOR_SHARES);
      if (made !== undefined && base.version === 2) writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory +cpu');
      tolerate(['EEXIST'], () => mkdirSync(directory));
    } catch (error) {
      if (errno(error) !== 'ENOENT' || attempt >= 3) throw error;
    }
  }
}

function setWeight(base: CgroupBase, directory: string, cpuShares: number): void {
  for (const { file, value } of planSettings(base.version, { cpuShares })) tolerate(['ENOENT'], () => writeFileSync(join(directory, file), value));
}

/** The group of containers that asked for no cpu, made if need be; undefined where cpu is not shared out. */
export function makeBestEffortGroup(base: CgroupBase): string | undefined {
  const top = topOf(base);
  if (top === undefined) return undefined;
  const directory = join(top, BEST_EFFORT);
  if (!existsSync(directory)) {
    makeGroup(base, directory);
    setWeight(base, directory, LEAST_SHARES);
  }
  return directory;
}

/** Takes away what is left of the groups that containers share, unless others use them. */
export function removeSharedCgroups(base: CgroupBase): void {
  const trees = base.version === 2 ? [base.unified] : [base.memory, base.cpu].filter((tree) => tree !== undefined);
  for (const tree of trees) for (const directory of [join(tree, TOP, BEST_EFFORT), join(tree, TOP)]) tolerate(['ENOENT', 'EBUSY', 'ENOTEMPTY'], () => rmdirSync(directory));
}

/** Runs `start` with this process inside the groups, so that what it starts is in them from its first instruction. `start` must be synchronous. */
export function startInside<T>(directories: readonly string[], start: () => T): T {
  const joined: string[] = [];
  try {
    for (const directory of directories) {
      writeFileSync(join(directory, 'cgroup.procs'), String(process.pid));
      joined.push(directory);
    }
    return start();
  } finally {
    // Back to where this process was: beside the group of all containers.
    for (const directory of joined) writeFileSync(join(directory, '..', '..', 'cgroup.procs'), String(process.pid));
  }
}

/** How many processes of the group the kernel killed for memory. */
export function oomKills(directory: string): number {
  for (const file of ['memory.events', 'memory.oom_control']) {
    const text = tolerate(['ENOENT'], () => readFileSync(join(directory, file), 'utf8'));
    const count = /^oom_kill (\d+)$/m.exec(text ?? '')?.[1];
    if (count !== undefined) return Number(count);
  }
  return 0;
}

/** Memory in use and what of it could be given back, in bytes; cpu time where the group counts it. `undefined` once the group is gone. */
export function cgroupMemory(directory: string): { readonly workingSetBytes: number; readonly rssBytes: number } | undefined {
  return tolerate(['ENOENT'], () => {
    const v1 = existsSync(join(directory, 'memory.usage_in_bytes'));
    const usage = Number(readFileSync(join(directory, v1 ? 'memory.usage_in_bytes' : 'memory.current'), 'utf8'));
    const stat = readFileSync(join(directory, 'memory.stat'), 'utf8');
    const value = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
    const inactive = v1 ? value('total_inactive_file') : value('inactive_file');
    return { workingSetBytes: Math.max(0, usage - inactive), rssBytes: v1 ? value('total_rss') : value('anon') };
  });
}

/** Kills whatever is in the groups and removes them. Resolves when they are gone. */
export async function removeCgroups(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    for (let round = 0; ; round++) {
      killInside(directory);
      try {
        rmdirSync(directory);
        break;
      } catch (error) {
        if (errno(error) === 'ENOENT') break;
        // Busy until the last killed process has been taken off by its parent.
        if (errno(error) !== 'EBUSY' || round >= 200) throw error;
        await delay(Math.min(50, round));
      }
    }
  }
}

/** Sends SIGKILL to every process in the group. */
export function killInside(directory: string): void {
  const pids = tolerate(['ENOENT', 'ENODEV'], () => readFileSync(join(directory, 'cgroup.procs'), 'utf8')) ?? '';
  for (const pid of pids.split('\n').filter((line) => line !== '')) signalProcess(Number(pid), 'SIGKILL');
}
