import { join } from 'node:path';
import { ConfigError } from '../pod/env.js';

const UID = /^[A-Za-z0-9-]{1,64}$/;
/** DNS-1123 labels: names of volumes and containers. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Whether a name is that of a pod's folder. */
export const isPodUid = (name: string): boolean => UID.test(name);

/** Where the agent keeps what belongs to pods, below one root. Names are checked before they become paths: every method throws {@link ConfigError} for one that is malformed. */
export class PodFolders {
  constructor(readonly root: string) {}

  /** The folder that holds one folder a pod. */
  get pods(): string {
    return join(this.root, 'pods');
  }

  /** Everything of one pod. */
  pod(uid: string): string {
    if (!isPodUid(uid)) throw new ConfigError('the uid of the pod is malformed');
    return join(this.pods, uid);
  }

  /** Content of a volume. */
  volume(uid: string, volume: string): string {
    return join(this.pod(uid), 'volumes', label(volume, 'volume'));
  }

  /** Where a container's `index`-th mount is bound to, when it shows only a part of a volume. */
  subPath(uid: string, container: string, index: number): string {
    return join(this.pod(uid), 'subpaths', label(container, 'container'), String(index));
  }

  /** The pod's /etc/hosts. */
  hostsFile(uid: string): string {
    return join(this.pod(uid), 'etc-hosts');
  }

  /** Where an attempt of a container leaves its last words. */
  terminationLog(uid: string, container: string, attempt: number): string {
    return join(this.pod(uid), 'containers', label(container, 'container'), `${Math.trunc(attempt)}.termination-log`);
  }
}

function label(name: string, what: string): string {
  if (!LABEL.test(name)) throw new ConfigError(`${JSON.stringify(name.slice(0, 100))} is not a name of a ${what}`);
  return name;
}
