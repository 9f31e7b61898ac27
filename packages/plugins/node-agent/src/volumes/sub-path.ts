import { lstat, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../pod/env.js';
import { mountsWithin } from './mount-table.js';
import type { Mounter } from './mounter.js';
import { type Missing, openBeneath, type OpenPlace } from './open-beneath.js';

/**
 * Where a part of a volume can be mounted from. With a mounter it is bound to `target`, a path of the agent's own, by its open handle: what the volume's users do to
 * names afterwards changes nothing (kubelet subpath SafeMakeDir and doBindSubPath). Without one it is the path that the handle had last.
 * Safe to repeat. Throws {@link ConfigError} for a path that leads out of the volume, or is missing with `refuse`.
 */
export async function subPathSource(volume: string, subPath: string, missing: Missing, target: string, mounter: Mounter | undefined): Promise<string> {
  await using place = await openBeneath(volume, subPath, missing);
  if (mounter === undefined) return place.realPath;
  if (await isMounted(target)) {
    if (await same(place, target)) return target;
    // An earlier attempt of the container had another file there.
    await mounter.unmount(target);
  }
  await makeTarget(target, place.isDirectory);
  await mounter.bind(place.handlePath, target);
  return target;
}

const isMounted = async (path: string): Promise<boolean> => (await mountsWithin(path)).some((mount) => mount.path === path);

async function same(place: OpenPlace, target: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(place.handlePath), lstat(target)]);
  return a.dev === b.dev && a.ino === b.ino;
}

async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const there = await lstat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (there === undefined) {
    if (isDirectory) await mkdir(target, { mode: 0o755 });
    else await writeFile(target, '', { flag: 'wx', mode: 0o644 });
  } else if (there.isDirectory() !== isDirectory) {
    throw new ConfigError('what the container mounts was a folder and is a file now, or the other way round');
  }
}
