import { type Container, type ContainerState, type ContainerStatus, millisOfTime, type Pod, type PodCondition, type PodStatus, type RuntimeContainerStatus, timeOfMillis } from '@orrery/core';
import { RESIZE_CONDITIONS, resizeConditions, type ResizeState } from '../resize/conditions.js';
import { type Resize, resizesOf, resourcesInForce } from '../resize/in-force.js';
import { type CrashEntry, restartAt } from './backoff.js';
import { readinessConditions, type Verdict, withTransition } from './conditions.js';
import { endedStatuses } from './over.js';
import { isSidecar, podPhase } from './phase.js';
import { type ContainerHealth, SANDBOX } from './plan.js';
import { recall } from './recall.js';
import { attempts, ephemeralContainers, type PodView, shouldRestart, startedBefore } from './view.js';

/** Why a container could not be made, as it is shown while it waits. */
export interface StartFailure {
  readonly reason: string;
  readonly message: string;
}

/** What a pod's status is computed from. */
export interface StatusInput {
  /** With what it was granted as its resources. */
  readonly pod: Pod;
  readonly view: PodView;
  readonly now: number;
  readonly health: ReadonlyMap<string, ContainerHealth>;
  readonly crashes: ReadonlyMap<string, CrashEntry>;
  readonly failures: ReadonlyMap<string, StartFailure>;
  /** The runtime's name, the scheme of container ids. */
  readonly runtime: string;
  readonly hostIP: string;
  /** How far a change of its resources is. */
  readonly resize?: ResizeState;
  /** Containers will not be started again. */
  readonly terminal: boolean;
  /** Nothing of it runs, and it is about to be forgotten: it has to be told how it ended, also when it never began. */
  readonly over?: boolean;
  /** Set when the pod as a whole failed for a reason of its own (DeadlineExceeded …). */
  readonly verdict?: { readonly reason: string; readonly message: string; /** Told with the end. */ readonly condition?: Verdict | undefined };
}

/** The status a pod should show. Keeps what others own of it: conditions of readiness gates, times of transitions. Pure. */
export function podStatusOf(given: StatusInput): PodStatus {
  const view = recall(given.pod, given.view);
  const input: Observed = { ...given, view, resizes: resizesOf(given.pod, view) };
  const { pod, now } = input;
  const before = pod.status ?? {};
  const initialized = startedBefore(pod, view);
  const seen = {
    init: (pod.spec.initContainers ?? []).map((container) => containerStatus(input, container, before.initContainerStatuses)),
    regular: pod.spec.containers.map((container) => containerStatus(input, container, before.containerStatuses)),
  };
  const { init: initStatuses, regular: statuses } = input.over === true ? endedStatuses(pod, initialized, seen.init, seen.regular) : seen;
  const ephemeralStatuses = ephemeralContainers(pod).map((container) => containerStatus(input, container, before.ephemeralContainerStatuses));
  const terminal = input.terminal || input.verdict !== undefined;
  const settled = before.phase === 'Succeeded' || before.phase === 'Failed' ? before.phase : undefined;
  const found = settled ?? (input.verdict === undefined ? podPhase({ pod, initStatuses, statuses, terminal, initialized }) : 'Failed');
  const wanted = input.over === true && found !== 'Succeeded' ? 'Failed' : found;
  // Nobody may take the pod's place while something of it still runs (the kubelet's status manager delays such an end too).
  const early = settled === undefined && (wanted === 'Succeeded' || wanted === 'Failed') && view.containers.some(({ state }) => state === 'running');
  const phase = early ? (before.phase ?? 'Pending') : wanted;
  const sandbox = view.sandboxes[0];
  const ips = sandbox === undefined ? (before.podIPs ?? []).map(({ ip }) => ip) : sandbox.ips.length > 0 ? sandbox.ips : pod.spec.hostNetwork === true ? [input.hostIP] : [];
  const conditions = before.conditions ?? [];
  const ready = readinessConditions({ pod, initStatuses, statuses, phase, initialized, foreign: conditions });
  const hasSandbox: Verdict = { type: 'PodReadyToStartContainers', status: sandbox?.state === 'ready' ? 'True' : 'False' };
  const own = [hasSandbox, ready.initialized, ready.ready, ready.containersReady, { type: 'PodScheduled', status: 'True' } satisfies Verdict];
  // That the pod was disrupted is told together with its end (the kubelet's mergePodStatus).
  if (input.verdict?.condition !== undefined && settled === undefined && !early) own.push(input.verdict.condition);
  const time = timeOfMillis(now);
  return {
    ...before,
    phase,
    conditions: [
      ...resizeConditions(input.resize ?? {}, input.resizes.length > 0, conditions, pod.metadata.generation ?? 0, time),
      ...own.map((verdict): PodCondition => ({ ...(verdict.type === 'PodScheduled' ? conditions.find((c) => c.type === 'PodScheduled') : undefined), ...withTransition(verdict, conditions, time), ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }) })),
      ...conditions.filter(({ type }) => !own.some((verdict) => verdict.type === type) && type !== RESIZE_CONDITIONS.pending && type !== RESIZE_CONDITIONS.inProgress),
    ],
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(ips[0] !== undefined && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: before.startTime ?? time,
    ...(input.verdict !== undefined && settled === undefined && !early && { reason: input.verdict.reason, message: input.verdict.message }),
    ...(initStatuses.length > 0 && { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeralStatuses.length > 0 && { ephemeralContainerStatuses: ephemeralStatuses }),
  };
}

