import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerResources } from '@orrery/core';
import { type CgroupBase, type CgroupPlan, cgroupMemory, makeGroup } from './cgroups.js';
import { HelperFailure, errno, messageOf, tolerate } from './failure.js';

/** What of a container's resources may change while it runs. */
const CHANGEABLE = ['cpuShares', 'cpuQuota', 'cpuPeriod', 'memoryLimitBytes'] as const;
/** Processes that start others while they are moved are looked for so often. */
const ROUNDS = 20;
/** What the kernel answers to limits that cannot be. */
const REFUSED = ['EBUSY', 'EINVAL', 'ERANGE'];

/** What is in force when these are changed: what they do not name stays. Throws `INVALID` for what is no whole number above 0. Pure. */
export function mergedResources(before: ContainerResources, wanted: ContainerResources): ContainerResources {
  const given = CHANGEABLE.flatMap((name) => (wanted[name] === undefined ? [] : [[name, wanted[name]] as const]));
  for (const [name, value] of given) if (!Number.isSafeInteger(value) || value <= 0) throw new HelperFailure('INVALID', `resources: ${name} must be a whole number above 0.`);
  return { ...before, ...Object.fromEntries(given) };
}

/**
 * Sets the limits of processes that run. Groups that are `missing` are made, and the processes moved into them. Throws `INVALID` with the kernel's words when it refuses; then no
 * limit has changed, memory being the first to be set and the only one to be refused.
 */
export function setLimits(base: CgroupBase, plan: CgroupPlan, { memoryLimitBytes }: ContainerResources, missing: readonly string[], processes: () => readonly number[]): void {
  const [memoryGroup = ''] = plan.directories;
  const used = cgroupMemory(memoryGroup)?.workingSetBytes ?? 0;
  // Without this, version 2 of control groups would kill instead of refusing.
  if (memoryLimitBytes !== undefined && used > memoryLimitBytes) throw new HelperFailure('INVALID', `The memory in use (${used} bytes) is more than the new limit (${memoryLimitBytes} bytes).`);
  for (const directory of missing) {
    makeGroup(base, directory);
    moveInto(directory, processes);
  }
  for (const { path, value } of plan.writes) {
    try {
      writeFileSync(path, value);
    } catch (error) {
      if (!REFUSED.includes(errno(error) ?? '')) throw error;
      throw new HelperFailure('INVALID', `The kernel refuses the limits: ${messageOf(error)}`);
    }
  }
}

function moveInto(directory: string, processes: () => readonly number[]): void {
  const list = join(directory, 'cgroup.procs');
  for (let round = 0; round < ROUNDS; round += 1) {
    const inside = new Set(readFileSync(list, 'utf8').split('\n').map(Number));
    const outside = processes().filter((pid) => !inside.has(pid));
    if (outside.length === 0) return;
    for (const pid of outside) tolerate(['ESRCH'], () => writeFileSync(list, String(pid)));
  }
}
