import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';

/** What the kernel counts for one control group. */
export interface CgroupUse {
  readonly cpuNanoseconds: number;
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly processes?: number;
}

const ROOT = '/sys/fs/cgroup';

/** Where the control groups of a process lie: `/proc/<pid>/cgroup` of version 1 (a line per controller) or 2 (one line). Undefined when it tells neither. */
export function cgroupDirectories(text: string, root = ROOT): { readonly version: 1; readonly memory: string; readonly cpu: string; readonly pids?: string } | { readonly version: 2; readonly directory: string } | undefined {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    // A path out of the root is that of another cgroup namespace: not to be seen here.
    if (controllers === undefined || path === undefined || normalize(path) !== path) continue;
    for (const controller of controllers.split(',')) paths.set(controller, path);
  }
  const memory = paths.get('memory');
  const cpu = paths.get('cpuacct');
  const pids = paths.get('pids');
  if (memory !== undefined && cpu !== undefined) {
    return { version: 1, memory: join(root, 'memory', memory), cpu: join(root, 'cpuacct', cpu), ...(pids === undefined ? {} : { pids: join(root, 'pids', pids) }) };
  }
  const unified = paths.get('');
  return unified === undefined || unified === '/' ? undefined : { version: 2, directory: join(root, unified) };
}

/**
 * The use of the control group that a process of this machine is in. The working set is what cannot be reclaimed: use less the inactive file cache, as cAdvisor tells it.
 * Rejects when the files cannot be read.
 */
export async function readCgroup(pid: number, containerId: string): Promise<CgroupUse> {
  const text = await readFile(`/proc/${pid}/cgroup`, 'utf8');
  // The process id may have been given to somebody else since it was told.
  const found = text.includes(containerId) ? cgroupDirectories(text) : undefined;
  if (found === undefined) throw new Error('The control group of the container is not to be seen here.');
  const [number, table] = [async (path: string) => wholeNumber(await readFile(path, 'utf8')), async (path: string) => flatTable(await readFile(path, 'utf8'))];
  if (found.version === 1) {
    const [cpu, use, memory, processes] = await Promise.all([
      number(join(found.cpu, 'cpuacct.usage')),
      number(join(found.memory, 'memory.usage_in_bytes')),
      table(join(found.memory, 'memory.stat')),
      found.pids === undefined ? undefined : number(join(found.pids, 'pids.current')),
    ]);
    return useOf(cpu, use, memory.get('total_inactive_file') ?? 0, memory.get('total_rss') ?? 0, processes);
  }
  const [cpu, use, memory, processes] = await Promise.all([
    table(join(found.directory, 'cpu.stat')),
    number(join(found.directory, 'memory.current')),
    table(join(found.directory, 'memory.stat')),
    number(join(found.directory, 'pids.current')),
  ]);
  return useOf((cpu.get('usage_usec') ?? 0) * 1_000, use, memory.get('inactive_file') ?? 0, memory.get('anon') ?? 0, processes);
}

/** Puts the numbers together. */
export function useOf(cpuNanoseconds: number, memory: number, inactiveFile: number, rssBytes: number, processes: number | undefined): CgroupUse {
  return { cpuNanoseconds, workingSetBytes: Math.max(0, memory - inactiveFile), rssBytes, ...(processes === undefined ? {} : { processes }) };
}

function wholeNumber(text: string): number {
  const value = Number(text.trim());
  if (!Number.isFinite(value)) throw new Error(`"${text.slice(0, 40)}" is no number.`);
  return value;
}

function flatTable(text: string): Map<string, number> {
  return new Map(text.split('\n').map((line): [string, number] => [line.slice(0, line.indexOf(' ')), Number(line.slice(line.indexOf(' ') + 1))]));
}
