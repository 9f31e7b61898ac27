// What containers of a pod may use, and what they do use.

/** Which pod a sandbox belongs to. */
export interface PodIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Limits in the units of the kernel interface. Absent: unlimited. */
export interface ContainerResources {
  /** Relative weight, cgroup v1 `cpu.shares` (2 to 262144). */
  readonly cpuShares?: number;
  /** Microseconds of cpu per `cpuPeriod`. */
  readonly cpuQuota?: number;
  /** Microseconds. */
  readonly cpuPeriod?: number;
  /** Also the limit of memory and swap together: swap is never used beyond it. */
  readonly memoryLimitBytes?: number;
  /** Processes and threads at once. */
  readonly pidsLimit?: number;
  /** -1000 to 1000. */
  readonly oomScoreAdj?: number;
}

/** Use of one container. */
export interface ContainerStats {
  readonly containerId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  /** When it was read, milliseconds since the epoch. */
  readonly timestamp: number;
  /** Cumulative cpu time in nanoseconds. */
  readonly cpuNanoseconds: number;
  /** Memory in use that cannot be reclaimed under pressure, bytes. */
  readonly workingSetBytes: number;
  /** Resident memory, bytes. */
  readonly rssBytes: number;
  /** Processes and threads; absent where it is not known. */
  readonly processes?: number;
  /** What the container wrote beside its volumes and logs, bytes; absent where it is not known. */
  readonly writableLayerBytes?: number;
  /** What its log takes, bytes; absent where it is not known. */
  readonly logBytes?: number;
}
