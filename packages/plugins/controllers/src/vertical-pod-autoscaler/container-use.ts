import { DecayingHistogram, type HistogramShape } from './histogram.js';
import type { VerticalPodAutoscalerCheckpoint } from './kind.js';

const DAY_MS = 86_400_000;
/** Thousandths of a core: from 10 to a million, in steps of 5%. */
const CPU: HistogramShape = { first: 10, ratio: 1.05, max: 1_000_000, halfLifeMs: DAY_MS };
/** Bytes: from 10 MB to 1 TB, in steps of 5%. */
const MEMORY: HistogramShape = { first: 1e7, ratio: 1.05, max: 1e12, halfLifeMs: DAY_MS };
/** Samples of cpu weigh as much as was asked for, so that large pods are not outvoted by small ones; at least this, in thousandths. */
const LEAST_WEIGHT = 100;

/** One look at one container of one pod. */
export interface UseSample {
  readonly pod: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number;
  /** What it asks for. */
  readonly requestMillis: number;
}

interface Peak {
  bytes: number;
  readonly until: number;
}

/**
 * What the containers of one name of a workload were seen to use: cpu by its distribution, memory by its peak of each day and pod
 * (the aggregate container state of Kubernetes' vertical autoscaler). Its memory is bounded by the pods that live.
 */
export class ContainerUse {
  readonly cpu = new DecayingHistogram(CPU);
  readonly memory = new DecayingHistogram(MEMORY);
  /** Milliseconds since the epoch. */
  firstSample = 0;
  lastSample = 0;
  samples = 0;
  readonly #seen = new Map<string, number>();
  readonly #peaks = new Map<string, Peak>();

  /** Takes a sample in; one that was taken in before does nothing. */
  add({ pod, at, cpuMillis, memoryBytes, requestMillis }: UseSample): void {
    if (at <= (this.#seen.get(pod) ?? -Infinity)) return;
    this.#seen.set(pod, at);
    if (cpuMillis !== undefined) {
      this.cpu.add(cpuMillis, Math.max(LEAST_WEIGHT, requestMillis) / 1000, at);
      if (this.firstSample === 0) this.firstSample = at;
      this.lastSample = Math.max(this.lastSample, at);
      this.samples += 1;
    }
    this.#addPeak(pod, memoryBytes, at);
  }

  /** Forgets which samples of pods that are gone were seen. */
  keep(pods: ReadonlySet<string>): void {
    for (const known of [this.#seen, this.#peaks]) for (const pod of known.keys()) if (!pods.has(pod)) known.delete(pod);
  }

  /** What to keep of it. */
  save(vpaObjectName: string, containerName: string): VerticalPodAutoscalerCheckpoint['spec'] {
    const { firstSample, lastSample, samples } = this;
    return { vpaObjectName, containerName, cpuHistogram: mutable(this.cpu), memoryHistogram: mutable(this.memory), firstSample, lastSample, totalSamplesCount: samples };
  }

  /** Becomes what was kept. */
  load({ cpuHistogram, memoryHistogram, firstSample, lastSample, totalSamplesCount }: VerticalPodAutoscalerCheckpoint['spec']): void {
    this.cpu.load(cpuHistogram);
    this.memory.load(memoryHistogram);
    this.firstSample = firstSample;
    this.lastSample = lastSample;
    this.samples = totalSamplesCount;
  }

  #addPeak(pod: string, bytes: number, at: number): void {
    const peak = this.#peaks.get(pod);
    if (peak === undefined || at >= peak.until) {
      this.#peaks.set(pod, { bytes, until: at + DAY_MS });
      this.memory.add(bytes, 1, at);
    } else if (bytes > peak.bytes) {
      // The peak of the day is one value: the higher one takes the place of the lower.
      this.memory.add(peak.bytes, -1, peak.until - DAY_MS);
      this.memory.add(bytes, 1, peak.until - DAY_MS);
      peak.bytes = bytes;
    }
  }
}

const mutable = (histogram: DecayingHistogram): VerticalPodAutoscalerCheckpoint['spec']['cpuHistogram'] => {
  const { bucketWeights, ...rest } = histogram.save();
  return { ...rest, bucketWeights: { ...bucketWeights } };
};
