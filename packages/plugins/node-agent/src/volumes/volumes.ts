import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Container, type Mount, OrreryError, type Pod, type Volume } from '@orrery/core';
import { cleanPath } from '../pod/below.js';
import { ConfigError, type EnvSources, expand } from '../pod/env.js';
import type { Policy } from '../policy/policy.js';
import type { AccountTokens } from './account-tokens.js';
import { writeAtomically } from './atomic-writer.js';
import { type EmptyDirHost, makeEmptyDir, ownsEverything } from './empty-dir.js';
import { hostPlace } from './host-path.js';
import { mountsWithin } from './mount-table.js';
import { checkedPath, isPayload, volumeFiles } from './payload.js';
import { isPodUid, type PodFolders } from './pod-folders.js';
import { subPathSource } from './sub-path.js';
import { filesystemUsage, folderUsage, type VolumeUsage } from './usage.js';

type VolumeMount = NonNullable<Container['volumeMounts']>[number];

/** What an agent asks of the volumes of its pods. */
export interface PodVolumes {
  /** Makes all volumes of a pod. Safe to repeat: folders stay, files are swapped as a whole when they changed. Throws ConfigError. */
  prepare(pod: Pod, sources: EnvSources): Promise<void>;
  /**
   * Where a container's mounts are on the host. Safe to repeat. `env` is the container's environment, for `subPathExpr`. Throws ConfigError for a mount of a volume the pod
   * does not have, and for a `subPath` that is missing or leads out of its volume.
   */
  mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<readonly Mount[]>;
  /** Removes everything of a pod. Safe to repeat. */
  remove(uid: string): Promise<void>;
  /** What the volumes of a pod take that are its own (emptyDir), by name. */
  usage?(pod: Pod): Promise<ReadonlyMap<string, VolumeUsage>>;
  /** The pods that have something here. */
  uids?(): readonly string[];
}

/** What volumes are made with. */
export interface VolumesOptions extends EmptyDirHost {
  readonly folders: PodFolders;
  readonly hostPaths: Policy['hostPaths'];
  /** The runtime shows mounts where they belong, so parts of volumes can be bound for it. */
  readonly bindSubPaths: boolean;
  /** The tokens of service accounts; absent: pods that want one cannot be prepared. */
  readonly tokens?: Pick<AccountTokens, 'get' | 'forget'>;
  /** Where a claim's volume is on this machine. Throws ConfigError while it is nowhere. */
  claimFolder?(namespace: string, claim: string): Promise<string>;
}

/** Where a volume's content is, and how it may be used. */
interface Place {
  readonly path: string;
  readonly readOnly: boolean;
  /** What to make where a subPath names nothing. */
  readonly missing: 'directory' | 'refuse';
}

/** The volumes of pods: folders below one root, or places of the machine that the policy allows. */
export class Volumes implements PodVolumes {
  constructor(private readonly options: VolumesOptions) {}

  async prepare(pod: Pod, sources: EnvSources): Promise<void> {
    const { folders, tokens } = this.options;
    const all = { ...sources, ...(tokens !== undefined && { token: tokens.get.bind(tokens) }) };
    const { fsGroup } = pod.spec.securityContext ?? {};
    for (const volume of pod.spec.volumes ?? []) {
      const folder = folders.volume(uidOf(pod), volume.name);
      if (isPayload(volume)) {
        const files = await volumeFiles(pod, volume, all);
        await mkdir(folder, { recursive: true, mode: 0o755 });
        await writeAtomically(folder, files, ownsEverything() ? fsGroup : undefined);
      } else if (volume.emptyDir !== undefined) {
        await makeEmptyDir(folder, pod, volume, this.options);
      } else {
        await this.#place(pod, volume);
      }
    }
  }

  async mounts(pod: Pod, container: Container, env: ReadonlyMap<string, string>): Promise<readonly Mount[]> {
    if ((container.volumeDevices ?? []).length > 0) throw new ConfigError(`container "${container.name}" uses raw block devices, which are not supported by this agent`);
    const mounts: Mount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) mounts.push(await this.#mount(pod, container, mount, index, env));
    return mounts;
  }

