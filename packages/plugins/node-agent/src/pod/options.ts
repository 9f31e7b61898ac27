import type { Clock, EventRecorder, Logger, Pod, Runtime } from '@orrery/core';
import type { DeferredResizes } from '../resize/deferred.js';
import type { ImageManager } from '../images/image-manager.js';
import type { Prober } from '../probes/prober.js';
import type { TerminationMessages } from '../termination/termination-messages.js';
import type { PodVolumes } from '../volumes/volumes.js';
import type { Rejection } from './admission.js';
import type { EnvSources } from './env.js';
import type { Outfitter } from './outfitter.js';
import type { PodProgress } from './pod-progress.js';
import type { PodRecord } from './record.js';

/** What all pods of a node share. */
export interface PodWorkerOptions {
  readonly record: PodRecord;
  readonly runtime: Runtime;
  readonly prober: Prober;
  readonly volumes: PodVolumes;
  readonly outfitter: Outfitter;
  readonly images: ImageManager;
  readonly terminations: TerminationMessages;
  /** Calls back when something that the pod takes values from appears or changes. Returns its end. */
  follow(pod: Pod, changed: () => void): () => void;
  readonly sources: Omit<EnvSources, 'podIPs'>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostIP: string;
  /** Told how far pods are. */
  readonly progress: readonly PodProgress[];
  /** Does what can be done so that the node takes a pod; the pod is not told of it. */
  makeRoom(pod: Pod): Promise<void>;
  /** Whether the node takes a pod that has not been here before. */
  admit(pod: Pod): Rejection | undefined;
  /** What decides on other resources for pods that run here. */
  readonly resizes: {
    /** What the node offers, quantities by resource name. */
    readonly allocatable: Readonly<Record<string, string>>;
    /** What would be in the way of the pod as it asks to be, beside the others here. */
    refusal(pod: Pod): Rejection | undefined;
    readonly deferred: DeferredResizes;
  };
  /** A change to the container's config by hooks. */
  configure(config: Parameters<Runtime['createContainer']>[1], pod: Pod): Promise<Parameters<Runtime['createContainer']>[1]>;
}
