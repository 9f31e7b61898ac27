import type { Observation, Observations } from '../eviction/signals.js';

/** A file system: bytes and inodes. */
export interface FilesystemMeasure {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly inodesFree: number;
  /** 0: the file system does not count them. */
  readonly inodes: number;
}

/** What was measured of a node at one time. What could not be measured is absent. */
export interface NodeMeasure {
  readonly memory?: { readonly availableBytes: number; readonly workingSetBytes: number };
  /** Where the agent keeps volumes. */
  readonly nodefs?: FilesystemMeasure;
  /** Where images and writable layers are, if there are any. */
  readonly imagefs?: FilesystemMeasure & { /** It is another one than `nodefs`. */ readonly apart: boolean };
  readonly processes?: { readonly running: number; readonly max: number };
  /** Cumulative cpu time of the whole machine, nanoseconds. */
  readonly cpuNanoseconds?: number;
}

/** Measures a node. Cheap: it is asked every few seconds. */
export interface NodeMeter {
  measure(signal: AbortSignal): Promise<NodeMeasure>;
}

/** The signals of eviction in what was measured (kubelet makeSignalObservations). Pure. */
export function observationsOf({ memory, nodefs, imagefs, processes }: NodeMeasure): Observations {
  const found = new Map<string, Observation>();
  if (memory !== undefined) found.set('memory.available', { available: memory.availableBytes, capacity: memory.availableBytes + memory.workingSetBytes });
  if (nodefs !== undefined) addFilesystem(found, 'nodefs', nodefs);
  if (imagefs !== undefined) addFilesystem(found, 'imagefs', imagefs);
  if (processes !== undefined) found.set('pid.available', { available: processes.max - processes.running, capacity: processes.max });
  return found;
}

function addFilesystem(found: Map<string, Observation>, name: string, { availableBytes, capacityBytes, inodesFree, inodes }: FilesystemMeasure): void {
  found.set(`${name}.available`, { available: availableBytes, capacity: capacityBytes });
  if (inodes > 0) found.set(`${name}.inodesFree`, { available: inodesFree, capacity: inodes });
}