  async usage(pod: Pod): Promise<ReadonlyMap<string, VolumeUsage>> {
    const found = new Map<string, VolumeUsage>();
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.emptyDir === undefined) continue;
      const folder = this.options.folders.volume(uidOf(pod), volume.name);
      const mounted = volume.emptyDir.medium === 'Memory' && (await mountsWithin(folder)).some(({ path }) => path === folder);
      found.set(volume.name, await (mounted ? filesystemUsage(folder) : folderUsage(folder)));
    }
    return found;
  }

  uids(): readonly string[] {
    const { pods } = this.options.folders;
    return existsSync(pods) ? readdirSync(pods).filter(isPodUid) : [];
  }

  async remove(uid: string): Promise<void> {
    this.options.tokens?.forget(uid);
    const folder = this.options.folders.pod(uid);
    if (!existsSync(folder)) return;
    // What is mounted in it belongs to others: it is let go first, and nothing is removed while something is left.
    for (const { path } of await mountsWithin(folder)) await this.options.mounter?.unmount(path);
    const left = await mountsWithin(folder);
    if (left.length > 0) throw new OrreryError('UNAVAILABLE', `The folder of pod ${uid} cannot be removed: ${left[0]?.path} is still mounted.`);
    await rm(folder, { recursive: true, force: true });
  }

  async #mount(pod: Pod, container: Container, mount: VolumeMount, index: number, env: ReadonlyMap<string, string>): Promise<Mount> {
    const volume = pod.spec.volumes?.find(({ name }) => name === mount.name);
    if (volume === undefined) throw new ConfigError(`container "${container.name}" mounts volume "${mount.name}", which the pod does not have`);
    if (mount.recursiveReadOnly === 'Enabled') throw new ConfigError(`container "${container.name}": recursive read-only mounts are not supported by the runtime`);
    const place = await this.#place(pod, volume);
    const subPath = subPathOf(mount, env);
    const { mountPropagation } = mount;
    return {
      hostPath: subPath === undefined ? place.path : await this.#part(pod, container, volume, place, subPath, index),
      containerPath: mount.mountPath,
      readOnly: mount.readOnly === true || place.readOnly,
      ...((mountPropagation === 'HostToContainer' || mountPropagation === 'Bidirectional') && { propagation: mountPropagation }),
    };
  }

  /** Where a volume is now. */
  async #place(pod: Pod, volume: Volume): Promise<Place> {
    const { namespace = 'default' } = pod.metadata;
    if (isPayload(volume)) return { path: this.options.folders.volume(uidOf(pod), volume.name), readOnly: true, missing: 'refuse' };
    if (volume.emptyDir !== undefined) return { path: this.options.folders.volume(uidOf(pod), volume.name), readOnly: false, missing: 'directory' };
    if (volume.hostPath !== undefined) {
      const { path, readOnly, isDirectory } = await hostPlace(volume.hostPath, this.options.hostPaths);
      return { path, readOnly, missing: readOnly || !isDirectory ? 'refuse' : 'directory' };
    }
    const { claimFolder } = this.options;
    if (volume.persistentVolumeClaim !== undefined && claimFolder !== undefined) {
      const { claimName, readOnly = false } = volume.persistentVolumeClaim;
      return { path: await claimFolder(namespace, claimName), readOnly, missing: readOnly ? 'refuse' : 'directory' };
    }
    const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'none';
    throw new ConfigError(`volume "${volume.name}": volumes of type ${kind} are not supported by this agent`);
  }

  async #part(pod: Pod, container: Container, volume: Volume, place: Place, subPath: string, index: number): Promise<string> {
    const { mounter, bindSubPaths, folders } = this.options;
    const bind = bindSubPaths ? mounter : undefined;
    if (isPayload(volume) && bind === undefined) {
      // By its own name, not by where it is now: these files are exchanged as a whole, and only the agent writes here.
      const path = join(place.path, checkedPath(subPath));
      if (!existsSync(path)) throw new ConfigError(`subPath ${JSON.stringify(subPath)} does not exist in its volume`);
      return path;
    }
    return subPathSource(place.path, subPath, place.missing, folders.subPath(uidOf(pod), container.name, index), bind);
  }
}

/** The part of a volume that a mount shows; undefined: all of it (kubelet makeMounts). */
function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string | undefined {
  const { subPath = '', subPathExpr = '' } = mount;
  if (subPathExpr === '') return descending(subPath, mount.name);
  const missing = [...subPathExpr.matchAll(/(?<!\$)(?:\$\$)*\$\(([^()]{1,400})\)/g)].map((match) => match[1] as string).find((name) => !env.has(name));
  if (missing !== undefined) throw new ConfigError(`failed to expand subPath for volumeMount "${mount.name}": missing value for "${missing}"`);
  return descending(expand(subPathExpr, env), mount.name);
}

/** A path that goes down only; undefined: nowhere, all of the volume is meant. */
function descending(path: string, name: string): string | undefined {
  if (path === '') return undefined;
  if (path.startsWith('/') || path.split('/').includes('..') || path.includes('\0')) throw new ConfigError(`volumeMount "${name}": subPath ${JSON.stringify(path.slice(0, 200))} is not a path inside a volume`);
  const clean = cleanPath(`/${path}`).slice(1);
  return clean === '' ? undefined : clean;
}

const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';
