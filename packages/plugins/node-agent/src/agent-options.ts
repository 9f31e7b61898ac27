import type { Client, Clock, EventRecorder, Informers, Logger, Runtime } from '@orrery/core';
import type { EvictionSettings } from './eviction/settings.js';
import type { DiskSpace } from './images/plan-collection.js';
import type { ImageSettings } from './images/settings.js';
import type { NodeMeter } from './metrics/meter.js';
import type { HeartbeatTimes } from './node/heartbeat.js';
import type { MachineFacts } from './node/machine.js';
import type { NodeConfig } from './node/node-object.js';
import type { ResourceTexts } from './node/node-resources.js';
import type { NodeSettings } from './pod/node-settings.js';
import type { PodWorkerOptions } from './pod/options.js';
import type { Prober } from './probes/prober.js';
import type { ManifestSource } from './static-pods/manifest-folder.js';
import type { PodVolumes } from './volumes/volumes.js';

/** What a node agent is made from. */
export interface NodeAgentOptions {
  readonly config: NodeConfig;
  readonly machine: MachineFacts;
  readonly times: HeartbeatTimes;
  /** Folder of the pods' volumes. */
  readonly rootDir: string;
  readonly client: Client;
  readonly informers: Informers;
  readonly runtime: Runtime;
  readonly prober: Prober;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly configure: PodWorkerOptions['configure'];
  /** Told how far pods are; default: nobody. */
  readonly progress?: PodWorkerOptions['progress'];
  /** What pods get and may ask for; default: {@link nodeSettings} without options, which allows nothing out of the ordinary. */
  readonly settings?: NodeSettings;
  /** How images and dead containers are handled; default: as the kubelet does. */
  readonly imageSettings?: ImageSettings;
  /** The space of the file system that a path is on; default: asked of the machine. For simulated runtimes. */
  readonly diskSpace?: ((path: string) => Promise<DiskSpace>) | undefined;
  /** Where volumes come from; default: folders below `rootDir`. A simulation without a file system brings its own. */
  readonly volumes?: PodVolumes;
  /** What of the node is not for pods. */
  readonly reserved?: { readonly kubeReserved: ResourceTexts; readonly systemReserved: ResourceTexts };
  /** When pods are evicted; default: when memory is short. */
  readonly eviction?: EvictionSettings;
  /** Measures the node as a whole; without one it is never under pressure. */
  readonly meter?: NodeMeter | undefined;
  /** How often what pods use is sampled, for {@link NodeAgent.usage}; default: only when it is needed. */
  readonly sampleMs?: number;
  /** Where pods come from that run whether or not the API can be reached. */
  readonly staticPods?: ManifestSource | undefined;
  /** Where volumes of claims are kept; default: a folder below `rootDir`. */
  readonly localVolumes?: string | undefined;
}
