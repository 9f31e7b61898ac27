import type { ClusterOracle, ObservedCommit } from '@orrery/core/testing';
import { controllerOf, type KubeObject } from '@orrery/core';

/** What promises are judged with. Asked while a commit is seen, `oracle.objects` still has what was there before it. */
export interface Judging {
  readonly oracle: Pick<ClusterOracle, 'objects' | 'under'>;
  /** Monotonic virtual milliseconds. */
  readonly now: () => number;
  /** Milliseconds since the epoch by the clock of the cluster. */
  readonly wall: () => number;
  readonly violated: (what: string) => void;
}

/** Something that every commit is held to. */
export interface Promised {
  committed(commit: ObservedCommit): void;
}

/** One object of a commit: what it was and what it is. */
export interface Change<T extends KubeObject> {
  readonly key: string;
  readonly old: T | undefined;
  readonly next: T | undefined;
}

/** The changes of one kind in a commit, by the prefix of their keys. */
export function changesOf<T extends KubeObject>({ writes }: ObservedCommit, prefix: string, { oracle }: Judging): Change<T>[] {
  const changes: Change<T>[] = [];
  for (const write of writes) {
    if (!write.key.startsWith(prefix)) continue;
    changes.push({ key: write.key, old: oracle.objects.get(write.key) as T | undefined, next: 'delete' in write ? undefined : (write.value as unknown as T) });
  }
  return changes;
}

/** The uid of the controller of this kind that an object has. */
export function ownedBy(kind: string, object: KubeObject | undefined): string | undefined {
  const owner = object && controllerOf(object);
  return owner?.kind === kind ? owner.uid : undefined;
}

/** Where objects of a resource are stored. */
export const under = (resource: string): string => `/registry/${resource}/`;
