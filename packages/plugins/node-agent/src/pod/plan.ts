import type { Container, Pod, RuntimeContainerStatus, SandboxStatus } from '@orrery/core';
import { type Resize, resizesOf } from '../resize/in-force.js';
import { type CrashEntry, restartAt } from './backoff.js';
import { hasChanged } from './container-hash.js';
import { isSidecar } from './phase.js';
import { allContainers, attempts, ephemeralContainers, latest, type PodView, shouldRestart } from './view.js';

/** The name under which a pod's sandbox stands among its containers, of which none has it. */
export const SANDBOX = '';

/** What probes and hooks know of a running container. */
export interface ContainerHealth {
  /** The startup probe has passed, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** Why it must be restarted: a liveness or startup probe gave up on it. */
  readonly unhealthy?: string;
  /** How long it then gets to end, when the probe says so itself; seconds. */
  readonly graceSeconds?: number;
}

/** Everything a plan depends on. */
export interface PlanInput {
  /** With what it was granted as its resources. */
  readonly pod: Pod;
  readonly view: PodView;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** By container id. */
  readonly health: ReadonlyMap<string, ContainerHealth>;
  /** By container name. */
  readonly crashes: ReadonlyMap<string, CrashEntry>;
  /** Containers that could not be created, by name, and the `SANDBOX`: not before this time again. */
  readonly blockedUntil: ReadonlyMap<string, number>;
  /** Containers, by name, that were stopped to be made anew from another image: they are started again whatever the restart policy says. */
  readonly remade?: ReadonlySet<string>;
  /** Containers, by name, whose new limits the runtime refused: not before this time again. */
  readonly resizeAt?: ReadonlyMap<string, number>;
  /** Volumes are in place. */
  readonly volumesReady: boolean;
  /** The pod has to end: it is being deleted, is gone from the API, has run too long, or was not admitted. */
  readonly ending: boolean;
}

/** The next thing to do to a pod: at most one. */
export type PodAction =
  | { readonly do: 'nothing'; readonly wakeAt?: number }
  | { readonly do: 'prepareVolumes' }
  | { readonly do: 'runSandbox'; readonly attempt: number }
  | { readonly do: 'stopSandbox'; readonly sandbox: SandboxStatus }
  /** Start these containers, all at once. `previous` is the attempt that ended. */
  | { readonly do: 'start'; readonly sandbox: SandboxStatus; readonly containers: readonly { readonly container: Container; readonly attempt: number; readonly previous?: RuntimeContainerStatus }[] }
  /** Stop these containers, all at once. `graceSeconds`: instead of the pod's. */
  | { readonly do: 'stop'; readonly containers: readonly RuntimeContainerStatus[]; readonly reason: string; readonly graceSeconds?: number; readonly remake?: true }
  /** Give these running containers the limits they were granted. */
  | { readonly do: 'resize'; readonly resizes: readonly Resize[] }
  | { readonly do: 'removeContainer'; readonly container: RuntimeContainerStatus }
  | { readonly do: 'removeSandbox'; readonly sandbox: SandboxStatus }
  /** Nothing of an ending pod runs any more. */
  | { readonly do: 'finish' };

const NONE: ReadonlySet<string> = new Set();

/** Dead attempts kept per container, for `kubectl logs --previous`. */
const DEAD_KEPT = 1;

/**
 * One pod, one step (kubelet's computePodActions): decides the next action from what is wanted and what the runtime has. Pure.
 * Applying it and asking again ends in `nothing` or `finish`.
 */
export function planPod(input: PlanInput): PodAction {
  const { pod, view } = input;
  if (input.ending) return planEnding(pod, view);
  const action = planSurplus(pod, view) ?? planLife(input);
  // What runs does not need its volumes made again; only what is about to start does.
  return (action.do === 'start' || action.do === 'runSandbox') && !input.volumesReady ? { do: 'prepareVolumes' } : action;
}

