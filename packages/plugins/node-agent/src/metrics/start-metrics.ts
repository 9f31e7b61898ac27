import { type Clock, exponentialBuckets, type HistogramInstrument, type Instruments, type Pod, type PodStatus } from '@orrery/core';
import type { PodProgress } from '../pod/pod-progress.js';

/** The kubelet's (podStartupDurationBuckets). */
const BUCKETS = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 30, 45, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600];

/** Counts how many pods run and how long they took to do so, under the kubelet's names; of all nodes of the process together. */
export class StartMetrics implements PodProgress {
  readonly #running = new Set<string>();
  /** Milliseconds that images took, of pods that do not run yet. */
  readonly #pulling = new Map<string, number>();
  readonly #sli: HistogramInstrument;
  readonly #total: HistogramInstrument;
  readonly #operations;

  constructor(
    private readonly instruments: Instruments,
    private readonly clock: Clock,
  ) {
    const starts = { buckets: BUCKETS };
    this.#sli = instruments.histogram({ ...starts, name: 'kubelet_pod_start_sli_duration_seconds', help: 'From when a pod was made until it ran, without the time that its images took.' });
    this.#total = instruments.histogram({ ...starts, name: 'kubelet_pod_start_total_duration_seconds', help: 'From when a pod was made until it ran.' });
    this.#operations = instruments.histogram({ name: 'kubelet_runtime_operations_duration_seconds', help: 'How long the runtime took for what was asked of it.', labels: ['operation_type'] as const, buckets: exponentialBuckets(0.005, 2.5, 14) });
  }

  /** Shows the pods that run, until the returned function is called. */
  show(): () => void {
    return this.instruments.gauge({ name: 'kubelet_running_pods', help: 'Pods that run.' }, () => [[{}, this.#running.size]]);
  }

  pulled({ metadata: { uid = '' } }: Pod, _container: string, began: number): void {
    this.#pulling.set(uid, (this.#pulling.get(uid) ?? 0) + this.clock.now() - began);
  }

  sandboxed(_pod: Pod, began: number): void {
    this.#operations.observe({ operation_type: 'run_podsandbox' }, (this.clock.now() - began) / 1000);
  }

  started(_pod: Pod, _container: string, _attempt: number, began: number): void {
    this.#operations.observe({ operation_type: 'start_container' }, (this.clock.now() - began) / 1000);
  }

  seen({ metadata: { uid = '', creationTimestamp }, status: before }: Pod, { phase }: PodStatus): void {
    if (phase !== 'Running') {
      this.#running.delete(uid);
      return;
    }
    const isNew = !this.#running.has(uid) && before?.phase !== 'Running';
    this.#running.add(uid);
    const pulling = this.#pulling.get(uid) ?? 0;
    this.#pulling.delete(uid);
    if (!isNew || creationTimestamp === undefined) return;
    const took = Math.max(0, this.clock.now() - Date.parse(creationTimestamp));
    this.#total.observe({}, took / 1000);
    this.#sli.observe({}, Math.max(0, took - pulling) / 1000);
  }

  left(uid: string): void {
    this.#running.delete(uid);
    this.#pulling.delete(uid);
  }
}
