import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  backoffDelay, type Client, type Clock, errorMessage, type Informers, type Logger, matchesNodeSelectorTerm, Node, OrreryError, PersistentVolume, PersistentVolumeClaim, untilAborted,
} from '@orrery/core';
import { cleanPath } from '../pod/below.js';
import { ConfigError } from '../pod/env.js';
import type { Policy } from '../policy/policy.js';
import { hostPlace } from './host-path.js';
import { mountsWithin } from './mount-table.js';

/** On a Node, as annotation: below which folder it keeps volumes that are made for claims, for provisioners; as label: that it does, for schedulers. */
export const LOCAL_VOLUMES = 'orrery.dev/local-volumes';
/** On a volume: its folder is still there. */
export const FOLDER_FINALIZER = 'orrery.dev/local-path';
/** Label of a volume: on which node its folder is. An agent may list those with its own node's name, and no others. */
const KEPT_BY = 'orrery.dev/node';

/** As open as an emptyDir: whose it is, the pods decide. */
const MODE = 0o777;
const RETRY = { baseMs: 1_000, maxMs: 60_000 } as const;

/** What local volumes are kept with. */
export interface LocalVolumesOptions {
  readonly nodeName: string;
  /** Absolute; made when it is first needed. */
  readonly root: string;
  readonly hostPaths: Policy['hostPaths'];
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Volumes of claims that lie on this machine: made when a pod first mounts them, removed when nobody claims them any more. */
export class LocalVolumes {
  readonly #root: string;

  constructor(private readonly options: LocalVolumesOptions) {
    this.#root = cleanPath(options.root);
  }

  /**
   * Where a claim's volume is. Throws ConfigError while the claim or its volume does not exist, is not bound, or is out of this node's reach, and for kinds of volume that this agent
   * does not mount. A volume outside of this agent's own folder has to be allowed as a hostPath.
   */
  async folderOf(namespace: string, claimName: string): Promise<string> {
    const { client, hostPaths } = this.options;
    const claim = await client.kind(PersistentVolumeClaim).find({ namespace, name: claimName });
    if (claim === undefined) throw new ConfigError(`persistentvolumeclaim "${claimName}" not found`);
    if (claim.status?.phase === 'Lost') throw new ConfigError(`persistentvolumeclaim "${claimName}" has lost its volume`);
    if (claim.metadata.deletionTimestamp !== undefined) throw new ConfigError(`persistentvolumeclaim "${claimName}" is being deleted`);
    const name = claim.spec.volumeName ?? '';
    if (name === '' || claim.status?.phase !== 'Bound') throw new ConfigError(`persistentvolumeclaim "${claimName}" is not bound to a volume yet`);
    const volume = await client.kind(PersistentVolume).find({ name });
    if (volume === undefined) throw new ConfigError(`persistentvolume "${name}" not found`);
    if (volume.spec.claimRef?.uid !== claim.metadata.uid) throw new ConfigError(`persistentvolume "${name}" belongs to another claim`);
    await this.#checkReach(volume);
    const { local, hostPath } = volume.spec;
    const own = local === undefined ? undefined : this.#own(local.path);
    if (own !== undefined) {
      await mkdir(this.#root, { recursive: true, mode: 0o755 });
      // What the process's mask took away is given back, once.
      await mkdir(own, { mode: MODE }).then(() => chmod(own, MODE), exists);
      return own;
    }
    if (local !== undefined) return (await hostPlace({ path: local.path, type: 'Directory' }, hostPaths)).path;
    if (hostPath !== undefined) return (await hostPlace(hostPath, hostPaths)).path;
    throw new ConfigError(`persistentvolume "${name}" is of a kind that this agent does not mount`);
  }

  /** Tells on the Node where volumes may be made. */
  async #announce(): Promise<void> {
    const { client, nodeName } = this.options;
    const nodes = client.kind(Node);
    const node = await nodes.get({ name: nodeName });
    if (node.metadata.annotations?.[LOCAL_VOLUMES] === this.#root && node.metadata.labels?.[LOCAL_VOLUMES] === 'true') return;
    await nodes.patch({ name: nodeName }, 'merge', { metadata: { annotations: { [LOCAL_VOLUMES]: this.#root }, labels: { [LOCAL_VOLUMES]: 'true' } } });
  }

  /** Tells on the Node where volumes may be made, and removes the folders of volumes that are being deleted, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#insist('the node does not tell where volumes may be made; trying again', () => this.#announce(), signal);
    const going = new Map<string, Promise<void>>();
    const look = (volume: PersistentVolume): void => {
      const { name = '' } = volume.metadata;
      if (!this.#isOver(volume) || going.has(name)) return;
      going.set(name, this.#insist(`the folder of volume ${name} could not be removed; trying again`, () => this.#remove(volume), signal).finally(() => going.delete(name)));
    };
    const { informers, nodeName } = this.options;
    const unsubscribe = informers.get(PersistentVolume, { labelSelector: `${KEPT_BY}=${nodeName}` }).subscribe({ added: look, updated: look, deleted: () => undefined });
    await untilAborted(signal);
    unsubscribe();
    await Promise.all(going.values());
  }

  /** A path directly below the own folder; undefined: it is somebody else's. */
  #own(path: string): string | undefined {
    const clean = cleanPath(path);
    return dirname(clean) === this.#root && clean !== this.#root ? clean : undefined;
  }

  #isOver({ metadata, spec }: PersistentVolume): boolean {
    return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FOLDER_FINALIZER) === true && spec.local !== undefined && this.#own(spec.local.path) !== undefined;
  }

  async #checkReach({ metadata, spec }: PersistentVolume): Promise<void> {
    const terms = spec.nodeAffinity?.required?.nodeSelectorTerms;
    if (terms === undefined) return;
    const node = await this.options.client.kind(Node).get({ name: this.options.nodeName });
    if (!terms.some((term) => matchesNodeSelectorTerm(term, node))) throw new ConfigError(`persistentvolume "${metadata.name}" is out of the reach of this node: its node affinity does not match`);
  }

  /** Does something, however often that takes. */
  async #insist(complaint: string, attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.options;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        return await attempt();
      } catch (error) {
        log.warn(complaint, { error: errorMessage(error) });
        await clock.sleep(backoffDelay(RETRY, failures), signal).catch(() => signal);
      }
    }
  }

  async #remove({ metadata, spec }: PersistentVolume): Promise<void> {
    const { client } = this.options;
    const folder = this.#own(spec.local?.path ?? '');
    if (folder === undefined) return;
    const volumes = client.kind(PersistentVolume);
    // Another agent with the same folder and host name may have this volume; the node affinity says whose it is.
    const current = await volumes.find({ name: metadata.name ?? '' });
    if (current === undefined || current.metadata.uid !== metadata.uid || !this.#isOver(current) || !(await this.#isMine(current))) return;
    const mounted = await mountsWithin(folder);
    if (mounted.length > 0) throw new OrreryError('UNAVAILABLE', `${mounted[0]?.path} is still mounted.`);
    await rm(folder, { recursive: true, force: true });
    const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== FOLDER_FINALIZER);
    await volumes.update({ ...current, metadata: { ...current.metadata, finalizers } });
  }

  async #isMine(volume: PersistentVolume): Promise<boolean> {
    try {
      await this.#checkReach(volume);
      return true;
    } catch (error) {
      if (error instanceof ConfigError) return false;
      throw error;
    }
  }
}

function exists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
