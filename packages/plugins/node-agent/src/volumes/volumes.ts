import { chmod, mkdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Mount, Pod } from '@orrery/core';
import { ConfigError, type EnvSources } from '../pod/env.js';
import { checkedPath, type VolumeFile, volumeFiles } from './payload.js';

const UID = /^[A-Za-z0-9-]{1,64}$/;
const VOLUME_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** What an agent asks of the volumes of its pods. */
export type PodVolumes = Pick<Volumes, 'prepare' | 'mounts' | 'remove'>;

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

  /** Where a container's mounts are on the host. Throws {@link ConfigError} for a mount of a volume the pod does not have. */
  mounts(pod: Pod, container: Container): readonly Mount[] {
    return (container.volumeMounts ?? []).map((mount) => {
      const volume = pod.spec.volumes?.find(({ name }) => name === mount.name);
      if (volume === undefined) throw new ConfigError(`container "${container.name}" mounts volume "${mount.name}", which the pod does not have`);
      const folder = this.#volume(pod, volume.name);
      const hostPath = mount.subPath === undefined || mount.subPath === '' ? folder : join(folder, checkedPath(mount.subPath));
      return { hostPath, containerPath: mount.mountPath, readOnly: mount.readOnly === true || volume.emptyDir === undefined };
    });
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

/**
 * Writes files so that a reader sees all of the old or all of the new: they go to a folder of their own, `..data` is switched to it in one step,
 * and the visible names are links through `..data` (kubelet's AtomicWriter).
 */
async function writeAtomically(folder: string, files: readonly VolumeFile[]): Promise<void> {
  const data = join(folder, '..data');
  const old = await readlink(data).catch(() => undefined);
  const generation = `..${Number(old?.slice(2) ?? '0') + 1}`;
  const target = join(folder, generation);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { mode: 0o755 });
  for (const file of files) {
    const path = join(target, file.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    await writeFile(path, file.content, { mode: file.mode });
  }
  const swap = join(folder, '..data_tmp');
  await rm(swap, { force: true });
  await symlink(generation, swap);
  await rename(swap, data);
  for (const name of new Set(files.map(({ path }) => path.split('/')[0] as string))) {
    await symlink(join('..data', name), join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  if (old !== undefined) await rm(join(folder, old), { recursive: true, force: true });
}
