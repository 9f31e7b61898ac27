import { type Container, type ContainerConfig, type Pod, errorMessage, OrreryError, type RuntimeContainerStatus, type SandboxStatus, longLived } from '@orrery/core';
import { madeWith } from '../resize/made-with.js';
import type { PodResize } from '../resize/pod-resize.js';
import { ImageError, type ImageReason } from '../images/image-manager.js';
import { afterRestart, type CrashEntry } from './backoff.js';
import { checkNonRoot } from './container-security.js';
import { ConfigError } from './env.js';
import { runHook } from './lifecycle-hooks.js';
import { type PodAction, SANDBOX } from './plan.js';
import type { PodWorkerOptions } from './options.js';
import type { StartFailure } from './status.js';
import { latest, type PodView, sandboxIds, strays } from './view.js';

/** Until a container that could not be created is tried again (kubelet's backOffPeriod). */
const CREATE_RETRY_MS = 10_000;
/** The first time it may have been the sandbox's fault, and there soon is another. */
const SOON_MS = 1_000;
/** What only a change of the pod or of the node's policy mends is tried again ever more seldom, up to this. */
const REFUSED_MAX_MS = 300_000;
/** A container that is asked to end gets at least so long for it, whatever hooks took before (kubelet's minimumGracePeriodInSeconds). */
const LEAST_GRACE_MS = 2_000;
const POST_START_LIMIT_MS = 120_000;

/** Failures that a ConfigMap or Secret may mend. Whether a pull is due again the image manager says: other credentials need not wait. */
const OF_SOURCES = new Set<string>(['CreateContainerConfigError', 'ErrImagePull', 'ImagePullBackOff'] satisfies (ImageReason | 'CreateContainerConfigError')[]);

type Action<Do extends PodAction['do']> = Extract<PodAction, { readonly do: Do }>;
type Starting = Action<'start'>['containers'][number];

/** Carries out what was planned for one pod, and remembers what the next plan needs to know of it. */
export class PodActions {
  /** Crash loops, by container name. */
  readonly crashes = new Map<string, CrashEntry>();
  /** Containers that could not be created, by name. */
  readonly blockedUntil = new Map<string, number>();
  readonly failures = new Map<string, StartFailure & { readonly times: number }>();
  /** Containers that were stopped to be made anew, by name. */
  readonly remade = new Set<string>();
  volumesReady = false;
  /** A sandbox may be gone or changed: it has to be asked for again. */
  sandboxDoubtful = false;
  #hurry = longLived(new AbortController());
  #graceMs: number | undefined;

  constructor(
    private readonly options: PodWorkerOptions,
    private readonly signal: AbortSignal,
    private readonly resize: PodResize,
  ) {}

  /** A stop that is under way gets only so long from now on. */
  hurry(graceMs: number): void {
    this.#graceMs = graceMs;
    this.#hurry.abort();
    this.#hurry = longLived(new AbortController());
  }

