import type { Clock, EventRecorder, KubeObject, Logger, Runtime } from '@orrery/core';
import { type EvictablePod, EvictionManager } from '../eviction/manager.js';
import type { EvictionSettings } from '../eviction/settings.js';
import { Collector } from '../images/collector.js';
import type { DiskSpace } from '../images/plan-collection.js';
import type { ImageSettings } from '../images/settings.js';
import type { NodeMeter } from '../metrics/meter.js';
import { UsageSource } from '../metrics/usage-source.js';
import type { PodVolumes } from '../volumes/volumes.js';

/** A pod of the node, as its keeping sees it. */
export interface KeptPod extends EvictablePod {
  readonly uid: string;
  readonly holdsResources: boolean;
  /** It is being ended already. */
  readonly evicted: boolean;
}

/** What the keeping of a node needs. */
export interface HousekeepingOptions {
  readonly config: { readonly name: string };
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  /** What events of the node as a whole are about. */
  readonly node: KubeObject;
  readonly volumes: Pick<PodVolumes, 'usage'>;
  readonly imageSettings: ImageSettings;
  readonly diskSpace?: ((path: string) => Promise<DiskSpace>) | undefined;
  readonly eviction: EvictionSettings;
  /** Undefined: nothing is known of the node as a whole. */
  readonly meter: NodeMeter | undefined;
  /** How often what pods use is sampled; undefined: only when it is needed. */
  readonly sampleMs: number | undefined;
  /** The pods of the node, by uid. */
  readonly pods: ReadonlyMap<string, KeptPod>;
  /** The node's conditions are others. */
  pressuresChanged(): void;
}

/** Keeps a node in order: knows what is used, removes what nothing needs, and ends pods when nothing else helps. */
export class Housekeeping {
  readonly usage: UsageSource;
  readonly eviction: EvictionManager;
  readonly #collector: Collector;

  constructor(private readonly options: HousekeepingOptions) {
    const { config, runtime, pods, imageSettings: settings } = options;
    this.usage = new UsageSource({ ...options, node: config.name, isMine: (uid) => pods.has(uid), busy: () => pods.size > 0 });
    this.#collector = new Collector({ ...options, settings });
    this.eviction = new EvictionManager({
      ...options,
      settings: options.eviction,
      pods: () => [...pods.values()].filter(({ holdsResources, evicted }) => holdsResources && !evicted),
      stats: (maxAgeMs, signal) => (runtime.capabilities.stats ? this.usage.containers(maxAgeMs, signal) : Promise.resolve(new Map())),
      reclaimDisk: (signal) => this.#collector.makeRoom(signal),
      changed: () => options.pressuresChanged(),
    });
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { sampleMs } = this.options;
    await Promise.all([this.#collector.run(signal), this.eviction.run(signal), sampleMs === undefined ? undefined : this.usage.run(sampleMs, signal)]);
  }
}
