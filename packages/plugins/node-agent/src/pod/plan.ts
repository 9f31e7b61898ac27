import type { Container, Pod, RuntimeContainerStatus, SandboxStatus } from '@orrery/core';
import { type CrashEntry, restartAt } from './backoff.js';
import { isSidecar } from './phase.js';
import { attempts, latest, type PodView, shouldRestart } from './view.js';

/** What probes and hooks know of a running container. */
export interface ContainerHealth {
  /** The startup probe has passed, or there is none. */
  readonly started: boolean;
  readonly ready: boolean;
  /** Why it must be restarted: a liveness or startup probe gave up on it. */
  readonly unhealthy?: string;
}

/** Everything a plan depends on. */
export interface PlanInput {
  readonly pod: Pod;
  readonly view: PodView;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** By container id. */
  readonly health: ReadonlyMap<string, ContainerHealth>;
  /** By container name. */
  readonly crashes: ReadonlyMap<string, CrashEntry>;
  /** Containers that could not be created, by name: not before this time again. */
  readonly blockedUntil: ReadonlyMap<string, number>;
  /** Volumes are in place. */
  readonly volumesReady: boolean;
  /** The pod has to end: it is being deleted, is gone from the API, or has run too long. */
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
  /** Stop these containers, all at once. */
  | { readonly do: 'stop'; readonly containers: readonly RuntimeContainerStatus[]; readonly reason: string }
  | { readonly do: 'removeContainer'; readonly container: RuntimeContainerStatus }
  /** Nothing of an ending pod runs any more. */
  | { readonly do: 'finish' };

/** Dead attempts kept per container, for `kubectl logs --previous`. */
const DEAD_KEPT = 1;

/**
 * One pod, one step (kubelet's computePodActions): decides the next action from what is wanted and what the runtime has. Pure.
 * Applying it and asking again ends in `nothing` or `finish`.
 */
export function planPod(input: PlanInput): PodAction {
  const { pod, view } = input;
  if (input.ending) return planEnding(view);
  const surplus = planSurplus(pod, view);
  if (surplus !== undefined) return surplus;
  const sandbox = view.sandboxes.find(({ state }) => state === 'ready');
  if (isOver(pod, view)) return sandbox === undefined ? { do: 'nothing' } : { do: 'stopSandbox', sandbox };
  if (!input.volumesReady) return { do: 'prepareVolumes' };
  if (sandbox === undefined) return { do: 'runSandbox', attempt: (view.sandboxes[0]?.attempt ?? -1) + 1 };
  return planInit(input, sandbox) ?? planRegular(input, sandbox);
}

/** All regular containers have ended and none will be started again, or an init container failed for good. */
export function isOver(pod: Pod, view: PodView): boolean {
  const over = (container: Container): boolean => {
    const status = latest(view, container.name);
    return status?.state === 'exited' && !shouldRestart(pod, container, status.exitCode ?? 0);
  };
  if (pod.spec.containers.every(over)) return true;
  return (pod.spec.initContainers ?? []).some((container) => {
    const status = latest(view, container.name);
    return !isSidecar(container) && over(container) && status?.exitCode !== 0;
  });
}

function planEnding(view: PodView): PodAction {
  const running = view.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  if (running.length > 0) return { do: 'stop', containers: running, reason: 'Killing' };
  const sandbox = view.sandboxes.find(({ state }) => state === 'ready');
  return sandbox === undefined ? { do: 'finish' } : { do: 'stopSandbox', sandbox };
}

/** Sandboxes beside the newest, and dead attempts beyond those kept, go. */
function planSurplus(pod: Pod, view: PodView): PodAction | undefined {
  const extra = view.sandboxes.slice(1).find(({ state }) => state === 'ready');
  if (extra !== undefined) return { do: 'stopSandbox', sandbox: extra };
  for (const { name } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const container = attempts(view, name).slice(1 + DEAD_KEPT).find(({ state }) => state === 'exited' || state === 'created');
    if (container !== undefined) return { do: 'removeContainer', container };
  }
  return undefined;
}

/** Init containers run one after the other, each to its end; a sidecar counts as done once it has started. Undefined: all are done. */
function planInit(input: PlanInput, sandbox: SandboxStatus): PodAction | undefined {
  const { pod, view, health } = input;
  for (const container of pod.spec.initContainers ?? []) {
    const status = inSandbox(latest(view, container.name), sandbox);
    if (status?.state === 'running') {
      const unhealthy = health.get(status.id)?.unhealthy;
      if (unhealthy !== undefined) return { do: 'stop', containers: [status], reason: unhealthy };
      if (!isSidecar(container)) return { do: 'nothing' };
      if (health.get(status.id)?.started !== true) return { do: 'nothing' };
      continue;
    }
    if (status?.state === 'exited' && !isSidecar(container) && status.exitCode === 0) continue;
    const due = dueAt(input, container, latest(view, container.name));
    if (due > input.now) return { do: 'nothing', wakeAt: due };
    return { do: 'start', sandbox, containers: [starting(view, container)] };
  }
  return undefined;
}

function planRegular(input: PlanInput, sandbox: SandboxStatus): PodAction {
  const { pod, view, health } = input;
  let wakeAt = Number.POSITIVE_INFINITY;
  const due: Container[] = [];
  for (const container of pod.spec.containers) {
    const newest = latest(view, container.name);
    const status = inSandbox(newest, sandbox);
    if (status?.state === 'running') {
      const unhealthy = health.get(status.id)?.unhealthy;
      if (unhealthy !== undefined) return { do: 'stop', containers: [status], reason: unhealthy };
      continue;
    }
    if (status?.state === 'unknown') return { do: 'stop', containers: [status], reason: 'Killing' };
    if (newest?.state === 'exited' && !shouldRestart(pod, container, newest.exitCode ?? 0)) continue;
    const at = dueAt(input, container, newest);
    if (at <= input.now) due.push(container);
    else wakeAt = Math.min(wakeAt, at);
  }
  if (due.length > 0) return { do: 'start', sandbox, containers: due.map((container) => starting(view, container)) };
  return Number.isFinite(wakeAt) ? { do: 'nothing', wakeAt } : { do: 'nothing' };
}

/** When a container may be started (again). */
function dueAt(input: PlanInput, container: Container, newest: RuntimeContainerStatus | undefined): number {
  const blocked = input.blockedUntil.get(container.name) ?? 0;
  if (newest?.state !== 'exited') return blocked;
  return Math.max(blocked, restartAt(input.crashes.get(container.name), newest.finishedAt ?? 0));
}

function starting(view: PodView, container: Container): { container: Container; attempt: number; previous?: RuntimeContainerStatus } {
  const newest = latest(view, container.name);
  // An attempt that was created but never started is taken up again: creating it twice gives the same one.
  if (newest === undefined) return { container, attempt: 0 };
  return newest.state === 'created' ? { container, attempt: newest.attempt } : { container, attempt: newest.attempt + 1, previous: newest };
}

/** A container of an older sandbox has ended with it. */
const inSandbox = (status: RuntimeContainerStatus | undefined, sandbox: SandboxStatus): RuntimeContainerStatus | undefined =>
  status?.sandboxId === sandbox.id ? status : undefined;
