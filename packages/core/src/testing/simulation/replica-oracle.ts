import type { Pod } from '../../model/kinds/pod.js';
import type { ReplicaSet } from '../../model/kinds/replicaset.js';
import { controllerOf } from '../../model/object.js';
import type { ObservedCommit } from './faulty-store.js';

/** How a replica oracle judges. */
export interface ReplicaOracleOptions {
  /** Monotonic virtual milliseconds. */
  readonly now: () => number;
  /** So long a controller may still go by what a set wanted before it was changed. */
  readonly staleMs: number;
  /** Told of each broken promise. */
  readonly violated: (what: string) => void;
}

interface Wanted {
  readonly replicas: number;
  until: number;
}

const PODS = '/registry/core/pods/';
const SETS = '/registry/apps/replicasets/';

/**
 * Holds a controller to reading its own writes: a pod that is made for a ReplicaSet never takes it beyond the replicas that it wants, or wanted a moment ago.
 * True only while no outcome of a write is unknown and one process controls: whoever does not hear that a pod was made has to make another.
 */
export class ReplicaOracle {
  readonly #wanted = new Map<string, Wanted[]>();
  readonly #pods = new Map<string, Set<string>>();
  readonly #setOf = new Map<string, string>();

  constructor(private readonly options: ReplicaOracleOptions) {}

  /** Takes in one commit. */
  committed({ writes }: ObservedCommit): void {
    for (const write of writes) {
      if (write.key.startsWith(PODS)) this.#pod(write.key, 'delete' in write ? undefined : (write.value as unknown as Pod));
      else if (write.key.startsWith(SETS) && !('delete' in write)) this.#set(write.value as unknown as ReplicaSet);
    }
  }

  #set({ metadata, spec }: ReplicaSet): void {
    const { now, staleMs } = this.options;
    const replicas = spec.replicas ?? 1;
    const known = this.#wanted.get(metadata.uid ?? '') ?? [];
    if (known[0]?.replicas === replicas) return;
    const at = now();
    const recent = known.map((wanted) => ({ ...wanted, until: Math.min(wanted.until, at + staleMs) })).filter(({ until }) => until >= at);
    this.#wanted.set(metadata.uid ?? '', [{ replicas, until: Number.POSITIVE_INFINITY }, ...recent]);
  }

  #pod(key: string, pod: Pod | undefined): void {
    const ended = pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed';
    if (pod === undefined || ended || pod.metadata.deletionTimestamp !== undefined) {
      this.#pods.get(this.#setOf.get(key) ?? '')?.delete(key);
      this.#setOf.delete(key);
      return;
    }
    const owner = controllerOf(pod);
    if (owner?.kind !== 'ReplicaSet' || this.#setOf.has(key)) return;
    this.#setOf.set(key, owner.uid);
    const own = this.#pods.get(owner.uid) ?? new Set();
    this.#pods.set(owner.uid, own.add(key));
    const at = this.options.now();
    const most = Math.max(0, ...(this.#wanted.get(owner.uid) ?? []).filter(({ until }) => until >= at).map(({ replicas }) => replicas));
    if (own.size > most) this.options.violated(`pod ${key.slice(PODS.length)} is one too many: replica set ${owner.name} has ${own.size} and wants ${most}`);
  }
}
