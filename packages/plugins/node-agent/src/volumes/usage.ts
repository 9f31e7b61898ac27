import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Pod, value } from '@orrery/core';

/** What a volume takes. */
export interface VolumeUsage {
  readonly bytes: number;
  readonly inodes: number;
  /** False when it had too many files to count them all: it takes at least so much. */
  readonly complete: boolean;
}

/** An emptyDir that holds more than it may. */
export interface ExceededLimit {
  readonly volume: string;
  readonly bytes: number;
  readonly limitBytes: number;
}

/** The first emptyDir of a pod that holds more than its `sizeLimit`, for which the kubelet evicts the pod (emptyDirLimitEviction). Pure. */
export function exceededLimit(pod: Pod, usage: ReadonlyMap<string, VolumeUsage>): ExceededLimit | undefined {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limitBytes = emptyDir?.sizeLimit === undefined ? 0 : value(emptyDir.sizeLimit);
    const bytes = usage.get(name)?.bytes ?? 0;
    if (limitBytes > 0 && bytes > limitBytes) return { volume: name, bytes, limitBytes };
  }
  return undefined;
}

/** Files that one measurement looks at; more are not counted, so that a volume with millions of files does not hold up its node. */
const MOST_FILES = 100_000;

/** Measures what a folder takes, as `du` does: blocks, hard links once, links not followed. What goes away meanwhile does not count. */
export async function folderUsage(folder: string, most = MOST_FILES): Promise<VolumeUsage> {
  const seen = new Set<string>();
  const waiting = [folder];
  let bytes = 0;
  let inodes = 0;
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const directory = await opendir(path).catch(gone);
    if (directory === undefined) continue;
    for await (const entry of directory) {
      if (inodes >= most) return { bytes, inodes, complete: false };
      const child = join(path, entry.name);
      const stat = await lstat(child).catch(gone);
      if (stat === undefined) continue;
      inodes += 1;
      if (stat.nlink > 1 && !stat.isDirectory()) {
        const key = `${stat.dev}:${stat.ino}`;
        if (seen.has(key)) continue;
        seen.add(key);
      }
      bytes += stat.blocks * 512;
      if (entry.isDirectory() && stat.isDirectory()) waiting.push(child);
    }
  }
  return { bytes, inodes, complete: true };
}

/** The same of a file system of its own, at no cost. */
export async function filesystemUsage(mountPoint: string): Promise<VolumeUsage> {
  const { blocks, bfree, bsize, files, ffree } = await statfs(mountPoint);
  return { bytes: (blocks - bfree) * bsize, inodes: Math.max(0, files - ffree), complete: true };
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR' && error.code !== 'EACCES') throw error;
  return undefined;
}
