import {
  ApiError,
  type Client,
  type Clock,
  type ContainerStatus,
  equalJson,
  errorMessage,
  type EventRecorder,
  type Logger,
  OrreryError,
  Pod,
  type Runtime,
} from '@orrery/core';
import { ContainerProbes } from '../probes/container-probes.js';
import type { Prober } from '../probes/prober.js';
import type { PodVolumes } from '../volumes/volumes.js';
import { PodActions } from './actions.js';
import type { EnvSources } from './env.js';
import { type ContainerHealth, planPod } from './plan.js';
import { deadlineOf, podStatusOf } from './status.js';
import { EMPTY_VIEW, latest, type PodView } from './view.js';

/** What all pods of a node share. */
export interface PodWorkerOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly prober: Prober;
  readonly volumes: PodVolumes;
  readonly sources: Omit<EnvSources, 'podIPs'>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostIP: string;
  /** A change to the container's config by hooks. */
  configure(config: Parameters<Runtime['createContainer']>[1], pod: Pod): Promise<Parameters<Runtime['createContainer']>[1]>;
}

/** Wait before a step that failed is tried again: first and longest. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/**
 * Looks after one pod: observes, plans one step, does it, and again until nothing is left to do; then sleeps until something changes.
 * Everything it knows can be found again from the API and the runtime, so it may end at any point.
 */
export class PodWorker {
  readonly #abort = new AbortController();
  readonly #actions: PodActions;
  readonly #probes = new Map<string, ContainerProbes>();
  #view: PodView;
  #gone = false;
  #dirty = true;
  #stale = true;
  #failures = 0;
  #cancelWake: () => void = () => {};
  #running: Promise<void> | undefined;
  #finished = false;

  /**
   * @param adopted what the runtime has of the pod already
   * @param finished called once when nothing of the pod is left on the node
   */
  constructor(
    private pod: Pod,
    adopted: PodView | undefined,
    private readonly options: PodWorkerOptions,
    private readonly finished: () => void,
  ) {
    this.#view = adopted ?? EMPTY_VIEW;
    this.#stale = false;
    this.#actions = new PodActions(options, this.#abort.signal);
  }

  get uid(): string {
    return this.pod.metadata.uid ?? '';
  }

  /** The API has a newer version of the pod. */
  update(pod: Pod): void {
    const shortened = (pod.metadata.deletionGracePeriodSeconds ?? Infinity) < (this.pod.metadata.deletionGracePeriodSeconds ?? Infinity);
    this.pod = pod;
    if (shortened) this.#actions.hurry(graceOf(pod) * 1000);
    this.wake();
  }

  /** The API has the pod no more: what is left of it must end now. */
  removed(): void {
    this.#gone = true;
    this.#actions.hurry(Math.min(graceOf(this.pod), 2) * 1000);
    this.wake();
  }

  /** The runtime hinted at a change. */
  hint(): void {
    this.#stale = true;
    this.wake();
  }

