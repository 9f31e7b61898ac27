import { type Clock, exponentialBuckets, type Instruments } from '@orrery/core';
import type { SchedulingQueue, WaitingPod } from '../queue/scheduling-queue.js';

/** How an attempt ended, as kube-scheduler calls it. */
export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

/** What the scheduler counts, under kube-scheduler's names. */
export class SchedulerInstruments {
  readonly #attempts;
  readonly #took;
  readonly #waited;
  readonly #tries;

  constructor(
    private readonly instruments: Instruments,
    private readonly clock: Clock,
  ) {
    const labels = ['result', 'profile'] as const;
    this.#attempts = instruments.counter({ name: 'scheduler_schedule_attempts_total', help: 'Attempts to find a node for a pod.', labels });
    this.#took = instruments.histogram({ name: 'scheduler_scheduling_attempt_duration_seconds', help: 'How long an attempt took, with its bind.', labels, buckets: exponentialBuckets(0.001, 2, 15) });
    const waited = { name: 'scheduler_pod_scheduling_sli_duration_seconds', help: 'From when a pod was seen first until it was bound.', labels: ['attempts'] as const, buckets: exponentialBuckets(0.01, 2, 20) };
    this.#waited = instruments.histogram(waited);
    this.#tries = instruments.histogram({ name: 'scheduler_pod_scheduling_attempts', help: 'Attempts that it took to bind a pod.', buckets: exponentialBuckets(1, 2, 5) });
  }

  /** An attempt that began then is over. */
  attempted(profile: string, result: AttemptResult, began: number): void {
    this.#attempts.add({ result, profile });
    this.#took.observe({ result, profile }, (this.clock.monotonic() - began) / 1000);
  }

  /** A pod has been bound. Attempts beyond fifteen are told as that, as kube-scheduler does: labels stay few. */
  bound({ attempts, enqueuedAt }: WaitingPod): void {
    this.#waited.observe({ attempts: attempts > 15 ? '16+' : String(attempts) }, (this.clock.monotonic() - enqueuedAt) / 1000);
    this.#tries.observe({}, attempts);
  }

  /** Shows how many pods wait where, until the returned function is called. */
  show(queue: Pick<SchedulingQueue, 'counts'>): () => void {
    const about = { name: 'scheduler_pending_pods', help: 'Pods without a node, by what they wait for.', labels: ['queue'] as const };
    return this.instruments.gauge(about, () => {
      const { active, backingOff, parked } = queue.counts;
      return [
        [{ queue: 'active' }, active],
        [{ queue: 'backoff' }, backingOff],
        [{ queue: 'unschedulable' }, parked],
      ];
    });
  }
}
