import { type Clock, type ContainerStats, errorMessage, type Logger, type MetricsSource, type NodeUsage, type PodUsage, type Runtime } from '@orrery/core';
import type { NodeMeasure, NodeMeter } from './meter.js';

/** What samples are taken from. */
export interface UsageSourceOptions {
  readonly node: string;
  readonly runtime: Pick<Runtime, 'capabilities' | 'stats'>;
  readonly meter: NodeMeter | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a pod is this node's; several nodes may share a runtime. */
  isMine(uid: string): boolean;
  /** Whether pods of the node run. */
  busy(): boolean;
}

/** One look at everything. */
interface Sample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly monotonic: number;
  readonly containers: ReadonlyMap<string, ContainerStats>;
  readonly node: NodeMeasure;
}

/** What the containers and the whole of one node use, from samples: one question to the runtime each. */
export class UsageSource implements MetricsSource {
  #last: Sample | undefined;
  /** What rates are counted from: the newest sample that is old enough when {@link #last} is taken. */
  #previous: Sample | undefined;
  /** Samples between the two, which may be old enough for the next one. */
  #between: Sample[] = [];
  #sampling: Promise<Sample> | undefined;
  /** Rates over less than this are noise; half of the period where that is less, so that the samples of the period themselves always count. */
  #shortestMs = MIN_WINDOW_MS;

  constructor(private readonly options: UsageSourceOptions) {}

  /** Takes a sample every `periodMs` until the signal aborts, while pods run; one that fails is left out. */
  async run(periodMs: number, signal: AbortSignal): Promise<void> {
    const { clock, log, busy } = this.options;
    this.#shortestMs = Math.min(MIN_WINDOW_MS, periodMs / 2);
    for (;;) {
      await clock.sleep(periodMs, signal).catch(() => signal);
      if (signal.aborted) return;
      if (!busy()) this.#forget();
      else await this.sample(signal).catch((error: unknown) => void (signal.aborted || log.warn('what pods use could not be read', { error: errorMessage(error) })));
    }
  }

  /** The use of containers, by their id; from a new sample when the last one is older than `maxAgeMs`. Throws what the runtime throws. */
  async containers(maxAgeMs: number, signal: AbortSignal): Promise<ReadonlyMap<string, ContainerStats>> {
    const fresh = this.#last !== undefined && this.options.clock.monotonic() - this.#last.monotonic <= maxAgeMs;
    return (fresh ? (this.#last as Sample) : await this.sample(signal)).containers;
  }

  /** Takes a sample now; who asks meanwhile gets the same one. */
  sample(signal: AbortSignal): Promise<Sample> {
    this.#sampling ??= this.#take(signal).finally(() => (this.#sampling = undefined));
    return this.#sampling;
  }

  nodes(): readonly NodeUsage[] {
    const [last, previous] = [this.#last, this.#previous];
    if (last === undefined) return [];
    const memoryBytes = last.node.memory?.workingSetBytes ?? [...last.containers.values()].reduce((sum, { workingSetBytes }) => sum + workingSetBytes, 0);
    const windowMs = previous === undefined ? 0 : last.monotonic - previous.monotonic;
    const cpuMillis = windowMs <= 0 || previous === undefined ? undefined : this.#nodeCpu(last, previous, windowMs);
    return [{ name: this.options.node, timestamp: last.at, windowMs, memoryBytes, ...(cpuMillis !== undefined && { cpuMillis }) }];
  }

  pods(): readonly PodUsage[] {
    const last = this.#last;
    if (last === undefined) return [];
    const pods = new Map<string, ContainerStats[]>();
    for (const stats of last.containers.values()) {
      const known = pods.get(stats.pod.uid);
      if (known === undefined) pods.set(stats.pod.uid, [stats]);
      else known.push(stats);
    }
    return [...pods.values()].flatMap((containers) => this.#podUsage(containers));
  }

  #podUsage(containers: readonly ContainerStats[]): PodUsage[] {
    const pod = containers[0]?.pod;
    if (pod === undefined || !this.options.isMine(pod.uid)) return [];
    const timestamp = Math.max(...containers.map((stats) => stats.timestamp));
    const windows: number[] = [];
    const used = containers.map((stats) => {
      const before = this.#previous?.containers.get(stats.containerId);
      const windowMs = before === undefined ? 0 : stats.timestamp - before.timestamp;
      if (windowMs > 0) windows.push(windowMs);
      return { name: stats.name, memoryBytes: stats.workingSetBytes, ...(before !== undefined && windowMs > 0 && { cpuMillis: cpuMillis(stats.cpuNanoseconds - before.cpuNanoseconds, windowMs) }) };
    });
    return [{ namespace: pod.namespace, name: pod.name, uid: pod.uid, timestamp, windowMs: windows.length === 0 ? 0 : Math.max(...windows), containers: used }];
  }

  #nodeCpu(last: Sample, previous: Sample, windowMs: number): number {
    if (last.node.cpuNanoseconds !== undefined && previous.node.cpuNanoseconds !== undefined) return cpuMillis(last.node.cpuNanoseconds - previous.node.cpuNanoseconds, windowMs);
    const spent = [...last.containers].reduce((sum, [id, { cpuNanoseconds }]) => sum + cpuNanoseconds - (previous.containers.get(id)?.cpuNanoseconds ?? cpuNanoseconds), 0);
    return cpuMillis(spent, windowMs);
  }

  async #take(signal: AbortSignal): Promise<Sample> {
    const { runtime, meter, clock } = this.options;
    const [stats, node] = await Promise.all([runtime.capabilities.stats ? runtime.stats(signal) : [], meter?.measure(signal) ?? {}]);
    const mine = stats.filter(({ pod }) => this.options.isMine(pod.uid));
    const sample = { at: clock.now(), monotonic: clock.monotonic(), containers: new Map(mine.map((one) => [one.containerId, one])), node };
    // Samples taken in between for another reason make the window of rates neither too short to mean something nor, however many there are, ever longer.
    if (this.#last !== undefined) this.#between.push(this.#last);
    const isOldEnough = ({ monotonic }: Sample): boolean => sample.monotonic - monotonic >= this.#shortestMs;
    const newest = this.#between.findLastIndex(isOldEnough);
    if (newest >= 0) this.#previous = this.#between[newest];
    else if (this.#previous === undefined) this.#previous = this.#between[0];
    this.#between.splice(0, newest + 1);
    this.#last = sample;
    return sample;
  }

  #forget(): void {
    this.#last = this.#previous = undefined;
    this.#between = [];
  }
}

const MIN_WINDOW_MS = 5_000;

/** A counter that went back (the container was started again) has no rate. */
const cpuMillis = (nanoseconds: number, windowMs: number): number => Math.max(0, nanoseconds / windowMs / 1000);
