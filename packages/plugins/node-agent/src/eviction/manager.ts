import { type Clock, type ContainerStats, errorMessage, type EventRecorder, type KubeObject, type Logger, type Pod } from '@orrery/core';
import { type NodeMeasure, type NodeMeter, observationsOf } from '../metrics/meter.js';
import { isCritical } from '../pod/critical.js';
import type { VolumeUsage } from '../volumes/usage.js';
import type { PodVolumes } from '../volumes/volumes.js';
import { limitsLayers, limitsStorage, localStorageEviction } from './local-storage.js';
import type { Eviction } from './messages.js';
import { assess, INITIAL_STATE, planEviction, thresholdsMet, thresholdToReclaim } from './plan.js';
import type { PodConsumption } from './rank.js';
import type { EvictionSettings } from './settings.js';
import type { Pressure } from './signals.js';

/** A pod of the node that can be ended. */
export interface EvictablePod {
  readonly current: Pod;
  /** Resolves when nothing of it runs any more. */
  evict(eviction: Eviction): Promise<void>;
}

/** What a manager is made from. */
export interface EvictionManagerOptions {
  readonly settings: EvictionSettings;
  /** Undefined: nothing is known of the node, so it is never under pressure. */
  readonly meter: NodeMeter | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  /** What events of the node as a whole are about. */
  readonly node: KubeObject;
  readonly volumes: Pick<PodVolumes, 'usage'>;
  /** The pods that are not over and not being evicted. */
  pods(): readonly EvictablePod[];
  /** What containers use, by id, not older than that. */
  stats(maxAgeMs: number, signal: AbortSignal): Promise<ReadonlyMap<string, ContainerStats>>;
  /** Makes room on disk without ending anything. */
  reclaimDisk(signal: AbortSignal): Promise<void>;
  /** The node's conditions are others. */
  changed(): void;
}

/** Volumes are measured once in so many rounds: once a minute, as the kubelet's VolumeStatsAggPeriod. */
const ROUNDS_PER_MEASUREMENT = 6;
/** How long a round waits for what it evicted (the kubelet's podCleanupTimeout). */
const CLEANUP_MS = 30_000;

/** Keeps a node from running out of memory, disk and processes, as the kubelet's eviction manager does: one pod a round, after everything else has been tried. */
export class EvictionManager {
  #state = INITIAL_STATE;
  #pressures: readonly Pressure[] = [];
  readonly #volumes = new WeakMap<EvictablePod, { readonly at: number; readonly usage: ReadonlyMap<string, VolumeUsage> }>();

  constructor(private readonly options: EvictionManagerOptions) {}

  /** The conditions of the node that are true now. */
  get pressures(): readonly Pressure[] {
    return this.#pressures;
  }

