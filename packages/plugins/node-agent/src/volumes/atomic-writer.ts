import { constants } from 'node:fs';
import { chmod, chown, mkdir, open, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeFile } from './payload.js';

/** chown(2): leave it as it is. */
const KEEP = -1;
const GROUP_READS = 0o040;

/**
 * Writes files so that a reader sees all of the old or all of the new: they go to a folder of their own, `..data` is switched to it in one step,
 * and the visible names are links through `..data` (kubelet's AtomicWriter).
 * @param group who owns the files beside their owner, and can read them (a pod's fsGroup)
 */
export async function writeAtomically(folder: string, wanted: readonly VolumeFile[], group?: number): Promise<void> {
  const files = group === undefined ? wanted : wanted.map((file) => ({ ...file, mode: file.mode | GROUP_READS }));
  const data = join(folder, '..data');
  const link = await readlink(data).catch(absent);
  // Anything else is not this writer's work, and nothing to delete.
  const old = generationOf(link) > 0 ? link : undefined;
  if (old !== undefined && (await holds(join(folder, old), files, group))) return;
  const generation = `..${generationOf(old) + 1}`;
  const target = join(folder, generation);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { mode: 0o755 });
  for (const file of files) {
    const path = join(target, file.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, file.content, { mode: file.mode });
    // What the process's mask took away is given back.
    await chmod(path, file.mode);
    if (group !== undefined) await chown(path, KEEP, group);
  }
  const swap = join(folder, '..data_tmp');
  await rm(swap, { force: true });
  await symlink(generation, swap);
  await rename(swap, data);
  const names = new Set(files.map(({ path }) => path.split('/')[0] as string));
  for (const name of names) {
    await symlink(join('..data', name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  for (const name of await readdir(folder)) if (!name.startsWith('..') && !names.has(name)) await rm(join(folder, name), { force: true });
  if (old !== undefined) await rm(join(folder, old), { recursive: true, force: true });
}

/** The number of a generation's folder; 0 for none, or for something else. */
const generationOf = (folder: string | undefined): number => Number(/^\.\.(\d{1,15})$/.exec(folder ?? '')?.[1] ?? 0);

/** Not there, or (mode 0) not to be read: both mean "not the same". */
const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code !== 'ENOENT' && error.code !== 'EACCES' && error.code !== 'EINVAL') throw error;
  return undefined;
};

/** Whether a generation is exactly these files. */
async function holds(folder: string, files: readonly VolumeFile[], group: number | undefined): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(absent);
  if (entries === undefined || entries.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
  for (const { path, content, mode } of files) {
    const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch(absent);
    if (file === undefined) return false;
    try {
      const stat = await file.stat();
      if ((stat.mode & 0o777) !== mode || (group !== undefined && stat.gid !== group) || !(await file.readFile()).equals(content)) return false;
    } finally {
      await file.close();
    }
  }
  return true;
}