  /** Looks at the pod again. */
  wake(): void {
    this.#dirty = true;
    if (this.#abort.signal.aborted || this.#finished) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#dirty) this.wake();
    });
  }

  /** Stops looking after the pod and leaves it as it is. */
  async stop(): Promise<void> {
    this.#abort.abort(new OrreryError('ABORTED', 'The node agent is stopping.'));
    this.#cancelWake();
    await this.#running;
    await this.#stopProbes();
  }

  async #run(): Promise<void> {
    this.#cancelWake();
    while (this.#dirty && !this.#abort.signal.aborted && !this.#finished) {
      this.#dirty = false;
      try {
        const wakeAt = await this.#turn();
        this.#failures = 0;
        if (wakeAt !== undefined) this.#wakeIn(wakeAt - this.options.clock.now());
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        this.#failures += 1;
        this.#stale = true;
        const quiet = ApiError.is(error, 'Conflict') || ApiError.is(error, 'NotFound');
        this.options.log[quiet ? 'debug' : 'warn']('a step on a pod failed; trying again', { pod: this.pod.metadata.name, error: errorMessage(error) });
        this.#wakeIn(quiet ? 50 : Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (this.#failures - 1)));
      }
    }
  }

  /** Steps until nothing is left to do now; resolves with when to look again. */
  async #turn(): Promise<number | undefined> {
    for (;;) {
      if (this.#stale) await this.#refresh();
      await this.#tendProbes();
      const ending = this.#gone || this.pod.metadata.deletionTimestamp !== undefined || this.#overdue();
      const action = planPod({
        pod: this.pod,
        view: this.#view,
        now: this.options.clock.now(),
        health: this.#health(),
        crashes: this.#actions.crashes,
        blockedUntil: this.#actions.blockedUntil,
        volumesReady: this.#actions.volumesReady,
        ending,
      });
      if (action.do === 'finish') return this.#finish();
      if (action.do === 'nothing') {
        await this.#report();
        const deadline = deadlineOf(this.pod);
        return Math.min(action.wakeAt ?? Infinity, deadline ?? Infinity) === Infinity ? undefined : Math.min(action.wakeAt ?? Infinity, deadline ?? Infinity);
      }
      if (action.do === 'stop') await this.#report();
      this.#view = await this.#actions.apply(this.pod, this.#view, action, this.#gone ? Math.min(graceOf(this.pod), 2) : graceOf(this.pod));
    }
  }

  /** Nothing runs any more: report it, clean up, and let the API forget a deleted pod. */
  async #finish(): Promise<undefined> {
    await this.#stopProbes();
    if (!this.#gone) await this.#report();
    if (!this.#gone && this.pod.metadata.deletionTimestamp === undefined) return undefined;
    await this.#actions.cleanUp(this.pod, this.#view);
    if (!this.#gone) {
      const { namespace, name = '', uid = '' } = this.pod.metadata;
      try {
        await this.options.client.kind(Pod).delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
      }
    }
    this.#finished = true;
    this.finished();
    return undefined;
  }

  async #refresh(): Promise<void> {
    this.#stale = false;
    const { runtime } = this.options;
    const containers = (await Promise.all(this.#view.sandboxes.map(({ id }) => runtime.listContainers(this.#abort.signal, id)))).flat();
    this.#view = { ...this.#view, containers };
  }

  #overdue(): boolean {
    const deadline = deadlineOf(this.pod);
    return deadline !== undefined && deadline <= this.options.clock.now();
  }

  #health(): ReadonlyMap<string, ContainerHealth> {
    return new Map([...this.#probes].map(([id, probes]) => [id, probes.health]));
  }

  /** Probes run for exactly the containers that run. */
  async #tendProbes(): Promise<void> {
    const running = new Set(this.#view.containers.filter(({ state }) => state === 'running').map(({ id }) => id));
    for (const [id, probes] of this.#probes) {
      if (running.has(id)) continue;
      this.#probes.delete(id);
      await probes.stop();
    }
    if (this.#gone || this.pod.metadata.deletionTimestamp !== undefined) return;
    const { clock, prober, events, runtime } = this.options;
    for (const container of [...(this.pod.spec.initContainers ?? []), ...this.pod.spec.containers]) {
      const status = latest(this.#view, container.name);
      if (status?.state !== 'running' || this.#probes.has(status.id)) continue;
      const ranFor = Math.max(0, clock.now() - (status.startedAt ?? clock.now()));
      const known = [...(this.pod.status?.containerStatuses ?? []), ...(this.pod.status?.initContainerStatuses ?? [])];
      const before = known.find(({ containerID }: ContainerStatus) => containerID === `${runtime.name}://${status.id}`);
      const podIP = this.#view.sandboxes[0]?.ips[0] ?? this.options.hostIP;
      this.#probes.set(
        status.id,
        new ContainerProbes({
          container,
          target: () => ({ pod: this.pod, container, containerId: status.id, podIP }),
          prober,
          clock,
          startedAt: clock.monotonic() - ranFor,
          before,
          changed: () => this.wake(),
          failed: (kind, message) => events.event(this.pod, 'Warning', 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${message}`),
        }),
      );
    }
  }

  async #stopProbes(): Promise<void> {
    const all = [...this.#probes.values()];
    this.#probes.clear();
    await Promise.all(all.map((probes) => probes.stop()));
  }

  /** Writes the status if it changed. A conflict means a newer version is on its way here, which brings another turn. */
  async #report(): Promise<void> {
    if (this.#gone) return;
    const { clock, runtime, hostIP, client } = this.options;
    const overdue = this.#overdue() && this.pod.metadata.deletionTimestamp === undefined;
    const status = podStatusOf({
      pod: this.pod,
      view: this.#view,
      now: clock.now(),
      health: this.#health(),
      crashes: this.#actions.crashes,
      failures: this.#actions.failures,
      runtime: runtime.name,
      hostIP,
      terminal: this.pod.metadata.deletionTimestamp !== undefined,
      ...(overdue && { verdict: { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' } }),
    });
    if (equalJson(status, this.pod.status)) return;
    const written = await client.kind(Pod).updateStatus({ ...this.pod, status });
    if (Number(written.metadata.resourceVersion) > Number(this.pod.metadata.resourceVersion)) this.pod = written;
  }

  #wakeIn(delayMs: number): void {
    this.#cancelWake();
    this.#cancelWake = this.options.clock.timer(Math.max(0, delayMs), () => this.wake());
  }
}

/** Seconds the pod's containers get to end. */
const graceOf = (pod: Pod): number => pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