function planLife(input: PlanInput): PodAction {
  const { pod, view } = input;
  const sandbox = view.sandboxes.find(({ state }) => state === 'ready');
  if (isOver(pod, view, input.remade)) {
    const action = planEnding(pod, view);
    return action.do === 'finish' ? { do: 'nothing' } : action;
  }
  const doubtful = view.containers.filter(({ state }) => state === 'unknown');
  if (doubtful.length > 0) return { do: 'stop', containers: doubtful, reason: 'Killing' };
  // What still runs in a sandbox that has ended ends too (the kubelet's sandbox change), before it is replaced.
  const left = view.containers.filter(({ state, sandboxId }) => state === 'running' && sandboxId !== sandbox?.id);
  if (left.length > 0) return { do: 'stop', containers: left, reason: 'Pod sandbox changed, it will be killed and re-created.' };
  const sandboxAt = input.blockedUntil.get(SANDBOX) ?? 0;
  if (sandbox === undefined && sandboxAt > input.now) return { do: 'nothing', wakeAt: sandboxAt };
  if (sandbox === undefined) return { do: 'runSandbox', attempt: (view.sandboxes[0]?.attempt ?? -1) + 1 };
  return planContainers(input, sandbox);
}

/** All regular containers have ended and none will be started again, or an init container failed for good. */
export function isOver(pod: Pod, view: PodView, remade: ReadonlySet<string> = NONE): boolean {
  const over = (container: Container): boolean => {
    const status = latest(view, container.name);
    return status?.state === 'exited' && !remade.has(container.name) && !shouldRestart(pod, container, status.exitCode ?? 0);
  };
  if (pod.spec.containers.every(over)) return true;
  return (pod.spec.initContainers ?? []).some((container) => {
    const status = latest(view, container.name);
    return !isSidecar(container) && over(container) && status?.exitCode !== 0;
  });
}

/** All at once, but sidecars only when nobody needs them any more: the last first, one after the other (KEP-753). */
function planEnding(pod: Pod, view: PodView): PodAction {
  const running = view.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const others = running.filter(({ name }) => !sidecars.includes(name));
  if (others.length > 0) return { do: 'stop', containers: others, reason: 'Killing' };
  const last = running.sort((a, b) => sidecars.indexOf(b.name) - sidecars.indexOf(a.name))[0];
  if (last !== undefined) return { do: 'stop', containers: [last], reason: 'Killing' };
  const sandbox = view.sandboxes.find(({ state }) => state === 'ready');
  return sandbox === undefined ? { do: 'finish' } : { do: 'stopSandbox', sandbox };
}

/** Sandboxes beside the newest, and dead attempts beyond those kept, go. */
function planSurplus(pod: Pod, view: PodView): PodAction | undefined {
  const older = view.sandboxes.slice(1);
  const extra = older.find(({ state }) => state === 'ready');
  if (extra !== undefined) return { do: 'stopSandbox', sandbox: extra };
  for (const { name } of allContainers(pod)) {
    const container = attempts(view, name).slice(1 + DEAD_KEPT).find(({ state, sandboxId }) => sandboxId !== '' && (state === 'exited' || state === 'created'));
    if (container !== undefined) return { do: 'removeContainer', container };
  }
  const empty = older.find(({ id }) => !view.containers.some(({ sandboxId }) => sandboxId === id));
  return empty === undefined ? undefined : { do: 'removeSandbox', sandbox: empty };
}

/** What is due, and when the next is. */
interface Due {
  readonly containers: readonly Container[];
  readonly wakeAt: number;
}

/** The containers of a pod that lives in this sandbox. */
function planContainers(input: PlanInput, sandbox: SandboxStatus): PodAction {
  const { pod, view, health } = input;
  const initialized = pod.spec.containers.some(({ name }) => inSandbox(latest(view, name), sandbox) !== undefined);
  const resizes = resizesOf(pod, view);
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const status = inSandbox(latest(view, container.name), sandbox);
    const { unhealthy, graceSeconds } = (status?.state === 'running' ? health.get(status.id) : undefined) ?? {};
    if (status?.state === 'running' && hasChanged(status, container) && (initialized || isSidecar(container))) {
      return { do: 'stop', containers: [status], reason: `Container ${container.name} definition changed, will be restarted`, remake: true };
    }
    if (status !== undefined && unhealthy !== undefined) return { do: 'stop', containers: [status], reason: unhealthy, ...(graceSeconds !== undefined && { graceSeconds }) };
    if (status !== undefined && resizes.some((resize) => resize.restart && resize.status === status)) return { do: 'stop', containers: [status], reason: `Container ${container.name} resize requires restart`, remake: true };
  }
  const resizeAt = ({ container }: Resize): number => input.resizeAt?.get(container.name) ?? 0;
  const dueResizes = resizes.filter((resize) => resizeAt(resize) <= input.now);
  if (dueResizes.length > 0) return { do: 'resize', resizes: dueResizes };
  const init = dueInit(input, sandbox);
  const due = [dueEphemeral(input), init, ...(init.done ? [dueRegular(input, sandbox)] : [])];
  const containers = due.flatMap((part) => part.containers);
  if (containers.length > 0) return { do: 'start', sandbox, containers: containers.map((container) => starting(view, container)) };
  const wakeAt = Math.min(...due.map((part) => part.wakeAt), ...resizes.map(resizeAt));
  return Number.isFinite(wakeAt) ? { do: 'nothing', wakeAt } : { do: 'nothing' };
}

