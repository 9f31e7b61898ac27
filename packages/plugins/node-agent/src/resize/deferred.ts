import { type Pod, podQosClass } from '@orrery/core';
import { requestsOf } from '../pod/admission.js';

/** A pod that waits for other resources. */
export interface WaitingPod {
  /** As it asks to be. */
  readonly wanted: Pod;
  readonly granted: Pod;
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
  /** Decides on it anew. */
  retry(): void;
}

/** Whose turn it is first (kubelet sortPendingResizes): who asks for no more than it has, then by priority, then the guaranteed, then who waits longest. Pure. */
export function compareWaiting(a: WaitingPod, b: WaitingPod): number {
  return (
    Number(asksForMore(a)) - Number(asksForMore(b)) ||
    (b.wanted.spec.priority ?? 0) - (a.wanted.spec.priority ?? 0) ||
    Number(podQosClass(b.wanted) === 'Guaranteed') - Number(podQosClass(a.wanted) === 'Guaranteed') ||
    a.since - b.since
  );
}

const asksForMore = ({ wanted, granted }: WaitingPod): boolean => ['cpu', 'memory'].some((name) => (requestsOf(wanted)[name] ?? 0) > (requestsOf(granted)[name] ?? 0));

/** The pods of a node whose resize is deferred, by uid. */
export class DeferredResizes {
  readonly #waiting = new Map<string, WaitingPod>();

  /** The pod waits, or (undefined) does so no more. */
  set(uid: string, waiting: WaitingPod | undefined): void {
    if (waiting === undefined) this.#waiting.delete(uid);
    else this.#waiting.set(uid, waiting);
  }

  /** Since when it waits; undefined: it does not. */
  since(uid: string): number | undefined {
    return this.#waiting.get(uid)?.since;
  }

  /** Resources were freed: decides on all that wait, in their order. */
  retry(): void {
    if (this.#waiting.size === 0) return;
    // A decision may free more, and that decide on others.
    for (const [uid] of [...this.#waiting].sort(([, a], [, b]) => compareWaiting(a, b))) this.#waiting.get(uid)?.retry();
  }
}
