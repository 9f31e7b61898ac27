import { type Container, type ContainerStatus, millisOfTime, type Pod, type RuntimeContainerStatus } from '@orrery/core';
import { attempts, ephemeralContainers, type PodView } from './view.js';

/** How a container ended that was there and is gone without a trace, as the kubelet tells it. */
const LOST = { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located. The container used to be Running' } as const;

/**
 * The view, with what the runtime has forgotten (it was reset, the machine was restarted, a dead attempt was removed) told from the pod's status:
 * how often a container had been started and how it ended. So restarts go on counting, a pod that must not be restarted is not,
 * and an end that was seen stays seen. Pure.
 */
export function recall(pod: Pod, view: PodView): PodView {
  const missing = [
    ...(pod.spec.initContainers ?? []).flatMap((container) => missingOf(pod, container, pod.status?.initContainerStatuses, view)),
    ...pod.spec.containers.flatMap((container) => missingOf(pod, container, pod.status?.containerStatuses, view)),
    ...ephemeralContainers(pod).flatMap((container) => missingOf(pod, container, pod.status?.ephemeralContainerStatuses, view)),
  ];
  return missing.length === 0 ? view : { ...view, containers: [...view.containers, ...missing] };
}

function missingOf(pod: Pod, container: Container, statuses: readonly ContainerStatus[] | undefined, view: PodView): RuntimeContainerStatus[] {
  const known = statuses?.find(({ name }) => name === container.name);
  if (known === undefined) return [];
  const [newest, previous] = attempts(view, container.name);
  if (previous !== undefined) return [];
  const ended = (attempt: number, terminated: NonNullable<ContainerStatus['state']>['terminated']): RuntimeContainerStatus[] =>
    terminated === undefined || attempt < 0 ? [] : [attemptOf(pod, container, known, attempt, terminated)];
  const current = known.state?.terminated ?? (known.state?.running === undefined ? undefined : { ...LOST, startedAt: known.state.running.startedAt });
  if (newest === undefined) {
    // A container that waits after its end (in back-off) is told by how it ended last.
    return ended(known.restartCount, current ?? known.lastState?.terminated);
  }
  if (known.restartCount === newest.attempt) return ended(newest.attempt - 1, known.lastState?.terminated);
  return known.restartCount < newest.attempt ? ended(known.restartCount, current ?? known.lastState?.terminated) : [];
}

function attemptOf(
  pod: Pod,
  container: Container,
  known: ContainerStatus,
  attempt: number,
  terminated: NonNullable<NonNullable<ContainerStatus['state']>['terminated']>,
): RuntimeContainerStatus {
  const { namespace = 'default', name = '', uid = '' } = pod.metadata;
  const startedAt = millisOfTime(terminated.startedAt ?? '');
  const finishedAt = millisOfTime(terminated.finishedAt ?? '');
  return {
    id: idPart(terminated.containerID ?? known.containerID),
    // No sandbox has it any more.
    sandboxId: '',
    pod: { namespace, name, uid },
    name: container.name,
    attempt,
    image: known.image ?? container.image ?? '',
    imageId: known.imageID ?? '',
    state: 'exited',
    createdAt: startedAt ?? 0,
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    exitCode: terminated.exitCode,
    ...(terminated.signal !== undefined && { signal: terminated.signal }),
    ...(terminated.reason !== undefined && { reason: terminated.reason }),
    ...(terminated.message !== undefined && { message: terminated.message }),
    labels: {},
    annotations: {},
  };
}

/** `runtime://id` without the runtime. */
const idPart = (containerID: string | undefined): string => (containerID ?? '').replace(/^[^:]*:\/\//, '');
