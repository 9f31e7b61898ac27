import type { Container, ContainerStatus, Pod } from '@orrery/core';

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
  const counts = { pendingInit: 0, failedInit: 0, pendingSidecars: 0, unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0 };

  for (const container of spec.initContainers ?? []) {
    const status = find(input.initStatuses, container.name);
    if (isSidecar(container)) countSidecar(status, counts);
    else countInit(status, counts);
  }
  for (const container of spec.containers) countRegular(find(input.statuses, container.name), counts);

  if (counts.failedInit > 0 && spec.restartPolicy === 'Never') return 'Failed';
  if (counts.pendingInit > 0 || (counts.pendingSidecars > 0 && !input.initialized) || counts.waiting > 0) return 'Pending';
  if (counts.unknown > 0) return 'Pending';
  if (counts.running > 0) return 'Running';
  if (counts.stopped === 0) return 'Pending';
  const allSucceeded = counts.stopped === counts.succeeded;
  if (input.terminal) return allSucceeded ? 'Succeeded' : 'Failed';
  if ((spec.restartPolicy ?? 'Always') === 'Always') return 'Running';
  if (allSucceeded) return 'Succeeded';
  return spec.restartPolicy === 'Never' ? 'Failed' : 'Running';
}

interface Counts {
  pendingInit: number;
  failedInit: number;
  pendingSidecars: number;
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
}

function countInit(status: ContainerStatus | undefined, counts: Counts): void {
  const exit = status?.state?.terminated ?? (status?.state?.waiting === undefined ? undefined : status.lastState?.terminated);
  if (exit === undefined) counts.pendingInit += 1;
  else if (exit.exitCode !== 0) counts.failedInit += 1;
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

function countRegular(status: ContainerStatus | undefined, counts: Counts): void {
  if (status?.state?.running !== undefined) counts.running += 1;
  else if (status?.state?.terminated !== undefined) {
    counts.stopped += 1;
    if (status.state.terminated.exitCode === 0) counts.succeeded += 1;
  } else if (status?.state?.waiting !== undefined) {
    if (status.lastState?.terminated !== undefined) counts.stopped += 1;
    else counts.waiting += 1;
  } else counts.unknown += 1;
}
