import { type Clock, type Pod, type PodStatus, stepOf, type Tracer } from '@orrery/core';
import type { PodProgress } from '../pod/pod-progress.js';

/** Pods that are on their way at the same time, of which it is known since when; beyond that the oldest are forgotten. */
const MOST = 10_000;

/** Tells what a node does for its pods until they run, as steps in the trace of each; and when they do, of the whole way. */
export class StartTraces implements PodProgress {
  /** When each pod was first worked on, until it runs. */
  readonly #since = new Map<string, number>();

  constructor(
    private readonly node: string,
    private readonly tracer: Tracer,
    private readonly clock: Clock,
  ) {}

  pulled(pod: Pod, container: string, began: number): void {
    this.#step(pod, `pull/${container}`, 'pull image', began, { container });
  }

  sandboxed(pod: Pod, began: number): void {
    this.#step(pod, 'sandbox', 'run sandbox', began, {});
  }

  started(pod: Pod, container: string, attempt: number, began: number): void {
    this.#step(pod, `start/${container}/${attempt}`, 'start container', began, { container, attempt });
  }

  seen(pod: Pod, { phase }: PodStatus): void {
    const { uid = '', name = '', namespace = '', creationTimestamp, ownerReferences } = pod.metadata;
    const since = this.#since.get(uid);
    // What ran already when the agent began was told then.
    if (since === undefined || phase === 'Pending' || phase === undefined) return;
    this.#since.delete(uid);
    const endMs = this.clock.now();
    const attributes = { 'k8s.pod.name': name, 'k8s.namespace.name': namespace, 'k8s.pod.uid': uid, 'k8s.node.name': this.node, phase };
    this.tracer.record({ context: stepOf(uid, 'sync'), parentSpanId: stepOf(uid, 'bind').spanId, name: 'sync pod', component: 'kubelet', startMs: since, endMs, attributes });
    // Made by another object: the way of that one is a trace of its own.
    const links = (ownerReferences ?? []).slice(0, 8).map((owner) => stepOf(owner.uid, 'object'));
    const startMs = Math.min(since, creationTimestamp === undefined ? since : Date.parse(creationTimestamp));
    this.tracer.record({ context: stepOf(uid, 'object'), name: 'Pod', component: 'kubelet', startMs, endMs, attributes, links });
  }

  left(uid: string): void {
    this.#since.delete(uid);
  }

  #step({ metadata: { uid = '' } }: Pod, step: string, name: string, began: number, attributes: Readonly<Record<string, string | number>>): void {
    if (!this.tracer.enabled) return;
    const context = stepOf(uid, step);
    if (!this.tracer.samples(context.traceId)) return;
    const isOnItsWay = this.#since.has(uid);
    if (!isOnItsWay && (step === 'sandbox' || step.endsWith('/0'))) this.#began(uid, began);
    this.tracer.record({ context, parentSpanId: stepOf(uid, 'sync').spanId, name, component: 'kubelet', startMs: began, endMs: this.clock.now(), attributes });
  }

  #began(uid: string, at: number): void {
    this.#since.set(uid, at);
    for (const oldest of this.#since.keys()) {
      if (this.#since.size <= MOST) return;
      this.#since.delete(oldest);
    }
  }
}