/** Ephemeral containers are started as soon as there is a sandbox, also beside init containers, and never again. */
function dueEphemeral(input: PlanInput): Due {
  const waiting = ephemeralContainers(input.pod).filter(({ name }) => [undefined, 'created'].includes(latest(input.view, name)?.state));
  const times = waiting.map((container) => dueAt(input, container, latest(input.view, container.name)));
  return { containers: waiting.filter((_, i) => (times[i] as number) <= input.now), wakeAt: Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time > input.now)) };
}

/**
 * Init containers run one after the other, each to its end; a sidecar counts as done once it has started. When a regular container has been made
 * in this sandbox all that is over, and sidecars that ended are started again without anybody waiting for them.
 */
function dueInit(input: PlanInput, sandbox: SandboxStatus): Due & { readonly done: boolean } {
  const { pod, view, health, now } = input;
  const initialized = pod.spec.containers.some(({ name }) => inSandbox(latest(view, name), sandbox) !== undefined);
  const containers: Container[] = [];
  let wakeAt = Number.POSITIVE_INFINITY;
  for (const container of pod.spec.initContainers ?? []) {
    const sidecar = isSidecar(container);
    if (initialized && !sidecar) continue;
    const newest = latest(view, container.name);
    const status = inSandbox(newest, sandbox);
    if (status?.state === 'exited' && !sidecar && status.exitCode === 0) continue;
    if (status?.state === 'running') {
      if (initialized || (sidecar && health.get(status.id)?.started === true)) continue;
      return { containers, wakeAt, done: false };
    }
    const at = dueAt(input, container, newest);
    if (at <= now) containers.push(container);
    else wakeAt = Math.min(wakeAt, at);
    if (!initialized) return { containers, wakeAt, done: false };
  }
  return { containers, wakeAt, done: true };
}

function dueRegular(input: PlanInput, sandbox: SandboxStatus): Due {
  const { pod, view } = input;
  const containers: Container[] = [];
  let wakeAt = Number.POSITIVE_INFINITY;
  for (const container of pod.spec.containers) {
    const newest = latest(view, container.name);
    if (inSandbox(newest, sandbox)?.state === 'running') continue;
    if (newest?.state === 'exited' && input.remade?.has(container.name) !== true && !shouldRestart(pod, container, newest.exitCode ?? 0)) continue;
    const at = dueAt(input, container, newest);
    if (at <= input.now) containers.push(container);
    else wakeAt = Math.min(wakeAt, at);
  }
  return { containers, wakeAt };
}

/** When a container may be started (again). */
function dueAt(input: PlanInput, container: Container, newest: RuntimeContainerStatus | undefined): number {
  const blocked = input.blockedUntil.get(container.name) ?? 0;
  // One that the agent itself stopped to make it anew has not crashed.
  if (newest?.state !== 'exited' || input.remade?.has(container.name) === true) return blocked;
  return Math.max(blocked, restartAt(input.crashes.get(container.name), newest.finishedAt ?? 0));
}

function starting(view: PodView, container: Container): { container: Container; attempt: number; previous?: RuntimeContainerStatus } {
  const newest = latest(view, container.name);
  // An attempt that was created but never started is taken up again: creating it twice gives the same one.
  if (newest === undefined) return { container, attempt: 0 };
  return newest.state === 'created' && view.sandboxes[0]?.id === newest.sandboxId ? { container, attempt: newest.attempt } : { container, attempt: newest.attempt + 1, previous: newest };
}

/** A container of an older sandbox has ended with it. */
const inSandbox = (status: RuntimeContainerStatus | undefined, sandbox: SandboxStatus): RuntimeContainerStatus | undefined =>
  status?.sandboxId === sandbox.id ? status : undefined;
