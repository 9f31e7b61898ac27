import { existsSync } from 'node:fs';
import { readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, type Logger, type Runtime } from '@orrery/core';
import type { FilesystemMeasure, NodeMeasure, NodeMeter } from './meter.js';
import { cpuOf, memoryOf, processesOf, type ProcTexts } from './proc-files.js';

/** What the meter of a machine needs. */
export interface MachineMeterOptions {
  /** Where the agent keeps volumes. */
  readonly rootDir: string;
  readonly runtime: Pick<Runtime, 'capabilities' | 'imageFilesystem'>;
  readonly log: Logger;
}

/** Where control groups are mounted. */
const CGROUPS = '/sys/fs/cgroup';

const FILES: Readonly<Record<keyof ProcTexts, readonly string[]>> = {
  meminfo: ['/proc/meminfo'],
  memoryUsage: [`${CGROUPS}/memory/memory.usage_in_bytes`, `${CGROUPS}/memory.current`],
  memoryStat: [`${CGROUPS}/memory/memory.stat`, `${CGROUPS}/memory.stat`],
  memoryLimit: [`${CGROUPS}/memory/memory.limit_in_bytes`, `${CGROUPS}/memory.max`],
  loadavg: ['/proc/loadavg'],
  pidMax: ['/proc/sys/kernel/pid_max'],
  threadsMax: ['/proc/sys/kernel/threads-max'],
  cpuUsage: [`${CGROUPS}/cpuacct/cpuacct.usage`],
  cpuStat: [`${CGROUPS}/cpu.stat`],
  stat: ['/proc/stat'],
};

/** Measures the machine that this process runs on. Elsewhere than on Linux only its file systems can be measured. */
export class MachineMeter implements NodeMeter {
  #imagePath: string | undefined;

  constructor(private readonly options: MachineMeterOptions) {}

  async measure(signal: AbortSignal): Promise<NodeMeasure> {
    const texts: ProcTexts = Object.fromEntries(await Promise.all(Object.entries(FILES).map(async ([name, paths]) => [name, await firstText(paths)] as const)));
    const nodePath = existing(this.options.rootDir);
    const [nodefs, imagefs] = await Promise.all([filesystem(nodePath), this.#images(nodePath, signal)]);
    const memory = memoryOf(texts);
    const processes = processesOf(texts);
    const cpuNanoseconds = cpuOf(texts);
    return {
      nodefs,
      ...(imagefs !== undefined && { imagefs }),
      ...(memory !== undefined && { memory }),
      ...(processes !== undefined && { processes }),
      ...(cpuNanoseconds !== undefined && { cpuNanoseconds }),
    };
  }

  /** An engine that does not answer only takes its own file system out of what is known. */
  async #images(nodePath: string, signal: AbortSignal): Promise<NodeMeasure['imagefs']> {
    const { runtime, log } = this.options;
    if (!runtime.capabilities.images) return undefined;
    try {
      // Asked once: engines count all their images to answer it.
      this.#imagePath ??= (await runtime.imageFilesystem(signal))?.path;
      if (this.#imagePath === undefined) return undefined;
      const [space, here, there] = await Promise.all([filesystem(this.#imagePath), stat(nodePath), stat(this.#imagePath)]);
      return { ...space, apart: here.dev !== there.dev };
    } catch (error) {
      this.#imagePath = undefined;
      if (signal.aborted) throw error;
      log.debug('the file system of images could not be measured', { error: errorMessage(error) });
      return undefined;
    }
  }
}

async function filesystem(path: string): Promise<FilesystemMeasure> {
  const { blocks, bavail, bsize, files, ffree } = await statfs(path);
  return { availableBytes: bavail * bsize, capacityBytes: blocks * bsize, inodesFree: ffree, inodes: files };
}

/** The path, or the nearest folder above it that exists. */
function existing(path: string): string {
  const parent = dirname(path);
  return existsSync(path) || parent === path ? path : existing(parent);
}

async function firstText(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(unreadable);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** A machine without the file, or one that does not show it. */
function unreadable(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'ENOTSUP' || error.code === 'EOPNOTSUPP') return undefined;
  throw error;
}
