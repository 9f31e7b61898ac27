import type { Pod } from '@orrery/core';
import type { ClusterState } from '../state/cluster.js';
import type { CompiledProfile } from './compiled-profile.js';
import { PodClass } from './pod-class.js';

/** The classes in use, the least recently used of which go first when there are too many. */
export class ClassCache {
  readonly #cluster: ClusterState;
  readonly #limit: number;
  readonly #classes = new Map<string, PodClass>();

  constructor(cluster: ClusterState, limit: number) {
    this.#cluster = cluster;
    this.#limit = limit;
  }

  /** The class of a pod, up to date. Throws `PLUGIN_FAILED`; the class is then forgotten, so that the next attempt starts afresh. */
  current(key: string, pod: Pod, profile: CompiledProfile): PodClass {
    const known = this.#classes.get(key);
    this.#classes.delete(key);
    known?.refresh();
    const found = known ?? new PodClass(pod, profile, this.#cluster);
    this.#classes.set(key, found);
    if (this.#classes.size > this.#limit) this.#classes.delete(this.#classes.keys().next().value as string);
    return found;
  }

  /** Whether a class is held, so that asking it is cheap. */
  has(key: string): boolean {
    return this.#classes.has(key);
  }

  /** Forgets all: the profiles changed. */
  clear(): void {
    this.#classes.clear();
  }
}
