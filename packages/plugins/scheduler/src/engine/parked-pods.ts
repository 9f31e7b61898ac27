import type { ClassCache } from '../classes/class-cache.js';
import type { SchedulingQueue, WaitingPod } from '../queue/scheduling-queue.js';
import { schedulerNameOf } from './pod-intake.js';
import type { Profiles } from './profiles.js';

/** Decides which parked pods are worth another attempt after what happened since they were last looked at. */
export class ParkedPods {
  readonly #queue: SchedulingQueue;
  readonly #classes: ClassCache;
  readonly #profiles: Profiles;
  #nodesChanged = false;
  #newPlace = false;
  #podsChanged = false;
  #outsideChanged = false;

  constructor(queue: SchedulingQueue, classes: ClassCache, profiles: Profiles) {
    this.#queue = queue;
    this.#classes = classes;
    this.#profiles = profiles;
  }

  /** A node changed. `newPlace`: it is new or has other labels, so that no refusal says anything of it. */
  nodeChanged(newPlace: boolean): void {
    this.#nodesChanged = true;
    if (newPlace) this.#newPlace = true;
  }

  /** A pod came, changed or went; `left`: it was counted on a node before, so there may be room. */
  podChanged(left: boolean): void {
    this.#podsChanged = true;
    if (left) this.#nodesChanged = true;
  }

  /** Something changed that filters look at besides pods and nodes. */
  outsideChanged(): void {
    this.#outsideChanged = true;
  }

  /** Wakes the pods for which it may look better now. What is known of their class decides, where it is known. */
  wake(): void {
    const [nodes, pods, outside, newPlace] = [this.#nodesChanged, this.#podsChanged, this.#outsideChanged, this.#newPlace];
    if (!nodes && !pods && !outside) return;
    this.#nodesChanged = this.#podsChanged = this.#outsideChanged = this.#newPlace = false;
    const fits = new Map<string, boolean>();
    this.#queue.wake((waiting) => {
      const { classKey, retryWhen } = waiting;
      // What is known of the class was found out with what filters saw then.
      if (outside && this.#seesOther(waiting)) return true;
      if (!(newPlace || (nodes && retryWhen.has('node-changes')) || (pods && retryWhen.has('pod-changes')))) return false;
      if (classKey === undefined || !this.#classes.has(classKey)) return true;
      const known = fits.get(classKey) ?? this.#fitsSomewhere(classKey, waiting);
      fits.set(classKey, known);
      return known;
    });
  }

  // In both, a plugin that fails lets the pod be woken: the attempt will say so.

  #seesOther({ pod, outsideKey }: WaitingPod): boolean {
    try {
      return this.#profiles.get(schedulerNameOf(pod))?.outsideSignature(pod) !== outsideKey;
    } catch {
      return true;
    }
  }

  #fitsSomewhere(key: string, { pod }: Pick<WaitingPod, 'pod'>): boolean {
    try {
      const profile = this.#profiles.get(schedulerNameOf(pod));
      return profile !== undefined && this.#classes.current(key, pod, profile).feasibleCount > 0;
    } catch {
      return true;
    }
  }
}
