import { constants, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { chmod, mkdir, open, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Mount, Pod } from '@orrery/core';
import { ConfigError, type EnvSources } from '../pod/env.js';
import { checkedPath, type VolumeFile, volumeFiles } from './payload.js';

const UID = /^[A-Za-z0-9-]{1,64}$/;
const VOLUME_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** What an agent asks of the volumes of its pods. */
export type PodVolumes = Pick<Volumes, 'prepare' | 'mounts' | 'remove'> & Partial<Pick<Volumes, 'uids'>>;

/** The volumes of pods, as folders below one root: `<root>/pods/<uid>/volumes/<name>`. */
export class Volumes {
  constructor(private readonly root: string) {}

  /** Makes all volumes of a pod. Safe to repeat: folders stay, files are swapped as a whole when they changed. Throws {@link ConfigError}. */
  async prepare(pod: Pod, sources: EnvSources): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) {
      const folder = this.#volume(pod, volume.name);
      const files = await volumeFiles(pod, volume, sources);
      await mkdir(folder, { recursive: true, mode: 0o755 });
      if (files === undefined) await chmod(folder, 0o777);
      else await writeAtomically(folder, files);
    }
  }

  /** Where a container's mounts are on the host. Throws {@link ConfigError} for a mount of a volume the pod does not have, and for a `subPath` that is missing or leads out of its volume. */
  mounts(pod: Pod, container: Container): readonly Mount[] {
    return (container.volumeMounts ?? []).map((mount) => {
      const volume = pod.spec.volumes?.find(({ name }) => name === mount.name);
      if (volume === undefined) throw new ConfigError(`container "${container.name}" mounts volume "${mount.name}", which the pod does not have`);
      const folder = this.#volume(pod, volume.name);
      const subPath = mount.subPath === undefined || mount.subPath === '' ? undefined : checkedPath(mount.subPath);
      const hostPath = subPath === undefined ? folder : volume.emptyDir === undefined ? join(folder, subPath) : subPathOf(folder, subPath);
      return { hostPath, containerPath: mount.mountPath, readOnly: mount.readOnly === true || volume.emptyDir === undefined };
    });
  }

  /** The pods that have volumes here. */
  uids(): readonly string[] {
    const pods = join(this.root, 'pods');
    return existsSync(pods) ? readdirSync(pods).filter((name) => UID.test(name)) : [];
  }

  /** Removes everything of a pod. Safe to repeat. */
  async remove(uid: string): Promise<void> {
    await rm(this.#pod(uid), { recursive: true, force: true });
  }

  #pod(uid: string): string {
    if (!UID.test(uid)) throw new ConfigError('the uid of the pod is malformed');
    return join(this.root, 'pods', uid);
  }

  #volume(pod: Pod, name: string): string {
    if (!VOLUME_NAME.test(name)) throw new ConfigError(`${JSON.stringify(name.slice(0, 100))} is not a name of a volume`);
    return join(this.#pod(pod.metadata.uid ?? ''), 'volumes', name);
  }
}

/** A folder (made if need be) or file inside an emptyDir, with its links followed: what a container put into a volume must not lead another one out of it. */
function subPathOf(folder: string, subPath: string): string {
  const root = realpathSync(folder);
  let at = root;
  const parts = subPath.split('/');
  for (const [index, part] of parts.entries()) {
    const next = join(at, part);
    if (!existsSync(next) && !isLink(next)) mkdirSync(next, { mode: 0o777 });
    if (!existsSync(next)) throw new ConfigError(`subPath ${JSON.stringify(parts.slice(0, index + 1).join('/'))} does not exist in its volume`);
    at = realpathSync(next);
    if (at !== root && !at.startsWith(`${root}/`)) throw new ConfigError(`subPath ${JSON.stringify(subPath)} leads out of its volume`);
  }
  return at;
}

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;

/**
 * Writes files so that a reader sees all of the old or all of the new: they go to a folder of their own, `..data` is switched to it in one step,
 * and the visible names are links through `..data` (kubelet's AtomicWriter).
 */
async function writeAtomically(folder: string, files: readonly VolumeFile[]): Promise<void> {
  const data = join(folder, '..data');
  const old = await readlink(data).catch(absent);
  if (old !== undefined && (await holds(join(folder, old), files))) return;
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
  if (error.code !== 'ENOENT' && error.code !== 'EACCES') throw error;
  return undefined;
};

/** Whether a generation is exactly these files. */
async function holds(folder: string, files: readonly VolumeFile[]): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(absent);
  if (entries === undefined || entries.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
  for (const { path, content, mode } of files) {
    const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch(absent);
    if (file === undefined) return false;
    try {
      if (((await file.stat()).mode & 0o777) !== mode || !(await file.readFile()).equals(content)) return false;
    } finally {
      await file.close();
    }
  }
  return true;
}
