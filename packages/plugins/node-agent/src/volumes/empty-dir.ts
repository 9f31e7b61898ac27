import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, rename } from 'node:fs/promises';
import { type Pod, podLimits, value, type Volume } from '@orrery/core';
import { ConfigError } from '../pod/env.js';
import { mountsWithin } from './mount-table.js';
import type { Mounter } from './mounter.js';

const KEEP = -1;
/** Everybody may write, and what is made in it belongs to the folder's group. */
const OPEN = 0o777;
const SETGID = 0o2000;

/** What an emptyDir needs of its node. */
export interface EmptyDirHost {
  readonly mounter: Mounter | undefined;
  /** All memory of the machine, bytes. */
  readonly memoryBytes: number;
  /** Something is not as it was asked for, but good enough to run. */
  notice(pod: Pod, message: string): void;
}

/**
 * Makes an emptyDir, complete at once; one that is there is left as its users have it. Where this process may not mount, one in memory is an ordinary folder,
 * and that is told. Throws {@link ConfigError} for a medium that is not known.
 */
export async function makeEmptyDir(folder: string, pod: Pod, volume: Volume, host: EmptyDirHost): Promise<void> {
  const { medium = '' } = volume.emptyDir ?? {};
  const { fsGroup } = pod.spec.securityContext ?? {};
  const group = ownsEverything() ? fsGroup : undefined;
  const mode = group === undefined ? OPEN : OPEN | SETGID;
  if (medium !== '' && medium !== 'Memory') throw new ConfigError(`volume "${volume.name}": an emptyDir of medium ${JSON.stringify(medium)} is not supported by this agent`);
  if (medium === 'Memory' && host.mounter !== undefined) {
    if ((await mountsWithin(folder)).some(({ path }) => path === folder)) return;
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await host.mounter.memory(folder, memorySize(pod, volume, host.memoryBytes), mode, group);
    return;
  }
  if (existsSync(folder)) return;
  if (medium === 'Memory') host.notice(pod, `The emptyDir volume "${volume.name}" lies on disk: this agent may not mount a file system in memory.`);
  // No volume has a dot in its name.
  const fresh = `${folder}.new`;
  await mkdir(fresh, { recursive: true, mode: 0o755 });
  if (group !== undefined) await chown(fresh, KEEP, group);
  await chmod(fresh, mode);
  await rename(fresh, folder);
}

/** Only root can give files to a group it is not in. */
export const ownsEverything = (): boolean => process.getuid?.() === 0;

/** How much a memory volume holds (kubelet emptydir calculateEmptyDirMemorySize): the least of its limit, the pod's memory and the machine's. Pure. */
export function memorySize(pod: Pod, volume: Volume, memoryBytes: number): number {
  const { sizeLimit } = volume.emptyDir ?? {};
  const limited = pod.spec.containers.every(({ resources }) => resources?.limits?.['memory'] !== undefined) || pod.spec.resources?.limits?.['memory'] !== undefined;
  const ofPod = limited ? (podLimits(pod)['memory'] ?? 0) : 0;
  const limits = [memoryBytes, ofPod, sizeLimit === undefined ? 0 : value(sizeLimit)].filter((limit) => limit > 0);
  return Math.min(...limits);
}