  /** Runs until the signal aborts. A round that fails is tried again at the next. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings, log } = this.options;
    while (!signal.aborted) {
      try {
        if (await this.round(signal)) continue;
      } catch (error) {
        if (signal.aborted) return;
        log.warn('a look at what the node has left failed', { error: errorMessage(error) });
      }
      await clock.sleep(settings.monitoringMs, signal).catch(() => signal);
    }
  }

  /** One round; resolves with whether a pod was evicted and has ended. */
  async round(signal: AbortSignal): Promise<boolean> {
    const { settings, clock, events, node } = this.options;
    const measure = await this.#measure(signal);
    const observations = observationsOf(measure);
    const { state, pressures, due } = assess(this.#state, { ...settings, observations, now: clock.monotonic() });
    this.#state = state;
    this.#setPressures(pressures);
    const imagefsApart = measure.imagefs?.apart === true;
    if (await this.#holdToStorageLimits(imagefsApart, signal)) return true;
    const target = thresholdToReclaim(due);
    if (target === undefined) return false;
    events.event(node, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${target.resource}`);
    const ofDisk = target.signal.startsWith('imagefs') || (target.signal.startsWith('nodefs') && !imagefsApart);
    if (ofDisk && (await this.#enoughOnDisk(signal))) return false;
    const candidates = await this.#candidates(signal);
    const plan = planEviction({ due, observations, candidates, imagefsApart, maxPodGracePeriodSeconds: settings.maxPodGracePeriodSeconds });
    if (plan === undefined) {
      this.options.log.warn('no pod can be evicted from a node that is short of something', { resource: target.resource });
      return false;
    }
    return this.#evict(plan.victim.of, plan.eviction, signal);
  }

  #setPressures(pressures: readonly Pressure[]): void {
    const differ = pressures.join() !== this.#pressures.join();
    this.#pressures = pressures;
    if (differ) this.options.changed();
  }

  async #measure(signal: AbortSignal): Promise<NodeMeasure> {
    const { meter, settings } = this.options;
    return settings.thresholds.length === 0 ? {} : ((await meter?.measure(signal)) ?? {});
  }

  /** Removes what nothing needs, and looks whether that was enough (kubelet reclaimNodeLevelResources). */
  async #enoughOnDisk(signal: AbortSignal): Promise<boolean> {
    const { reclaimDisk, settings } = this.options;
    await reclaimDisk(signal);
    return thresholdsMet(settings.thresholds, observationsOf(await this.#measure(signal)), true).length === 0;
  }

  async #holdToStorageLimits(imagefsApart: boolean, signal: AbortSignal): Promise<boolean> {
    const pods = this.options.pods().filter(({ current }) => limitsStorage(current) && !isCritical(current));
    if (pods.length === 0) return false;
    const stats = pods.some(({ current }) => limitsLayers(current)) ? byPod(await this.options.stats(this.options.settings.monitoringMs, signal)) : new Map<string, ContainerStats[]>();
    const evicted: Promise<boolean>[] = [];
    for (const pod of pods) {
      const usage = consumptionOf(stats.get(pod.current.metadata.uid ?? '') ?? [], await this.#volumesOf(pod));
      const eviction = localStorageEviction(pod.current, usage, imagefsApart);
      if (eviction !== undefined) evicted.push(this.#evict(pod, eviction, signal));
    }
    return (await Promise.all(evicted)).includes(true);
  }

  async #candidates(signal: AbortSignal) {
    const stats = byPod(await this.options.stats(0, signal));
    return Promise.all(
      this.options.pods().map(async (of) => {
        const containers = stats.get(of.current.metadata.uid ?? '');
        return { of, pod: of.current, usage: containers === undefined ? undefined : consumptionOf(containers, await this.#volumesOf(of)) };
      }),
    );
  }

  async #volumesOf(pod: EvictablePod): Promise<ReadonlyMap<string, VolumeUsage>> {
    const { volumes, clock, settings } = this.options;
    const known = this.#volumes.get(pod);
    if (volumes.usage === undefined || !(pod.current.spec.volumes ?? []).some(({ emptyDir }) => emptyDir !== undefined)) return new Map();
    if (known !== undefined && clock.monotonic() - known.at < ROUNDS_PER_MEASUREMENT * settings.monitoringMs) return known.usage;
    const usage = await volumes.usage(pod.current);
    this.#volumes.set(pod, { at: clock.monotonic(), usage });
    return usage;
  }

  /** Resolves with whether it has ended in time. */
  async #evict(pod: EvictablePod, eviction: Eviction, signal: AbortSignal): Promise<boolean> {
    const { events, log, clock } = this.options;
    events.event(pod.current, 'Warning', eviction.reason, eviction.message);
    log.info('evicting a pod', { pod: pod.current.metadata.name, message: eviction.message });
    const late = new AbortController();
    const stop = AbortSignal.any([signal, late.signal]);
    const ended = pod.evict(eviction).then(() => true);
    const inTime = await Promise.race([ended, clock.sleep(CLEANUP_MS, stop).then(() => false, () => false)]);
    late.abort();
    return inTime;
  }
}

function byPod(stats: ReadonlyMap<string, ContainerStats>): Map<string, ContainerStats[]> {
  const pods = new Map<string, ContainerStats[]>();
  for (const one of stats.values()) pods.set(one.pod.uid, [...(pods.get(one.pod.uid) ?? []), one]);
  return pods;
}

function consumptionOf(stats: readonly ContainerStats[], volumes: ReadonlyMap<string, VolumeUsage>): PodConsumption & { readonly volumes: ReadonlyMap<string, VolumeUsage> } {
  const containers = stats.map(({ name, workingSetBytes, processes, writableLayerBytes, logBytes }) => ({
    name,
    workingSetBytes,
    ...(processes !== undefined && { processes }),
    ...(writableLayerBytes !== undefined && { rootfsBytes: writableLayerBytes }),
    ...(logBytes !== undefined && { logBytes }),
  }));
  return { containers, volumes };
}
