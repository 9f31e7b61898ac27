import { ApiError, type CancelTimer, equalJson, errorMessage, OrreryError, type Pod, type RuntimeEvent, longLived } from '@orrery/core';
import type { Eviction } from '../eviction/messages.js';
import { PodProbes } from '../probes/pod-probes.js';
import { PodResize } from '../resize/pod-resize.js';
import { PodActions } from './actions.js';
import type { Rejection } from './admission.js';
import { LostWrite } from './lost-write.js';
import { Observation } from './observation.js';
import type { PodWorkerOptions } from './options.js';
import { planPod } from './plan.js';
import { followsSources, graceOf, settled } from './pod-facts.js';
import { recall } from './recall.js';
import { deadlineOf, podStatusOf } from './status.js';
import type { PodView } from './view.js';

/** Wait before a step that failed is tried again: first and longest. */
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Until a status that was written from an old version of the pod is written again, first. */
const CONFLICT_RETRY_MS = 50;
/** Files of volumes follow their sources so often, about as the kubelet does. */
const VOLUMES_MS = 60_000;
/** A resize that is deferred is decided again so often (kubelet allocation.retryDelay), when nothing is known to have been freed. */
const RESIZE_RETRY_MS = 180_000;
/** Steps of one turn: more mean that they lead nowhere. */
const MAX_STEPS = 100;
/** What is left of a pod that the API has no more must end soon. */
const GONE_GRACE_MS = 2_000;

/**
 * Looks after one pod: observes, plans one step, does it, and again until nothing is left to do; then sleeps until something changes.
 * Everything it knows can be found again from the API and the runtime, so it may end at any point.
 */
