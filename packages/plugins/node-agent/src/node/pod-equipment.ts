import { join } from 'node:path';
import { type Client, type Clock, ConfigMap, type EventRecorder, type Informers, type Logger, type Pod, type Runtime, Secret, Service, value } from '@orrery/core';
import { ImageManager } from '../images/image-manager.js';
import { type ImageSettings, imageSettings } from '../images/settings.js';
import type { Rejection } from '../pod/admission.js';
import type { EnvSources } from '../pod/env.js';
import { type NodeSettings, nodeSettings } from '../pod/node-settings.js';
import type { PodWorkerOptions } from '../pod/options.js';
import { Outfitter } from '../pod/outfitter.js';
import { checkPolicy, ungivenHardening } from '../policy/check-policy.js';
import { checkSysctls } from '../policy/sysctls.js';
import { ReferenceWatches } from '../references/reference-watches.js';
import { FileTerminationMessages } from '../termination/termination-messages.js';
import { AccountTokens } from '../volumes/account-tokens.js';
import { LocalVolumes } from '../volumes/local-volumes.js';
import { systemMounter } from '../volumes/mounter.js';
import { PodFolders } from '../volumes/pod-folders.js';
import { type PodVolumes, Volumes } from '../volumes/volumes.js';
import type { MachineFacts } from './machine.js';
import type { NodeConfig } from './node-object.js';
import type { NodeResources } from './node-resources.js';

/** What the equipment of a node's pods is made from. */
export interface PodEquipmentOptions {
  readonly config: NodeConfig;
  readonly machine: MachineFacts;
  readonly resources: NodeResources;
  readonly rootDir: string;
  readonly client: Client;
  readonly informers: Informers;
  readonly runtime: Runtime;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings?: NodeSettings | undefined;
  readonly imageSettings?: ImageSettings | undefined;
  readonly volumes?: PodVolumes | undefined;
  /** Where volumes of claims are kept; default: below `rootDir`. */
  readonly localVolumes?: string | undefined;
}

/** What all pods of a node are equipped with: volumes, files, names, and where their values come from. */
export type PodEquipment = Pick<PodWorkerOptions, 'volumes' | 'outfitter' | 'images' | 'terminations' | 'sources' | 'follow'> & {
  /** Whether the node takes a pod for what it may reach. Tells about what it asks for and the runtime cannot enforce. */
  permit(pod: Pod): Rejection | undefined;
  /** Volumes of claims on this machine, to be announced and run; absent when volumes are somebody else's. */
  readonly localVolumes?: LocalVolumes;
  /** Follows what pods refer to; to be closed. */
  readonly references: ReferenceWatches;
};

/** Puts together what the pods of one node share. */
export function podEquipment(options: PodEquipmentOptions): PodEquipment {
  const { runtime, events, machine, config, rootDir } = options;
  const settings = options.settings ?? nodeSettings();
  const folders = new PodFolders(rootDir);
  const memoryBytes = value(machine.capacity['memory'] ?? '1');
  const sources = sourcesOf(options, settings);
  const references = new ReferenceWatches(options);
  const terminations = new FileTerminationMessages(folders, runtime);
  const localVolumes =
    options.volumes === undefined ? new LocalVolumes({ ...options, nodeName: config.name, root: options.localVolumes ?? join(rootDir, 'local-volumes'), hostPaths: settings.policy.hostPaths }) : undefined;
  const volumes =
    options.volumes ??
    new Volumes({
      folders, memoryBytes, tokens: new AccountTokens(options), hostPaths: settings.policy.hostPaths,
      mounter: runtime.capabilities.realProcesses ? systemMounter() : undefined,
      bindSubPaths: runtime.capabilities.mounts,
      ...(localVolumes !== undefined && { claimFolder: (namespace, claim) => localVolumes.folderOf(namespace, claim) }),
      notice: (pod, message) => events.event(pod, 'Warning', 'VolumeDegraded', message),
    });
  const outfitter = new Outfitter({
    runtime, sources, volumes, folders, terminations, settings, events, memoryBytes,
    machineHostname: machine.hostname || config.name,
  });
  const images = new ImageManager({ ...options, secret: sources.secret, ...(options.imageSettings ?? imageSettings()) });
  return { ...(localVolumes !== undefined && { localVolumes }), volumes, outfitter, images, terminations, sources, references, follow: (pod, changed) => references.follow(pod, changed), permit: (pod) => permit(pod, settings, runtime, events) };
}

function sourcesOf({ client, informers, resources, config }: PodEquipmentOptions, { apiServer }: NodeSettings): Omit<EnvSources, 'podIPs'> {
  const services = informers.get(Service);
  return {
    configMap: (namespace, name) => client.kind(ConfigMap).find({ namespace, name }),
    secret: (namespace, name) => client.kind(Secret).find({ namespace, name }),
    services: (namespace) => services.lister.list(namespace),
    apiServer,
    hostIP: config.hostIP,
    allocatable: resources.allocatable,
  };
}

function permit(pod: Pod, settings: NodeSettings, runtime: Pick<Runtime, 'name' | 'capabilities'>, events: EventRecorder): Rejection | undefined {
  const refusal = checkPolicy(pod, settings.policy, runtime.capabilities) ?? checkSysctls(pod, settings.allowedUnsafeSysctls);
  const ungiven = refusal === undefined ? ungivenHardening(pod, runtime.capabilities) : [];
  if (ungiven.length > 0) events.event(pod, 'Warning', 'SecurityContextNotEnforced', `The runtime ${JSON.stringify(runtime.name)} cannot enforce ${ungiven.join(', ')}`);
  return refusal;
}
