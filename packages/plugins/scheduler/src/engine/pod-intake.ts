import { type Pod, keyOf } from '@orrery/core';
import { isFinished, podId } from '../state/cluster.js';
import { same } from '../state/same.js';

/** The profile of pods that name none. */
export const DEFAULT_SCHEDULER = 'default-scheduler';

/** Which profile a pod asks for. */
export const schedulerNameOf = (pod: Pod): string => pod.spec.schedulerName || DEFAULT_SCHEDULER;

/** What is to be done with a pod as the API shows it now. */
export type Intake = 'count' | 'ignore' | 'gated' | 'queue';

/**
 * Placed pods are counted on their nodes, whoever placed them. Of the others only those wait for us that are neither finished nor being
 * deleted, name a profile of ours, and have no gates.
 */
export function planIntake(pod: Pod, isOurs: (schedulerName: string) => boolean): Intake {
  if (pod.spec.nodeName) return 'count';
  if (isFinished(pod) || pod.metadata.deletionTimestamp !== undefined || !isOurs(schedulerNameOf(pod))) return 'ignore';
  return (pod.spec.schedulingGates?.length ?? 0) > 0 ? 'gated' : 'queue';
}

/** Why a pod that waits for no decision does not. */
export function whyNotQueued(pod: Pod): string | undefined {
  if (isFinished(pod)) return 'the pod has ended';
  if (pod.metadata.deletionTimestamp !== undefined) return 'the pod is being deleted';
  return (pod.spec.schedulingGates?.length ?? 0) > 0 ? GATED : undefined;
}

/** Kubernetes' message for pods with scheduling gates. */
export const GATED = 'Scheduling is blocked due to non-empty scheduling gates';

const IGNORED = new Set(['resourceVersion', 'managedFields', 'generation']);

/** Whether an update of a waiting pod can change where it fits: anything but its status. */
export const changedForScheduling = (pod: Pod, old: Pod): boolean => !same(pod.spec, old.spec) || !same(pod.metadata, old.metadata, IGNORED);

/** Whether an update of a placed pod can matter to pods elsewhere. */
export const changedForOthers = (pod: Pod, old: Pod): boolean =>
  podId(pod) !== podId(old) ||
  keyOf(pod) !== keyOf(old) ||
  pod.spec.nodeName !== old.spec.nodeName ||
  isFinished(pod) !== isFinished(old) ||
  pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
  !same(pod.metadata.labels, old.metadata.labels) ||
  !same(pod.spec, old.spec);
