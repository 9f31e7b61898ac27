import { statfs } from 'node:fs/promises';
import { type Clock, type EventRecorder, errorMessage, type ImageStatus, type KubeObject, type Logger, type Runtime } from '@orrery/core';
import { longDead, surplusDead } from './dead-containers.js';
import { bytesToFree, type DiskSpace, type ImageRecord, observeImages, removableImages } from './plan-collection.js';
import type { ImageSettings } from './settings.js';

/** What a collector is made from. */
export interface CollectorOptions {
  readonly runtime: Pick<Runtime, 'capabilities' | 'listImages' | 'listContainers' | 'removeImage' | 'removeContainer' | 'imageFilesystem'>;
  readonly settings: ImageSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  /** What events of the node as a whole are about. */
  readonly node: KubeObject;
  /** The space of the file system that a path is on; default: asked of the machine, for runtimes that use it. */
  readonly diskSpace?: ((path: string) => Promise<DiskSpace>) | undefined;
}

/** The kubelet's ImageGCPeriod and ContainerGCPeriod. */
const IMAGES_MS = 5 * 60_000;
const CONTAINERS_MS = 60_000;

/** Removes images that nothing was made from when space runs out, and dead containers beyond what a node keeps. */
export class Collector {
  #records: ReadonlyMap<string, ImageRecord> = new Map();
  #looked = false;

  constructor(private readonly options: CollectorOptions) {}

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { runtime } = this.options;
    await Promise.all([
      runtime.capabilities.images ? this.#every(IMAGES_MS, 'images', signal, () => this.collectImages(signal)) : undefined,
      this.options.settings.maximumDeadContainers < 0 ? undefined : this.#every(CONTAINERS_MS, 'dead containers', signal, () => this.#collectContainers(signal)),
    ]);
  }

  /** One look: removes images when more is taken than may be. */
  async collectImages(signal: AbortSignal): Promise<void> {
    const { runtime, settings, events, node } = this.options;
    const { diskSpace = runtime.capabilities.realProcesses ? machineSpace : undefined } = this.options;
    const images = await this.#look(signal);
    const filesystem = await runtime.imageFilesystem(signal);
    if (filesystem === undefined || diskSpace === undefined) return;
    const space = await diskSpace(filesystem.path);
    if (space.capacityBytes <= 0) {
      events.event(node, 'Warning', 'InvalidDiskCapacity', `invalid capacity ${space.capacityBytes} on image filesystem`);
      return;
    }
    const wanted = bytesToFree(space, settings.imageGCHighThresholdPercent, settings.imageGCLowThresholdPercent);
    if (wanted === 0) return;
    const freed = await this.#remove(images, settings.imageMinimumGCAgeSeconds * 1000, wanted, signal);
    if (freed >= wanted) return;
    events.event(node, 'Warning', 'FreeDiskSpaceFailed', `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`);
  }

  /** Makes what room it can because the disk of the node is short: dead containers go, then images that nothing was made from. */
  async makeRoom(signal: AbortSignal): Promise<void> {
    const { runtime, clock } = this.options;
    for (const { id } of longDead(await runtime.listContainers(signal), clock.now())) await runtime.removeContainer(id, signal);
    if (runtime.capabilities.images) await this.removeUnusedImages(signal);
  }

  /** Removes every image that nothing was made from, whatever its age, because the node is under pressure. Resolves with their bytes. */
  async removeUnusedImages(signal: AbortSignal): Promise<number> {
    return this.#remove(await this.#look(signal), 0, Number.POSITIVE_INFINITY, signal);
  }

  async #look(signal: AbortSignal): Promise<{ readonly images: readonly ImageStatus[]; readonly inUse: ReadonlySet<string> }> {
    const { runtime, clock } = this.options;
    const [images, containers] = await Promise.all([runtime.listImages(signal), runtime.listContainers(signal)]);
    const inUse = new Set(containers.map(({ imageId }) => imageId));
    // What was there before this agent is old.
    this.#records = observeImages(this.#records, images, inUse, clock.now(), this.#looked ? clock.now() : 0);
    this.#looked = true;
    return { images, inUse };
  }

  async #remove({ images, inUse }: { readonly images: readonly ImageStatus[]; readonly inUse: ReadonlySet<string> }, minAgeMs: number, wanted: number, signal: AbortSignal): Promise<number> {
    const { runtime, clock, log } = this.options;
    let freed = 0;
    for (const { id, reference, sizeBytes } of removableImages({ images, records: this.#records, inUse, now: clock.now(), minAgeMs })) {
      if (freed >= wanted) break;
      try {
        await runtime.removeImage(id, signal);
        freed += sizeBytes;
        log.info('removed an image that nothing was made from', { image: reference, bytes: sizeBytes });
      } catch (error) {
        if (signal.aborted) throw error;
        // In use since the look, perhaps by somebody else's container.
        log.warn('an image could not be removed', { image: reference, error: errorMessage(error) });
      }
    }
    return freed;
  }

  async #collectContainers(signal: AbortSignal): Promise<void> {
    const { runtime, settings, clock } = this.options;
    const policy = { maxContainers: settings.maximumDeadContainers, minAgeMs: settings.minimumContainerTTLSeconds * 1000 };
    for (const { id } of surplusDead(await runtime.listContainers(signal), policy, clock.now())) await runtime.removeContainer(id, signal);
  }

  async #every(periodMs: number, what: string, signal: AbortSignal, collect: () => Promise<void>): Promise<void> {
    const { clock, log } = this.options;
    while (!signal.aborted) {
      try {
        await collect();
      } catch (error) {
        if (!signal.aborted) log.warn(`${what} could not be looked through`, { error: errorMessage(error) });
      }
      await clock.sleep(periodMs, signal).catch(() => signal);
    }
  }
}

async function machineSpace(path: string): Promise<DiskSpace> {
  const { blocks, bavail, bsize } = await statfs(path);
  return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
}