/** What a status is computed from, and what follows from it. */
type Observed = StatusInput & { readonly resizes: readonly Resize[] };

function containerStatus(input: Observed, container: Container, before: readonly ContainerStatus[] | undefined): ContainerStatus {
  const [newest, previous] = attempts(input.view, container.name);
  const known = newest === undefined ? before?.find(({ name }) => name === container.name) : undefined;
  const health = newest === undefined ? undefined : input.health.get(newest.id);
  const running = newest?.state === 'running';
  const isInit = input.pod.spec.initContainers?.includes(container) === true && !isSidecar(container);
  const done = isInit && newest?.state === 'exited' && newest.exitCode === 0;
  const { state, lastState } = states(input, container, newest, previous);
  return {
    name: container.name,
    image: newest?.image ?? container.image ?? '',
    imageID: newest?.imageId ?? '',
    ...(newest !== undefined && newest.id !== '' && { containerID: idOf(input.runtime, newest) }),
    restartCount: newest?.attempt ?? known?.restartCount ?? 0,
    started: running && !isInit ? (health?.started ?? false) : false,
    ready: done || (running && !isInit && (health?.ready ?? false)),
    state,
    lastState,
    ...(newest !== undefined && resourcesOf(input, container, isInit, newest)),
  };
}

/** Of a container that was made: what is in force, and what it was granted; nothing of those that cannot have another size. */
function resourcesOf({ pod, resizes }: Observed, container: Container, isInit: boolean, status: RuntimeContainerStatus): Pick<ContainerStatus, 'resources' | 'allocatedResources'> {
  if (isInit || pod.spec.ephemeralContainers?.some(({ name }) => name === container.name) === true) return {};
  const { requests } = container.resources ?? {};
  return { resources: resourcesInForce(container, resizes.find((resize) => resize.status === status)), ...(requests !== undefined && { allocatedResources: requests }) };
}

function states(input: StatusInput, container: Container, newest: RuntimeContainerStatus | undefined, previous: RuntimeContainerStatus | undefined): { state: ContainerState; lastState: ContainerState } {
  const last = (status: RuntimeContainerStatus | undefined): ContainerState => (status?.state === 'exited' ? { terminated: terminatedOf(input.runtime, status) } : {});
  const waiting = (reason: string, message?: string): ContainerState => ({ waiting: { reason, ...(message !== undefined && message !== '' && { message }) } });
  // Without a sandbox nothing else is tried.
  const failure = input.failures.get(SANDBOX) ?? input.failures.get(container.name);
  if (newest === undefined || newest.state === 'created') {
    if (failure !== undefined) return { state: waiting(failure.reason, failure.message), lastState: last(previous) };
    const isRegular = input.pod.spec.containers.includes(container);
    const initializing = isRegular && (input.pod.spec.initContainers ?? []).length > 0 && !startedBefore(input.pod, input.view);
    return { state: waiting(initializing ? 'PodInitializing' : 'ContainerCreating'), lastState: last(previous) };
  }
  if (newest.state === 'running') {
    return { state: { running: { startedAt: timeOfMillis(newest.startedAt ?? newest.createdAt) } }, lastState: last(previous) };
  }
  if (newest.state === 'unknown') return { state: waiting('ContainerStatusUnknown'), lastState: last(previous) };
  const restarts = !input.terminal && input.verdict === undefined && shouldRestart(input.pod, container, newest.exitCode ?? 0);
  if (!restarts) return { state: last(newest), lastState: last(previous) };
  if (failure !== undefined) return { state: waiting(failure.reason, failure.message), lastState: last(newest) };
  const at = restartAt(input.crashes.get(container.name), newest.finishedAt ?? 0);
  if (at <= input.now) return { state: last(newest), lastState: last(previous) };
  const { name, namespace, uid } = input.pod.metadata;
  const delay = Math.round((at - (newest.finishedAt ?? 0)) / 1000);
  const text = `back-off ${duration(delay)} restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`;
  return { state: waiting('CrashLoopBackOff', text), lastState: last(newest) };
}

function terminatedOf(runtime: string, status: RuntimeContainerStatus): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: status.exitCode ?? 137,
    ...(status.signal !== undefined && { signal: status.signal }),
    reason: status.reason ?? (status.exitCode === 0 ? 'Completed' : 'Error'),
    ...(status.message !== undefined && { message: status.message }),
    ...(status.startedAt !== undefined && { startedAt: timeOfMillis(status.startedAt) }),
    ...(status.finishedAt !== undefined && { finishedAt: timeOfMillis(status.finishedAt) }),
    ...(status.id !== '' && { containerID: idOf(runtime, status) }),
  };
}

const idOf = (runtime: string, status: RuntimeContainerStatus): string => `${runtime}://${status.id}`;

/** `10s`, `1m20s`, `5m0s`: Go's way to write a duration. */
const duration = (seconds: number): string => (seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`);

/** When a pod with `activeDeadlineSeconds` has run too long; undefined: never. Pure. */
export function deadlineOf(pod: Pod): number | undefined {
  const started = millisOfTime(pod.status?.startTime ?? '');
  return started === undefined || pod.spec.activeDeadlineSeconds === undefined ? undefined : started + pod.spec.activeDeadlineSeconds * 1000;
}
