import { readFile } from 'node:fs/promises';
import { type Container, type ContainerConfig, type EventRecorder, type Mount, type Pod, type Runtime, type SandboxConfig } from '@orrery/core';
import { checkContainer } from '../policy/check-policy.js';
import { parseResolvConf, podDns } from '../sandbox/dns.js';
import { podHostname } from '../sandbox/hostname.js';
import { wantsHostsFile, writeHostsFile } from '../sandbox/hosts-file.js';
import { sandboxConfig } from '../sandbox/sandbox-config.js';
import type { TerminationMessages } from '../termination/termination-messages.js';
import type { PodFolders } from '../volumes/pod-folders.js';
import type { PodVolumes } from '../volumes/volumes.js';
import { cleanPath, isWithin } from './below.js';
import { containerConfig } from './container-config.js';
import { ConfigError, containerEnv, type EnvSources } from './env.js';
import type { NodeSettings } from './node-settings.js';

/** What pods are fitted out with. */
export interface OutfitterOptions {
  readonly runtime: Pick<Runtime, 'capabilities'>;
  readonly sources: Omit<EnvSources, 'podIPs'>;
  readonly volumes: PodVolumes;
  readonly folders: PodFolders;
  readonly terminations: TerminationMessages;
  readonly settings: NodeSettings;
  readonly events: EventRecorder;
  /** The machine's own name. */
  readonly machineHostname: string;
  /** All memory of the machine, bytes. */
  readonly memoryBytes: number;
}

/** Puts in place what sandboxes and containers of pods need on the node, and says what the runtime makes them from. All of it is safe to repeat. */
export class Outfitter {
  constructor(private readonly options: OutfitterOptions) {}

  /** Throws ConfigError when the pod's full name is too long. */
  async sandbox(pod: Pod, attempt: number): Promise<SandboxConfig> {
    const { runtime, settings, machineHostname, events } = this.options;
    const { clusterDomain, resolvConf } = settings;
    if (!runtime.capabilities.namespaces) return sandboxConfig(pod, attempt, { clusterDomain, machineHostname, dns: undefined });
    const host = parseResolvConf(resolvConf === '' ? '' : await readFile(resolvConf, 'utf8'));
    const { config, warnings } = podDns(pod, settings, host);
    for (const warning of warnings) events.event(pod, 'Warning', 'DNSConfigForming', warning);
    return sandboxConfig(pod, attempt, { clusterDomain, machineHostname, dns: config });
  }

  /** Throws ConfigError for what cannot be configured now. */
  async container(pod: Pod, container: Container, attempt: number, podIPs: readonly string[]): Promise<ContainerConfig> {
    const { sources, settings, memoryBytes, runtime } = this.options;
    // A container that was added to a running pod has not been through admission.
    const refusal = isAddedLater(pod, container) ? checkContainer(pod, container, settings.policy, runtime.capabilities) : undefined;
    if (refusal !== undefined) throw new ConfigError(refusal.message);
    const env = await containerEnv(pod, container, { ...sources, podIPs });
    const mounts = await this.#mounts(pod, container, attempt, podIPs, new Map(env.map(({ name, value }) => [name, value])));
    return containerConfig(pod, container, attempt, env, mounts, { memoryBytes, settings });
  }

  async #mounts(pod: Pod, container: Container, attempt: number, podIPs: readonly string[], env: ReadonlyMap<string, string>): Promise<readonly Mount[]> {
    const { volumes, terminations, folders, runtime, settings } = this.options;
    const mounts = [...(await volumes.mounts(pod, container, env))];
    if (runtime.capabilities.mounts && wantsHostsFile(container)) {
      const hostPath = folders.hostsFile(pod.metadata.uid ?? '');
      await writeHostsFile(hostPath, pod, podIPs, podHostname(pod, settings.clusterDomain), container.name);
      mounts.push({ hostPath, containerPath: '/etc/hosts', readOnly: false });
    }
    const words = await terminations.mount(pod, container, attempt);
    if (words !== undefined && !mounts.some((mount) => excludes(mount, words, runtime.capabilities.mounts))) mounts.push(words);
    return mounts;
  }
}

/** Whether a mount leaves no room for another: at the same place, or, where mounts are links, one inside the other. */
function excludes(mount: Mount, other: Mount, nested: boolean): boolean {
  const [a, b] = [cleanPath(mount.containerPath), cleanPath(other.containerPath)];
  return a === b || (!nested && (isWithin(a, b) || isWithin(b, a)));
}

const isAddedLater = (pod: Pod, container: Container): boolean => (pod.spec.ephemeralContainers ?? []).some(({ name }) => name === container.name);
