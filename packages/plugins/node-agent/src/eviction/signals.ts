/** A measure of what a node has left (kubelet eviction/api SignalX). */
export type Signal = 'memory.available' | 'nodefs.available' | 'nodefs.inodesFree' | 'imagefs.available' | 'imagefs.inodesFree' | 'pid.available';

/** Signals in the order in which they are looked at. */
export const SIGNALS: readonly Signal[] = ['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available', 'imagefs.inodesFree', 'pid.available'];

/** Signals that the kubelet's configuration knows and this agent does not measure: a threshold on one is never met. */
export const UNMEASURED_SIGNALS: readonly string[] = ['allocatableMemory.available', 'containerfs.available', 'containerfs.inodesFree'];

/** A condition of the node that says it is short of something. */
export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

/** What is short when a signal is low. */
export type ScarceResource = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

interface SignalFacts {
  readonly resource: ScarceResource;
  readonly pressure: Pressure;
}

const FACTS: Readonly<Record<Signal, SignalFacts>> = {
  'memory.available': { resource: 'memory', pressure: 'MemoryPressure' },
  'nodefs.available': { resource: 'ephemeral-storage', pressure: 'DiskPressure' },
  'nodefs.inodesFree': { resource: 'inodes', pressure: 'DiskPressure' },
  'imagefs.available': { resource: 'ephemeral-storage', pressure: 'DiskPressure' },
  'imagefs.inodesFree': { resource: 'inodes', pressure: 'DiskPressure' },
  'pid.available': { resource: 'pids', pressure: 'PIDPressure' },
};

/** What a signal is about; undefined for one that is not measured (kubelet signalToResource, signalToNodeCondition). Pure. */
export const signalFacts = (signal: string): SignalFacts | undefined => (Object.hasOwn(FACTS, signal) ? FACTS[signal as Signal] : undefined);

/** What was measured of one signal: bytes, inodes or processes. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

/** What was measured at one time; a signal that could not be measured is absent. */
export type Observations = ReadonlyMap<string, Observation>;
