import type { ContainerStatus, Pod } from '@orrery/core';

/** How a container is told that nobody knows anything of when its pod is over. */
const NEVER_SEEN = { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated' } as const;

const ended = (status: ContainerStatus): ContainerStatus => (status.state?.terminated === undefined ? { ...status, ready: false, started: false, state: { terminated: { ...NEVER_SEEN } } } : status);

/**
 * The containers of a pod of which nothing runs and nothing will: what was never seen to end failed, so that nobody takes the pod for a success (the kubelet's TerminatePod).
 * Init containers after the one that the pod came to stay as they are, and so do the regular ones then. Pure.
 */
export function endedStatuses(pod: Pick<Pod, 'spec'>, initialized: boolean, init: readonly ContainerStatus[], regular: readonly ContainerStatus[]): { readonly init: ContainerStatus[]; readonly regular: ContainerStatus[] } {
  const reached = init.findLastIndex(({ state, lastState }) => state?.waiting === undefined || lastState?.terminated !== undefined);
  const last = init[init.length - 1];
  const past = (pod.spec.initContainers ?? []).length === 0 || initialized || (last?.state?.terminated ?? last?.lastState?.terminated)?.exitCode === 0;
  return { init: init.map((status, i) => (i <= Math.max(0, reached) ? ended(status) : status)), regular: past ? regular.map(ended) : [...regular] };
}
