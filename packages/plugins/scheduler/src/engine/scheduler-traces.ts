import { type Clock, stepOf, type Tracer } from '@orrery/core';
import type { WaitingPod } from '../queue/scheduling-queue.js';
import type { AttemptResult } from './scheduler-instruments.js';

/** Tells of attempts and binds, as steps in the trace of each pod. */
export class SchedulerTraces {
  constructor(
    private readonly tracer: Tracer,
    private readonly clock: Clock,
  ) {}

  /** An attempt that took so long has just ended. */
  attempted({ pod, attempts }: WaitingPod, result: AttemptResult, tookMs: number, node?: string): void {
    this.#record(pod.metadata.uid, `schedule/${attempts}`, 'object', 'schedule', tookMs, { attempt: attempts, result, ...(node !== undefined && { node }) });
  }

  /** The bind after an attempt has just ended, after so long. */
  bound({ pod, attempts }: WaitingPod, node: string, tookMs: number): void {
    this.#record(pod.metadata.uid, 'bind', `schedule/${attempts}`, 'bind', tookMs, { node });
  }

  #record(uid = '', step: string, parent: string, name: string, tookMs: number, attributes: Readonly<Record<string, string | number>>): void {
    if (!this.tracer.enabled) return;
    const context = stepOf(uid, step);
    if (!this.tracer.samples(context.traceId)) return;
    const endMs = this.clock.now();
    this.tracer.record({ context, parentSpanId: stepOf(uid, parent).spanId, name, component: 'kube-scheduler', startMs: endMs - tookMs, endMs, attributes });
  }
}
