import type { Pod } from '@orrery/core';
import type { ClusterState } from '../state/cluster.js';
import type { CompiledProfile } from './compiled-profile.js';
import { PodClass } from './pod-class.js';

/** The classes in use, the least recently used of which go first when there are too many. */
export class ClassCache {
  readonly #cluster: ClusterState;
  readonly #limit: number;
  readonly #classes = new Map<string, PodClass>();
  #newest: PodClass | undefined;

  constructor(cluster: ClusterState, limit: number) {
    this.#cluster = cluster;
    this.#limit = limit;
  }

  /** The class of a pod, up to date. Throws `PLUGIN_FAILED`; the class is then forgotten, so that the next attempt starts afresh. */
  current(key: string, pod: Pod, profile: CompiledProfile): PodClass {
    try {
      const known = this.#classes.get(key);
      known?.refresh();
      const found = known ?? new PodClass(pod, profile, this.#cluster);
      this.#use(key, found);
      return found;
    } catch (error) {
      this.#classes.delete(key);
      throw error;
    }
  }

  #use(key: string, found: PodClass): void {
    // Every entry that is moved to the end of a map leaves a hole, over which each look at its beginning must step.
    if (found === this.#newest) return;
    this.#newest = found;
    this.#classes.delete(key);
    this.#classes.set(key, found);
    if (this.#classes.size > this.#limit) this.#classes.delete(this.#classes.keys().next().value as string);
  }

  /** Whether a class is held, so that asking it is cheap. */
  has(key: string): boolean {
    return this.#classes.has(key);
  }

  /** Forgets all: the profiles changed. */
  clear(): void {
    this.#classes.clear();
    this.#newest = undefined;
  }
}
