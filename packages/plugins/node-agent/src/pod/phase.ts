import type { Container, ContainerStatus, Pod } from '@orrery/core';
import { shouldRestart } from './view.js';

/** Whether an init container is a sidecar: it keeps running beside the regular ones (KEP-753). */
export const isSidecar = (container: Pick<Container, 'restartPolicy'>): boolean => container.restartPolicy === 'Always';

/** What a pod's phase is computed from. */
export interface PhaseInput {
  readonly pod: Pick<Pod, 'spec'>;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** No container will be started again, whatever the restart policy says: the pod is being deleted or was evicted. */
  readonly terminal: boolean;
  /** A regular container has been started before, so a restarting sidecar does not make the pod pending again. */
  readonly initialized: boolean;
}

/** The phase of a pod (kubelet's getPhase). Pure. */
export function podPhase(input: PhaseInput): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  const { spec } = input.pod;
  const find = (statuses: readonly ContainerStatus[], name: string): ContainerStatus | undefined => statuses.find((status) => status.name === name);
  const counts = { pendingInit: 0, failedInit: 0, pendingSidecars: 0, unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0, restarting: 0 };

  for (const container of spec.initContainers ?? []) {
    const status = find(input.initStatuses, container.name);
    if (isSidecar(container)) countSidecar(status, counts);
    else countInit(input.pod, container, status, counts);
  }
  for (const container of spec.containers) countRegular(input.pod, container, find(input.statuses, container.name), counts);

  if (counts.failedInit > 0) return 'Failed';
  if (counts.pendingInit > 0 || (counts.pendingSidecars > 0 && !input.initialized) || counts.waiting > 0) return 'Pending';
  if (counts.unknown > 0) return 'Pending';
  if (counts.running > 0) return 'Running';
  if (counts.stopped === 0) return 'Pending';
  const allSucceeded = counts.stopped === counts.succeeded;
  if (counts.restarting > 0 && !input.terminal) return 'Running';
  return allSucceeded ? 'Succeeded' : 'Failed';
}

interface Counts {
  pendingInit: number;
  /** Init containers that failed and will not be tried again. */
  failedInit: number;
  pendingSidecars: number;
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
  /** Regular containers that ended and will be started again. */
  restarting: number;
}

function countInit(pod: Pick<Pod, 'spec'>, container: Container, status: ContainerStatus | undefined, counts: Counts): void {
  const exit = status?.state?.terminated ?? (status?.state?.waiting === undefined ? undefined : status.lastState?.terminated);
  if (exit === undefined) counts.pendingInit += 1;
  else if (exit.exitCode !== 0 && !shouldRestart(pod, container, exit.exitCode)) counts.failedInit += 1;
}

/** Sidecars that ended do not count: they are restarted without the pod's phase noticing. */
function countSidecar(status: ContainerStatus | undefined, counts: Counts): void {
  if (status?.state?.running !== undefined) {
    if (status.started !== true) counts.pendingSidecars += 1;
    counts.running += 1;
  } else if (status?.state?.waiting !== undefined) {
    if (status.lastState?.terminated !== undefined) return;
    counts.pendingSidecars += 1;
    counts.waiting += 1;
  } else if (status !== undefined && status.state?.terminated === undefined) {
    counts.pendingSidecars += 1;
    counts.unknown += 1;
  } else if (status === undefined) counts.unknown += 1;
}

function countRegular(pod: Pick<Pod, 'spec'>, container: Container, status: ContainerStatus | undefined, counts: Counts): void {
  const { running, terminated, waiting } = status?.state ?? {};
  const ended = terminated ?? (waiting === undefined ? undefined : status?.lastState?.terminated);
  if (running !== undefined) counts.running += 1;
  else if (ended !== undefined) {
    counts.stopped += 1;
    if (terminated?.exitCode === 0) counts.succeeded += 1;
    if (shouldRestart(pod, container, ended.exitCode)) counts.restarting += 1;
  } else if (waiting !== undefined) counts.waiting += 1;
  else counts.unknown += 1;
}
