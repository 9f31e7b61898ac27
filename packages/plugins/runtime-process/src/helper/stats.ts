import type { ContainerStats } from '@orrery/core';
import { cgroupMemory } from './cgroups.js';
import type { Container } from './container.js';
import { now } from './platform.js';
import { listPids, readStat } from './proc.js';

interface Sum {
  cpuNanoseconds: number;
  rssBytes: number;
}

/** Reads the use of all running containers in one pass over /proc. A container's processes are those of its session; with control groups memory is exact. */
export class StatsReader {
  /** Cpu time never goes back, though a process may leave before its parent has counted it. */
  readonly #highest = new Map<string, number>();

  read(containers: readonly Container[]): ContainerStats[] {
    const running = containers.filter(({ state }) => state === 'running');
    const bySession = new Map<number, Sum>(running.map(({ record }) => [record.process?.pid ?? 0, { cpuNanoseconds: 0, rssBytes: 0 }]));
    for (const pid of listPids()) {
      const stat = readStat(pid);
      const sum = stat === undefined ? undefined : bySession.get(stat.session);
      if (stat === undefined || sum === undefined) continue;
      sum.cpuNanoseconds += stat.cpuNanoseconds;
      sum.rssBytes += stat.rssBytes;
    }
    for (const id of this.#highest.keys()) {
      if (!running.some(({ record }) => record.id === id)) this.#highest.delete(id);
    }
    return running.map((container) => this.#one(container, bySession.get(container.record.process?.pid ?? 0)));
  }

  #one({ record, sandbox }: Container, sum: Sum = { cpuNanoseconds: 0, rssBytes: 0 }): ContainerStats {
    const cpuNanoseconds = Math.max(sum.cpuNanoseconds, this.#highest.get(record.id) ?? 0);
    this.#highest.set(record.id, cpuNanoseconds);
    const [memoryGroup] = record.cgroups ?? [];
    const memory = (memoryGroup === undefined ? undefined : cgroupMemory(memoryGroup)) ?? { workingSetBytes: sum.rssBytes, rssBytes: sum.rssBytes };
    return { containerId: record.id, pod: sandbox.config.pod, name: record.config.name, timestamp: now(), cpuNanoseconds, ...memory };
  }
}