export class PodWorker {
  readonly #abort = longLived(new AbortController());
  readonly #actions: PodActions;
  readonly #probes: PodProbes;
  readonly #resize: PodResize;
  readonly #seen: Observation;
  #gone = false;
  #dirty = true;
  readonly #lostWrite = new LostWrite();
  #admitted: boolean;
  #rejection: (Rejection & Pick<Eviction, 'condition'>) | undefined;
  /** What the pod gets to end when the agent itself ended it. */
  #evictionGraceMs: number | undefined;
  readonly #whenEnded: (() => void)[] = [];
  /** Nothing of the pod runs here any more, and nothing will. */
  #ended = false;
  /** Nothing of it runs, and it is being deleted: it is told as ended from then on. */
  #over = false;
  /** When its end began, monotonic. */
  #endingSince: number | undefined;
  #volumesAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #cancelWake: () => void = () => {};
  /** Ends the interest in what the pod refers to, while there is any. */
  #unfollow: (() => void) | undefined;
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
    this.#seen = new Observation(options.runtime, pod.metadata.uid ?? '', adopted);
    this.#admitted = adopted !== undefined;
    this.#ended = settled(pod);
    this.#resize = new PodResize(options, pod, adopted !== undefined, () => this.#retryResize());
    this.#actions = new PodActions(options, this.#abort.signal, this.#resize);
    this.#probes = new PodProbes(options, () => this.pod, () => this.wake());
  }

  get uid(): string {
    return this.pod.metadata.uid ?? '';
  }

  /** The pod counts against what the node has to offer. */
  get holdsResources(): boolean {
    return this.#admitted && !this.#ended && !this.#gone;
  }

  /** The pod as it is known here. */
  get current(): Pod {
    return this.pod;
  }

  /** The pod with what the node has granted it as its resources. */
  get granted(): Pod {
    return this.#resize.granted(this.pod);
  }

  /** The agent itself ends the pod, for good and whatever its restart policy says. Resolves when nothing of it runs any more, or nobody looks after it. */
  evict(eviction: Eviction): Promise<void> {
    if (this.#rejection === undefined && !settled(this.pod)) {
      this.#rejection = eviction;
      this.#admitted = true;
      this.#evictionGraceMs = eviction.graceSeconds * 1000;
      this.#actions.hurry(this.#evictionGraceMs);
      this.wake();
    }
    return this.#ended || this.#finished || this.#abort.signal.aborted ? Promise.resolve() : new Promise((resolve) => this.#whenEnded.push(resolve));
  }

  /** The agent is ending the pod. */
  get evicted(): boolean {
    return this.#rejection !== undefined;
  }

  /** The API has a newer version of the pod. One older than what this worker wrote itself is an echo. */
  update(pod: Pod): void {
    if (Number(pod.metadata.resourceVersion) < Number(this.pod.metadata.resourceVersion)) {
      this.#lostWrite.older(pod, this.options.clock.monotonic());
      return this.wake();
    }
    this.#lostWrite.caughtUp();
    const shortened = (pod.metadata.deletionGracePeriodSeconds ?? Infinity) < (this.pod.metadata.deletionGracePeriodSeconds ?? Infinity);
    if (pod.metadata.generation !== this.pod.metadata.generation) this.#follow(false);
    // Files that show them follow at once.
    if (!equalJson([pod.metadata.labels, pod.metadata.annotations], [this.pod.metadata.labels, this.pod.metadata.annotations])) this.#volumesAt = Number.NEGATIVE_INFINITY;
    this.pod = pod;
    if (shortened) this.#actions.hurry(graceOf(pod) * 1000);
    this.wake();
  }

  /** The API has the pod no more: what is left of it must end now. */
  removed(): void {
    this.#gone = true;
    this.#freed();
    this.#actions.hurry(Math.min(graceOf(this.pod) * 1000, GONE_GRACE_MS));
    this.wake();
  }

  /** The runtime hinted at a change. */
  hint(event: RuntimeEvent): void {
    this.#seen.hint(event);
    this.wake();
  }

  /** Compares what was found in the runtime with what is known here; when they differ, the runtime is asked again. */
  compare(found: PodView): void {
    if (this.#seen.differs(found)) this.wake();
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
    this.#follow(false);
    await this.#running;
    await this.#probes.stop();
    this.#tellEnd();
  }

  #tellEnd(): void {
    for (const resolve of this.#whenEnded.splice(0)) resolve();
  }

  /** Whether to be told when something changes that the pod takes values from. */
  #follow(wanted: boolean): void {
    if (!wanted) this.#unfollow?.();
    this.#unfollow = wanted ? (this.#unfollow ?? this.options.follow(this.pod, () => this.#sourcesChanged())) : undefined;
  }

  #sourcesChanged(): void {
    this.#volumesAt = Number.NEGATIVE_INFINITY;
    this.#actions.sourcesChanged();
    this.wake();
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
        this.#seen.doubt();
        const quiet = ApiError.is(error, 'Conflict') || ApiError.is(error, 'NotFound');
        this.options.log[quiet ? 'debug' : 'warn']('a step on a pod failed; trying again', { pod: this.pod.metadata.name, error: errorMessage(error) });
        this.#wakeIn(Math.min(RETRY_MAX_MS, (quiet ? CONFLICT_RETRY_MS : RETRY_MS) * 2 ** Math.min(20, this.#failures - 1)));
        if (!quiet) await this.#reportWaiting();
      }
    }
  }

  /** A pod whose step failed still shows how far it is. */
  async #reportWaiting(): Promise<void> {
    try {
      await this.#report();
    } catch (error) {
      // The next turn reports again.
      if (!this.#abort.signal.aborted) this.options.log.debug('the status of a pod could not be written', { pod: this.pod.metadata.name, error: errorMessage(error) });
    }
  }

  /** Steps until nothing is left to do now; resolves with when to look again. */
  async #turn(): Promise<number | undefined> {
    // Handlers of one batch of changes run first, so that nothing is counted that is about to go.
    await Promise.resolve();
    for (let step = 0; step < MAX_STEPS; step += 1) {
      await this.#seen.refresh(this.#abort.signal);
      if (!this.#admitted) await this.#admit();
      await this.#probes.tend(this.#seen.view, !this.#gone && this.pod.metadata.deletionTimestamp === undefined);
      const { pod, options } = this;
      this.#follow(!this.#abort.signal.aborted && !this.#gone && this.#rejection === undefined && !settled(this.pod));
      const ending = this.#ending;
      if (ending) this.#endingSince ??= options.clock.monotonic();
      else this.#decideResize();
      const granted = this.#resize.granted(pod);
      const { crashes, blockedUntil, remade, volumesReady } = this.#actions;
      const action = planPod({ pod: granted, view: recall(pod, this.#seen.view), now: options.clock.now(), health: this.#probes.health(), crashes, blockedUntil, remade, resizeAt: this.#resize.blockedUntil, volumesReady, ending });
      if (action.do === 'finish') return this.#finish();
      if (action.do === 'nothing') return this.#rest(action.wakeAt);
      // A stop may take long, and so may the pull before a first start: both are told beforehand. What was granted is told before it is given.
      if (action.do === 'stop' || action.do === 'resize' || (action.do === 'start' && options.runtime.capabilities.images && this.pod.status?.containerStatuses === undefined)) await this.#report();
      const cancel = action.do === 'start' ? this.#atDeadline(() => this.#actions.hurry(graceOf(pod) * 1000)) : () => {};
      try {
        this.#seen.view = await this.#actions.apply(granted, this.#seen.view, action, this.#graceMs());
      } finally {
        cancel();
      }
      if (action.do === 'prepareVolumes') this.#volumesAt = options.clock.monotonic();
      if (!this.#actions.sandboxDoubtful) continue;
      this.#actions.sandboxDoubtful = false;
      this.#seen.doubt();
    }
    throw new OrreryError('INTERNAL', `After ${MAX_STEPS} steps the pod is not where it should be.`);
  }

  /** Acts when the pod has run as long as it may: a pull or a hook that is under way then is not waited for. */
  #atDeadline(act: () => void): CancelTimer {
    const deadline = deadlineOf(this.pod);
    return deadline === undefined ? () => {} : this.options.clock.timer(Math.max(0, deadline - this.options.clock.now()), act);
  }

  async #admit(): Promise<void> {
    const judge = (): Rejection | undefined => (this.#gone || this.pod.metadata.deletionTimestamp !== undefined || settled(this.pod) ? undefined : this.options.admit(this.granted));
    let rejection = judge();
    if (rejection !== undefined) {
      await this.options.makeRoom(this.granted);
      if (this.#admitted) return;
      rejection = judge();
    }
    // In one step with the judgement: who comes next counts this pod.
    this.#rejection = rejection;
    this.#admitted = true;
    this.#resize.admitted(this.pod);
    if (this.#rejection === undefined) return;
    this.#ended = true;
    this.options.events.event(this.pod, 'Warning', this.#rejection.reason, this.#rejection.message);
  }

  /** Decides on other resources that the pod asks for. */
  #decideResize(): boolean {
    if (!this.holdsResources || this.#ending || !this.#resize.decide(this.pod, this.#seen.view)) return false;
    // Files that show them follow at once.
    this.#volumesAt = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** Something was freed that the pod waits for. */
  #retryResize(): void {
    if (this.#decideResize()) this.wake();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#freed();
  }

  /** The pod holds resources no more. */
  #freed(): void {
    this.#resize.leave(this.pod);
    if (this.#admitted) this.options.resizes.deferred.retry();
  }

  /** Nothing is to be done now: reports, keeps the files of volumes up to date, and says when to look again. */
  async #rest(wakeAt: number | undefined): Promise<number | undefined> {
    const { clock, volumes, sources } = this.options;
    this.pod = this.#lostWrite.take(clock.monotonic()) ?? this.pod;
    if (!this.#ending) this.#resize.settle(this.granted, this.#seen.view);
    await this.#report();
    const echo = this.#lostWrite.dueIn(clock.monotonic());
    const times = [wakeAt, settled(this.pod) ? undefined : deadlineOf(this.pod), echo === undefined ? undefined : clock.now() + echo, this.#resize.deferred ? clock.now() + RESIZE_RETRY_MS : undefined];
    if (followsSources(this.pod) && !settled(this.pod)) {
      if (clock.monotonic() - this.#volumesAt >= VOLUMES_MS) {
        this.#volumesAt = clock.monotonic();
        await volumes.prepare(this.granted, { ...sources, podIPs: [] }).catch((error: unknown) => {
          // What is there stays as it is.
          this.options.events.event(this.pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${errorMessage(error)}`);
        });
      }
      times.push(clock.now() + VOLUMES_MS);
    }
    const next = Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));
    return Number.isFinite(next) ? next : undefined;
  }

  /** Nothing runs any more: report it, clean up, and let the API forget a deleted pod. */
  async #finish(): Promise<undefined> {
    this.#follow(false);
    await this.#probes.stop();
    const deleted = this.pod.metadata.deletionTimestamp !== undefined;
    // Remembered: when it is not known whether that was written, nothing else may be told after it.
    this.#over ||= deleted;
    if (!this.#gone) await this.#report();
    if (!this.#gone && !deleted) return undefined;
    await this.#actions.cleanUp(this.pod, this.#seen.view);
    this.#end();
    if (!this.#gone) await this.options.record.forget(this.pod);
    this.#finished = true;
    for (const one of this.options.progress) one.left(this.uid);
    this.#cancelWake();
    this.#tellEnd();
    this.finished();
    return undefined;
  }

  /** What the pod's containers have left to end, milliseconds. */
  #graceMs(): number {
    if (this.#evictionGraceMs !== undefined) return this.#evictionGraceMs;
    const graceMs = this.#gone ? Math.min(graceOf(this.pod) * 1000, GONE_GRACE_MS) : graceOf(this.pod) * 1000;
    return this.#endingSince === undefined ? graceMs : Math.max(Math.min(graceMs, GONE_GRACE_MS), graceMs - (this.options.clock.monotonic() - this.#endingSince));
  }

  /** It has to end. */
  get #ending(): boolean {
    return this.#gone || this.pod.metadata.deletionTimestamp !== undefined || this.#rejection !== undefined || this.#overdue();
  }

  #overdue(): boolean {
    const deadline = deadlineOf(this.pod);
    return deadline !== undefined && deadline <= this.options.clock.now();
  }

  /** Writes the status if it changed. A conflict means a newer version is on its way here, which brings another turn. */
  async #report(): Promise<void> {
    if (this.#gone) return;
    const { clock, runtime, hostIP, record, terminations } = this.options;
    const overdue = this.#overdue() && this.pod.metadata.deletionTimestamp === undefined;
    const verdict = this.#rejection ?? (overdue ? OVERDUE : undefined);
    const status = podStatusOf({
      pod: this.granted,
      resize: this.#resize.state,
      view: await terminations.annotate(this.pod, this.#seen.view, this.#abort.signal),
      now: clock.now(),
      health: this.#probes.health(),
      crashes: this.#actions.crashes,
      failures: this.#actions.failures,
      runtime: runtime.name,
      hostIP,
      terminal: this.pod.metadata.deletionTimestamp !== undefined,
      over: this.#over,
      ...(verdict !== undefined && { verdict }),
    });
    // From here on others may see that its place is free.
    if (status.phase === 'Succeeded' || status.phase === 'Failed') {
      this.#end();
      this.#tellEnd();
    }
    for (const one of this.options.progress) one.seen(this.pod, status);
    if (equalJson(status, this.pod.status)) return;
    const written = await record.writeStatus({ ...this.pod, status });
    if (Number(written.metadata.resourceVersion) > Number(this.pod.metadata.resourceVersion)) this.pod = written;
  }

  #wakeIn(delayMs: number): void {
    this.#cancelWake();
    this.#cancelWake = this.options.clock.timer(Math.max(0, delayMs), () => this.wake());
  }
}

const OVERDUE: Rejection = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
