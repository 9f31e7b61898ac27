import { ApiError, type ContainerStatus, type Pod, type RuntimeContainerStatus } from '@orrery/core';
import { attempts, type PodView } from '../pod/view.js';

/**
 * Whose output is asked for: the id of the container that is meant (kubelet validateContainerLogStatus). Throws BadRequest when there is none, in the kubelet's words. Pure.
 * @param pod the pod with its status, as the agent told it last
 * @param previous of the container as it was before it was started last
 */
export function chooseLog(pod: Pick<Pod, 'metadata' | 'status'>, container: string, previous: boolean): string {
  const names = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata.name)}`;
  const told = statusOf(pod, container);
  if (told === undefined) throw ApiError.badRequest(`${names} is not available`);
  const { running, terminated, waiting } = told.state ?? {};
  const last = told.lastState?.terminated;
  if (previous) return idOf(last?.containerID) ?? refuse(`previous terminated ${names} not found`);
  if (running !== undefined) return idOf(told.containerID) ?? refuse(`${names} is not available`);
  if (terminated !== undefined || last !== undefined) return idOf(terminated?.containerID) ?? idOf(last?.containerID) ?? refuse(`${names} is terminated`);
  if (waiting === undefined) return refuse(`${names} is waiting to start - no logs yet`);
  return refuse(`${names} is waiting to start: ${REASONS.get(waiting.reason ?? '') ?? waiting.reason ?? ''}`);
}

/** The container that runs under a name; throws InternalError when none does (a command or a client wants to join it). Pure. */
export function chooseRunning(view: PodView, container: string): RuntimeContainerStatus {
  const running = attempts(view, container).find(({ state }) => state === 'running');
  if (running === undefined) throw failed(`unable to upgrade connection: container not found (${JSON.stringify(container)})`);
  return running;
}

/** As Kubernetes words what went wrong on a node. */
export const failed = (why: string, cause?: unknown): ApiError => new ApiError('InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] }, cause);

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ErrImagePull', "image can't be pulled"],
  ['ImagePullBackOff', 'trying and failing to pull image'],
]);

function refuse(message: string): never {
  throw ApiError.badRequest(message);
}

function statusOf({ status }: Pick<Pod, 'status'>, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [containerStatuses, initContainerStatuses, ephemeralContainerStatuses].flat().find((one) => one.name === name);
}

/** The runtime's id in `<runtime>://<id>`. */
function idOf(containerID = ''): string | undefined {
  const mark = containerID.indexOf('://');
  const id = mark < 0 ? '' : containerID.slice(mark + 3);
  return id === '' ? undefined : id;
}
