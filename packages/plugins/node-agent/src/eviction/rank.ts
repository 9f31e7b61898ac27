import { type Pod, podRequests } from '@orrery/core';
import type { VolumeUsage } from '../volumes/usage.js';
import type { Signal } from './signals.js';

/** What one container uses. Absent: not known. */
export interface ContainerConsumption {
  readonly name: string;
  readonly workingSetBytes?: number;
  readonly processes?: number;
  /** Its writable layer. */
  readonly rootfsBytes?: number;
  readonly logBytes?: number;
}

/** What one pod uses. */
export interface PodConsumption {
  readonly containers: readonly ContainerConsumption[];
  /** Volumes that are the pod's own, by name. */
  readonly volumes: ReadonlyMap<string, Pick<VolumeUsage, 'bytes' | 'inodes'>>;
}

/** A pod that may be evicted, with what it uses if that is known. */
export interface Candidate {
  readonly pod: Pod;
  readonly usage?: PodConsumption | undefined;
}

/** Which parts of a pod lie on the file system that is full. */
export interface DiskParts {
  readonly rootfs: boolean;
  readonly logs: boolean;
  readonly volumes: boolean;
}

/** Less than 0: `a` goes first. */
type Compare = (a: Candidate, b: Candidate) => number;

/**
 * Pods in the order in which the kubelet evicts them when a signal is low (eviction/helpers.go rank…Pressure): those of which nothing is known; those that use more than they
 * asked for; those of lower priority; those that use most beyond their request. With processes priority alone goes before use. Equal ones keep their order. Pure.
 * @param imagefsApart images and writable layers lie on a file system of their own
 */
export function rankForEviction<C extends Candidate>(signal: Signal, candidates: readonly C[], imagefsApart: boolean): readonly C[] {
  return [...candidates].sort(comparison(signal, imagefsApart));
}

function comparison(signal: Signal, imagefsApart: boolean): Compare {
  switch (signal) {
    case 'memory.available':
      return inTurn(exceeding(memoryBeyond), byPriority, byUse(memoryBeyond));
    case 'pid.available':
      return inTurn(byPriority, byUse(({ usage }) => sum(usage, 'processes')));
    default: {
      const parts = diskParts(signal, imagefsApart);
      const beyond = (candidate: Candidate): number => diskUse(candidate, parts, signal.endsWith('inodesFree')) - (signal.endsWith('inodesFree') ? 0 : requested(candidate.pod, 'ephemeral-storage'));
      return inTurn(exceeding(beyond), byPriority, byUse(beyond));
    }
  }
}

/** What of a pod lies on the file system of a signal (kubelet buildSignalToRankFunc). Pure. */
export function diskParts(signal: Signal, imagefsApart: boolean): DiskParts {
  if (!imagefsApart) return { rootfs: true, logs: true, volumes: true };
  return signal.startsWith('imagefs') ? { rootfs: true, logs: false, volumes: false } : { rootfs: false, logs: true, volumes: true };
}

/** Bytes, or inodes, that a pod takes of a file system; volumes in memory do not count. Of layers and logs only bytes are known. Pure. */
export function diskUse({ pod, usage }: Candidate, parts: DiskParts, inodes = false): number {
  const onDisk = parts.volumes ? (pod.spec.volumes ?? []).filter(({ emptyDir }) => emptyDir?.medium !== 'Memory') : [];
  const volumes = onDisk.reduce((total, { name }) => total + (usage?.volumes.get(name)?.[inodes ? 'inodes' : 'bytes'] ?? 0), 0);
  if (inodes) return volumes;
  return volumes + (parts.rootfs ? sum(usage, 'rootfsBytes') : 0) + (parts.logs ? sum(usage, 'logBytes') : 0);
}

const inTurn =
  (...compares: readonly Compare[]): Compare =>
  (a, b) => {
    for (const compare of compares) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };

/** The one of which something holds goes first. */
const first = (a: boolean, b: boolean): number => Number(b) - Number(a);

/** Whose use is not known goes first: it cannot be said to be within its request. */
const byKnowledge: Compare = (a, b) => first(a.usage === undefined, b.usage === undefined);

const exceeding = (beyond: (candidate: Candidate) => number): Compare => (a, b) => byKnowledge(a, b) || (a.usage === undefined ? 0 : first(beyond(a) > 0, beyond(b) > 0));

const byPriority: Compare = (a, b) => (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0);

const byUse = (use: (candidate: Candidate) => number): Compare => (a, b) => byKnowledge(a, b) || (a.usage === undefined ? 0 : use(b) - use(a));

const memoryBeyond = ({ pod, usage }: Candidate): number => sum(usage, 'workingSetBytes') - requested(pod, 'memory');

const requested = (pod: Pod, resource: string): number => podRequests(pod)[resource] ?? 0;

const sum = (usage: PodConsumption | undefined, field: 'workingSetBytes' | 'processes' | 'rootfsBytes' | 'logBytes'): number =>
  (usage?.containers ?? []).reduce((total, container) => total + (container[field] ?? 0), 0);
