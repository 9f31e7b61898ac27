import type { Pod, PodStatus } from '@orrery/core';

/** Told how far pods are on their way to running, by who looks after them. Must not throw. Times are those of the clock, milliseconds since the epoch. */
export interface PodProgress {
  /** The image of a container is there. */
  pulled(pod: Pod, container: string, began: number): void;
  /** The pod has its sandbox. */
  sandboxed(pod: Pod, began: number): void;
  /** A container has been started, with its image pulled before. */
  started(pod: Pod, container: string, attempt: number, began: number): void;
  /** What is seen of the pod now; `pod` has what was told of it before. */
  seen(pod: Pod, status: PodStatus): void;
  /** Nobody looks after the pod any more. */
  left(uid: string): void;
}