  /** Does one action; resolves with what the runtime then has. `graceMs` is what is left for the pod's containers to end. */
  async apply(pod: Pod, view: PodView, action: PodAction, graceMs: number): Promise<PodView> {
    const { runtime } = this.options;
    switch (action.do) {
      case 'nothing':
      case 'finish':
        return view;
      case 'prepareVolumes':
        await this.#prepareVolumes(pod);
        return view;
      case 'runSandbox': {
        const sandbox = await this.#runSandbox(pod, action.attempt);
        return sandbox === undefined ? view : { ...view, sandboxes: [sandbox, ...view.sandboxes.filter(({ id }) => id !== sandbox.id)] };
      }
      case 'stopSandbox':
        await runtime.stopSandbox(action.sandbox.id, this.signal);
        return this.#observe({ ...view, sandboxes: view.sandboxes.map((s) => (s.id === action.sandbox.id ? { ...s, state: 'notReady' as const } : s)) });
      case 'removeSandbox':
        await runtime.removeSandbox(action.sandbox.id, this.signal);
        return { ...view, sandboxes: view.sandboxes.filter(({ id }) => id !== action.sandbox.id) };
      case 'start': {
        const podIPs = action.sandbox.ips.length > 0 ? action.sandbox.ips : [this.options.hostIP];
        await Promise.all(action.containers.map((starting) => this.#start(pod, view, action.sandbox.id, podIPs, starting)));
        return this.#observe(view);
      }
      case 'stop': {
        const grace = action.graceSeconds === undefined ? graceMs : action.graceSeconds * 1000;
        if (action.remake === true) for (const { name } of action.containers) this.remade.add(name);
        await Promise.all(action.containers.map((container) => this.#stop(pod, view, container, action.reason, grace)));
        return this.#observe(view);
      }
      case 'resize': {
        await this.resize.carryOut(pod, action.resizes, this.signal);
        const after = await this.#observe(view);
        this.resize.check(pod, action.resizes, after);
        return after;
      }
      case 'removeContainer':
        await runtime.removeContainer(action.container.id, this.signal);
        return this.#observe(view);
    }
  }

  /** Something that the pod takes values from appeared or changed: what waits for it need not wait any more. */
  sourcesChanged(): void {
    for (const [name, { reason }] of this.failures) if (OF_SOURCES.has(reason)) this.blockedUntil.delete(name);
  }

  /** Removes everything of the pod from the node. */
  async cleanUp(pod: Pod, view: PodView): Promise<void> {
    const { runtime } = this.options;
    await Promise.all(strays(view).map(({ id }) => runtime.removeContainer(id, this.signal)));
    await Promise.all(view.sandboxes.map(({ id }) => runtime.removeSandbox(id, this.signal)));
    await this.options.volumes.remove(pod.metadata.uid ?? '');
  }

  async #observe(view: PodView): Promise<PodView> {
    const containers = (await Promise.all(sandboxIds(view).map((id) => this.options.runtime.listContainers(this.signal, id)))).flat();
    return { ...view, containers };
  }

  /** Undefined when the runtime has a reason not to make it: it is shown, and there is another try later. */
  async #runSandbox(pod: Pod, attempt: number): Promise<SandboxStatus | undefined> {
    const { outfitter, runtime, events, clock } = this.options;
    const began = clock.now();
    try {
      const sandbox = await runtime.runSandbox(await outfitter.sandbox(pod, attempt), this.signal);
      for (const one of this.options.progress) one.sandboxed(pod, began);
      this.failures.delete(SANDBOX);
      this.blockedUntil.delete(SANDBOX);
      return sandbox;
    } catch (error) {
      if (this.signal.aborted) throw error;
      const message = `Failed to create pod sandbox: ${errorMessage(error)}`;
      events.event(pod, 'Warning', 'FailedCreatePodSandBox', message);
      if (!isVerdict(error)) throw error;
      const times = (this.failures.get(SANDBOX)?.times ?? 0) + 1;
      // As the kubelet shows it: the pod's containers are still being created.
      this.failures.set(SANDBOX, { reason: 'ContainerCreating', message, times });
      this.blockedUntil.set(SANDBOX, clock.now() + retryMs(error, times));
      return undefined;
    }
  }

  async #prepareVolumes(pod: Pod): Promise<void> {
    try {
      await this.options.volumes.prepare(pod, { ...this.options.sources, podIPs: [] });
      this.volumesReady = true;
    } catch (error) {
      this.options.events.event(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${errorMessage(error)}`);
      throw error;
    }
  }

  async #start(pod: Pod, view: PodView, sandboxId: string, podIPs: readonly string[], { container, attempt, previous }: Starting): Promise<void> {
    const { runtime, outfitter, events, configure, clock, images } = this.options;
    const hurry = this.#hurry.signal;
    let id: string;
    let began: number;
    try {
      const config = await configure({ ...(await outfitter.container(pod, container, attempt, podIPs)), ...targetOf(pod, container, view) }, pod);
      const asked = clock.now();
      const image = await images.ensure(pod, config.image, container.imagePullPolicy, AbortSignal.any([this.signal, hurry]));
      for (const one of this.options.progress) one.pulled(pod, container.name, asked);
      began = clock.now();
      // A pod that was told to end meanwhile starts nothing more.
      if (hurry.aborted) return;
      checkNonRoot(pod, container, image);
      id = await runtime.createContainer(sandboxId, { ...config, annotations: { ...config.annotations, ...madeWith(pod, container, config.resources) } }, this.signal);
    } catch (error) {
      if (hurry.aborted && OrreryError.is(error, 'ABORTED')) return;
      this.#couldNotCreate(pod, container, error);
      return;
    }
    const startedOrBroken = (): void => {
      this.failures.delete(container.name);
      this.blockedUntil.delete(container.name);
      const remade = this.remade.delete(container.name);
      if (previous?.state === 'exited' && !remade) this.crashes.set(container.name, afterRestart(this.crashes.get(container.name), previous.finishedAt ?? clock.now(), clock.now()));
    };
    events.event(pod, 'Normal', 'Created', `Container created: ${container.name}`);
    try {
      await runtime.startContainer(id, this.signal);
    } catch (error) {
      if (OrreryError.is(error, 'EXHAUSTED')) return this.#failed(pod, container, 'RunContainerError', error);
      if (!OrreryError.is(error, 'INVALID')) throw error;
      startedOrBroken();
      // The runtime shows it as ended with StartError; the restart policy and its back-off take it from there.
      events.event(pod, 'Warning', 'Failed', `Error: ${errorMessage(error)}`);
      return;
    }
    startedOrBroken();
    for (const one of this.options.progress) one.started(pod, container.name, attempt, began);
    events.event(pod, 'Normal', 'Started', `Container started: ${container.name}`);
    await this.#postStart(pod, container, id, podIPs);
  }

  #couldNotCreate(pod: Pod, container: Container, error: unknown): void {
    if (this.signal.aborted || OrreryError.is(error, 'UNAVAILABLE') || OrreryError.is(error, 'NOT_FOUND')) throw error;
    const times = (this.failures.get(container.name)?.times ?? 0) + 1;
    if (error instanceof ImageError) {
      this.failures.set(container.name, { reason: error.reason, message: error.message, times });
      this.blockedUntil.set(container.name, error.retryAt);
      this.options.events.event(pod, 'Warning', 'Failed', `Error: ${error.reason}`);
      return;
    }
    const config = error instanceof ConfigError || OrreryError.is(error, 'FORBIDDEN');
    // Perhaps it was the sandbox that has ended.
    this.sandboxDoubtful ||= !config;
    this.#failed(pod, container, config ? 'CreateContainerConfigError' : 'CreateContainerError', error);
  }

  /** Shows why a container waits, and when it is tried again. */
  #failed(pod: Pod, { name }: Container, reason: string, error: unknown): void {
    const times = (this.failures.get(name)?.times ?? 0) + 1;
    const message = errorMessage(error);
    this.failures.set(name, { reason, message, times });
    this.blockedUntil.set(name, this.options.clock.now() + retryMs(error, times));
    this.options.events.event(pod, 'Warning', 'Failed', `Error: ${message}`);
  }

  async #postStart(pod: Pod, container: Container, id: string, podIPs: readonly string[]): Promise<void> {
    const handler = container.lifecycle?.postStart;
    if (handler === undefined) return;
    const { prober, clock, events, runtime, hostIP } = this.options;
    const target = { pod, container, containerId: id, podIP: podIPs[0] ?? hostIP };
    const hurry = this.#hurry.signal;
    const result = await runHook(prober, target, handler, 'postStart', clock, POST_START_LIMIT_MS, AbortSignal.any([this.signal, hurry]));
    // A pod that is told to end meanwhile is not kept waiting; its containers are stopped in their turn.
    if (result.ok || hurry.aborted || this.signal.aborted) return;
    events.event(pod, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`);
    await runtime.stopContainer(id, (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000, this.signal);
  }

  async #stop(pod: Pod, view: PodView, status: RuntimeContainerStatus, reason: string, graceMs: number): Promise<void> {
    const { runtime, events, clock, prober, hostIP } = this.options;
    events.event(pod, 'Normal', 'Killing', reason === 'Killing' ? `Stopping container ${status.name}` : reason);
    const deadline = clock.monotonic() + graceMs;
    const container = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(({ name }) => name === status.name);
    if (container?.lifecycle?.preStop !== undefined && graceMs > 0 && status.state === 'running') {
      const target = { pod, container, containerId: status.id, podIP: view.sandboxes[0]?.ips[0] ?? hostIP };
      const result = await runHook(prober, target, container.lifecycle.preStop, 'preStop', clock, graceMs, AbortSignal.any([this.signal, this.#hurry.signal]));
      if (!result.ok && !this.signal.aborted) events.event(pod, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${result.message}`);
    }
    for (let left = Math.max(graceMs === 0 ? 0 : LEAST_GRACE_MS, deadline - clock.monotonic()); ; left = this.#graceMs ?? 0) {
      const hurry = this.#hurry.signal;
      try {
        return await runtime.stopContainer(status.id, left, AbortSignal.any([this.signal, hurry]));
      } catch (error) {
        if (this.signal.aborted || !hurry.aborted) throw error;
      }
    }
  }
}

/** The runtime has judged what it was asked for: it is not that it could not be asked. */
const isVerdict = (error: unknown): boolean => OrreryError.is(error) && ['FORBIDDEN', 'INVALID', 'CONFLICT', 'EXHAUSTED'].includes(error.code);

/** How long a step that failed so many times waits for its next try. */
function retryMs(error: unknown, times: number): number {
  if (OrreryError.is(error, 'FORBIDDEN')) return Math.min(REFUSED_MAX_MS, CREATE_RETRY_MS * 2 ** Math.min(20, times - 1));
  return times === 1 && !(error instanceof ConfigError) ? SOON_MS : CREATE_RETRY_MS;
}

/** An ephemeral container that debugs another one sees its processes. */
function targetOf(pod: Pod, { name }: Container, view: PodView): Pick<ContainerConfig, 'targetContainerId'> {
  const target = pod.spec.ephemeralContainers?.find((container) => container.name === name)?.targetContainerName ?? '';
  const running = target === '' ? undefined : latest(view, target);
  return running?.state === 'running' ? { targetContainerId: running.id } : {};
}
