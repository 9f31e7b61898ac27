import type { Container, Pod, RuntimeContainerStatus, SandboxStatus } from '@orrery/core';

/** What the runtime has of one pod. */
export interface PodView {
  /** Newest attempt first. */
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly RuntimeContainerStatus[];
}

/** A pod of which the runtime has nothing. */
export const EMPTY_VIEW: PodView = { sandboxes: [], containers: [] };

/** The container's newest attempt. */
export function latest(view: PodView, name: string): RuntimeContainerStatus | undefined {
  return attempts(view, name)[0];
}

/** All attempts of a container, newest first. */
export function attempts(view: PodView, name: string): readonly RuntimeContainerStatus[] {
  return view.containers.filter((container) => container.name === name).sort((a, b) => b.attempt - a.attempt);
}

/** The containers that were added to the running pod for debugging: started once, whatever the pod's restart policy says. */
export function ephemeralContainers(pod: Pick<Pod, 'spec'>): readonly Container[] {
  return (pod.spec.ephemeralContainers ?? []).map((container): Container => ({ ...container, restartPolicy: 'Never' }));
}

/** Every container of a pod: init, regular, ephemeral. */
export function allContainers(pod: Pick<Pod, 'spec'>): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers, ...ephemeralContainers(pod)];
}

/** Whether the container has to be started again after it ended: by the first of its own rules that knows the exit code (KEP-5307), else by its policy, else by the pod's. */
export function shouldRestart(pod: Pick<Pod, 'spec'>, container: Pick<Container, 'restartPolicy' | 'restartPolicyRules'>, exitCode: number): boolean {
  const rule = container.restartPolicyRules?.find(({ exitCodes }) => exitCodes !== undefined && (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === 'In'));
  if (rule?.action === 'Restart') return true;
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether a regular container of the pod has been started at some time. */
export function startedBefore(pod: Pick<Pod, 'spec'>, view: PodView): boolean {
  return pod.spec.containers.some(({ name }) => view.containers.some((container) => container.name === name && container.startedAt !== undefined));
}

/** The sandboxes in which containers of the pod are or were, also those that are gone. */
export const sandboxIds = ({ sandboxes, containers }: PodView): readonly string[] =>
  [...new Set([...sandboxes.map(({ id }) => id), ...containers.map(({ sandboxId }) => sandboxId)])].filter((id) => id !== '');

/** Containers whose sandbox is gone: somebody removed it by hand. */
export const strays = ({ sandboxes, containers }: PodView): readonly RuntimeContainerStatus[] =>
  containers.filter(({ sandboxId }) => sandboxId !== '' && !sandboxes.some(({ id }) => id === sandboxId));
