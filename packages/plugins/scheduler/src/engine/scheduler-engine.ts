import {
  type Client,
  type Clock,
  type EventRecorder,
  type Informer,
  type Instruments,
  type Logger,
  type Node,
  OrreryError,
  type PlacementExplanation,
  type Pod,
  type Random,
  type Runnable,
  type Scheduler,
  type Tracer,
  errorMessage,
  keyOf,
  noInstruments,
  noTracer,
} from '@orrery/core';
import { ClassCache } from '../classes/class-cache.js';
import type { PodClass } from '../classes/pod-class.js';
import { DEFAULT_QUEUE_TIMES, type QueueTimes, SchedulingQueue, type WaitingPod, byPriority } from '../queue/scheduling-queue.js';
import { ClusterState, podId } from '../state/cluster.js';
import { same } from '../state/same.js';
import { type BindOutcome, Binder } from './binder.js';
import { ConditionReporter, type NotScheduled } from './condition-reporter.js';
import { explain } from './explain.js';
import { OutsideInputs } from './outside-inputs.js';
import { ParkedPods } from './parked-pods.js';
import { GATED, changedForOthers, changedForScheduling, planIntake, schedulerNameOf, whyNotQueued } from './pod-intake.js';
import { type ProfileView, Profiles } from './profiles.js';
import { type AttemptResult, SchedulerInstruments } from './scheduler-instruments.js';
import { SchedulerTraces } from './scheduler-traces.js';
import { Wakeup } from './wakeup.js';

/** What an engine works with. */
export interface EngineParts {
  readonly client: Client;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly profiles: ProfileView;
  /** Where it counts; default: nowhere. */
  readonly instruments?: Instruments;
  /** Where it tells of attempts and binds; default: nowhere. */
  readonly tracer?: Tracer;
  readonly options?: Partial<EngineOptions>;
}

/** Limits and times of an engine. */
export interface EngineOptions extends QueueTimes {
  /** Binds on their way at the same time; the engine waits for one to end before it decides more. Default 256. */
  readonly maxBindsInFlight: number;
  /** Classes of like pods kept; each costs about 100 bytes a node. Default 64. */
  readonly maxClasses: number;
}

/** The defaults of {@link EngineOptions}. */
export const DEFAULT_ENGINE_OPTIONS: EngineOptions = { ...DEFAULT_QUEUE_TIMES, maxBindsInFlight: 256, maxClasses: 64 };

/** Counts since the engine was made. */
export interface EngineStats {
  readonly decided: number;
  readonly bound: number;
  readonly unschedulable: number;
  readonly failed: number;
  readonly waiting: number;
}

/** Where a pod goes, and when that was looked for and decided, monotonic milliseconds. */
interface Decision {
  readonly node: string;
  readonly began: number;
  readonly decided: number;
}

/** Decisions made before other work of the process gets its turn, and the longest time that may take, milliseconds. */
const BATCH = 64;
const BATCH_MS = 5;

/**
 * Takes unbound pods to nodes: looks at each waiting pod in turn, counts it on the best node at once (assumes it) and binds it in the
 * background. What a decision sees are the placements of all decisions before it, so that no node is given more than it has.
 * Never waits for a bind to decide; a bind that fails gives the room back.
 */
export class SchedulerEngine implements Scheduler, Runnable {
  readonly name = 'scheduler';
  readonly phase = 'scheduler';
  readonly #parts: EngineParts;
  readonly #options: EngineOptions;
  readonly #cluster = new ClusterState();
  readonly #queue: SchedulingQueue;
  readonly #classes: ClassCache;
  readonly #profiles: Profiles;
  readonly #binder: Binder;
  readonly #reporter: ConditionReporter;
  readonly #wakeup: Wakeup;
  readonly #counts = { decided: 0, bound: 0, unschedulable: 0, failed: 0 };
  readonly #parked: ParkedPods;
  readonly #outside: OutsideInputs;
  readonly #instruments: SchedulerInstruments;
  readonly #traces: SchedulerTraces;
  #profilesSeen: number | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#options = { ...DEFAULT_ENGINE_OPTIONS, ...parts.options };
    const { client, clock, log } = parts;
    this.#profiles = new Profiles(parts.profiles, log);
    this.#queue = new SchedulingQueue(clock, this.#options, (a, b) => (this.#profiles.queueSort ?? byPriority)(a, b));
    this.#classes = new ClassCache(this.#cluster, this.#options.maxClasses);
    this.#binder = new Binder(client, clock, log);
    this.#reporter = new ConditionReporter(client, clock, log);
    this.#wakeup = new Wakeup(clock);
    this.#instruments = new SchedulerInstruments(parts.instruments ?? noInstruments, clock);
    this.#traces = new SchedulerTraces(parts.tracer ?? noTracer, clock);
    this.#parked = new ParkedPods(this.#queue, this.#classes, this.#profiles);
    this.#outside = new OutsideInputs(log, () => {
      this.#parked.outsideChanged();
      this.#wakeup.notify();
    });
  }

  /** Counts since the engine was made. */
  get stats(): EngineStats {
    return { ...this.#counts, waiting: this.#queue.size };
  }

  /** Schedules until the signal aborts; ready when both caches are synced. */
  async run(signal: AbortSignal, ready: () => void = () => undefined): Promise<void> {
    const { pods, nodes } = this.#parts;
    this.#profiles.refresh();
    this.#profilesSeen = this.#profiles.version;
    const unsubscribe = [
      this.#instruments.show(this.#queue),
      () => this.#outside.stop(),
      this.#parts.profiles.changed(() => this.#wakeup.notify()),
      nodes.subscribe({
        added: (node) => this.#guard(node, () => this.#onNode(node)),
        updated: (node) => this.#guard(node, () => this.#onNode(node)),
        deleted: (node) => this.#guard(node, () => this.#cluster.removeNode(keyOf(node))),
      }),
      pods.subscribe({
        added: (pod) => this.#guard(pod, () => this.#onPod(pod, undefined)),
        updated: (pod, old) => this.#guard(pod, () => this.#onPod(pod, old)),
        deleted: (pod) => this.#guard(pod, () => this.#onPodGone(pod)),
      }),
    ];
    try {
      await Promise.all([pods.synced(signal), nodes.synced(signal), this.#outside.follow(this.#profiles.outside, signal)]);
      ready();
      await this.#loop(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const stop of unsubscribe) stop();
      await this.#binder.idle();
      await this.#reporter.stop();
    }
  }

  async explain({ namespace, name }: { readonly namespace: string; readonly name: string }): Promise<PlacementExplanation> {
    const pod = this.#parts.pods.lister.get(`${namespace}/${name}`);
    if (pod === undefined) throw new OrreryError('NOT_FOUND', `There is no pod ${namespace}/${name}.`, { namespace, name });
    this.#profiles.refresh();
    const schedulerName = schedulerNameOf(pod);
    const { revision } = this.#parts.pods.health();
    return explain({ pod, profile: this.#profiles.get(schedulerName), schedulerName, cluster: this.#cluster, revision, notQueued: whyNotQueued(pod) });
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      if (this.#profilesChanged()) await this.#readProfiles(signal);
      this.#queue.sweep();
      this.#parked.wake();
      const until = clock.monotonic() + BATCH_MS;
      let left = BATCH;
      while (left > 0 && this.#binder.inFlight < this.#options.maxBindsInFlight && clock.monotonic() < until) {
        const waiting = this.#queue.pop();
        if (waiting === undefined) break;
        this.#attempt(waiting, signal);
        left--;
      }
      const full = this.#binder.inFlight >= this.#options.maxBindsInFlight;
      if (left < BATCH && !full && this.#queue.ready) await clock.sleep(0, signal);
      else await this.#wakeup.wait(full ? undefined : this.#queue.nextWakeAt(), signal);
    }
  }

  #attempt(waiting: WaitingPod, signal: AbortSignal): void {
    this.#counts.decided++;
    const { pod } = waiting;
    const began = this.#parts.clock.monotonic();
    const profileName = schedulerNameOf(pod);
    let found: PodClass;
    let classKey: string;
    try {
      const profile = this.#profiles.get(profileName);
      // Its profile was taken away; if one comes back, all pods are looked at again.
      if (profile === undefined) return;
      classKey = `${profile.schedulerName}\n${profile.signature(pod)}`;
      found = this.#classes.current(classKey, pod, profile);
    } catch (error) {
      this.#inVain(waiting, 'error', began);
      this.#queue.retryLater(waiting);
      this.#failed(waiting, 'SchedulerError', errorMessage(error));
      return;
    }
    const choice = found.best(this.#parts.random);
    if (choice === undefined) {
      const { message, retryWhen } = found.diagnosis();
      this.#counts.unschedulable++;
      this.#inVain(waiting, 'unschedulable', began);
      this.#queue.park(waiting, { classKey, outsideKey: this.#profiles.get(profileName)?.outsideSignature(pod), retryWhen });
      this.#failed(waiting, 'Unschedulable', message);
      return;
    }
    this.#cluster.assume(pod, choice.node);
    const decided = this.#parts.clock.monotonic();
    this.#traces.attempted(waiting, 'scheduled', decided - began, choice.node);
    const done = (outcome: BindOutcome): void => this.#guard(pod, () => this.#onBindEnd(waiting, { node: choice.node, began, decided }, outcome));
    this.#binder.start(waiting, choice.node, this.#reporter.withdraw(waiting.id), done, signal);
  }

  #inVain(waiting: WaitingPod, result: AttemptResult, began: number): void {
    this.#instruments.attempted(schedulerNameOf(waiting.pod), result, began);
    this.#traces.attempted(waiting, result, this.#parts.clock.monotonic() - began);
  }

  /** Reports a failed attempt of a pod that is in the queue again: the report's own event may come back at once. */
  #failed({ pod }: WaitingPod, reason: NotScheduled['reason'], message: string): void {
    if (reason === 'SchedulerError') this.#counts.failed++;
    if (!this.#reporter.report(pod, { reason, message })) return;
    this.#parts.events.event(pod, 'Warning', 'FailedScheduling', message);
    if (reason === 'SchedulerError') this.#parts.log.error('A pod could not be scheduled because of an error.', { pod: keyOf(pod), error: message });
  }

  #onBindEnd(waiting: WaitingPod, { node, began, decided }: Decision, outcome: BindOutcome): void {
    this.#wakeup.notify();
    const { pod, id } = waiting;
    if (outcome.kind !== 'moot') this.#instruments.attempted(schedulerNameOf(pod), outcome.kind === 'bound' ? 'scheduled' : 'error', began);
    if (outcome.kind === 'bound') {
      this.#counts.bound++;
      this.#instruments.bound(waiting);
      this.#traces.bound(waiting, node, this.#parts.clock.monotonic() - decided);
      this.#parts.events.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${keyOf(pod)} to ${node}`);
      return;
    }
    // Either the informer has shown by now where the pod is, or the room is free again.
    if (this.#cluster.isAssumed(id)) this.#freed(() => this.#cluster.forget(id));
    if (outcome.kind === 'moot') return;
    const now = this.#parts.pods.lister.get(keyOf(pod));
    if (now === undefined || podId(now) !== id || planIntake(now, (name) => this.#profiles.has(name)) !== 'queue') return;
    waiting.pod = now;
    this.#queue.retryLater(waiting);
    this.#failed(waiting, 'SchedulerError', `binding to ${node} was refused: ${errorMessage(outcome.error)}`);
  }

  #onNode(node: Node): void {
    const old = this.#cluster.node(node.metadata.name ?? '')?.object;
    if (!this.#cluster.setNode(node)) return;
    this.#parked.nodeChanged(old === undefined || !same(old.metadata.labels, node.metadata.labels));
    this.#wakeup.notify();
  }

  #onPod(pod: Pod, old: Pod | undefined): void {
    const id = podId(pod);
    if (old !== undefined && podId(old) !== id) this.#onPodGone(old);
    const intake = planIntake(pod, (name) => this.#profiles.has(name));
    if (intake === 'count') {
      this.#queue.remove(id);
      this.#reporter.forget(id);
      const counted = this.#cluster.placeOf(id);
      const assumed = this.#cluster.isAssumed(id);
      this.#cluster.setPod(pod);
      const confirmed = assumed && counted === pod.spec.nodeName;
      if (!confirmed && (old === undefined || changedForOthers(pod, old))) this.#somethingMoved(counted !== undefined);
      return;
    }
    // Decided already; the bind is on its way, or its event.
    if (this.#cluster.isAssumed(id)) return;
    if (intake !== 'queue') this.#queue.remove(id);
    else if (old === undefined || !this.#queue.has(id) || changedForScheduling(pod, old)) this.#queue.add(pod);
    else this.#queue.refresh(pod);
    if (intake === 'gated') this.#reporter.report(pod, { reason: 'SchedulingGated', message: GATED });
    this.#wakeup.notify();
  }

  #onPodGone(pod: Pod): void {
    const id = podId(pod);
    this.#queue.remove(id);
    this.#reporter.forget(id);
    this.#freed(() => this.#cluster.removePod(id));
  }

  #freed(take: () => void): void {
    const before = this.#cluster.changes.head;
    take();
    if (this.#cluster.changes.head !== before) this.#somethingMoved(true);
  }

  #somethingMoved(left: boolean): void {
    this.#parked.podChanged(left);
    this.#wakeup.notify();
  }

  #profilesChanged(): boolean {
    this.#profiles.refresh();
    return this.#profiles.version !== this.#profilesSeen;
  }

  async #readProfiles(signal: AbortSignal): Promise<void> {
    this.#profilesSeen = this.#profiles.version;
    this.#classes.clear();
    await this.#outside.follow(this.#profiles.outside, signal);
    this.#queue.resort();
    this.#queue.wake(() => true);
    for (const pod of this.#parts.pods.lister.list()) {
      if (!this.#queue.has(podId(pod)) && !pod.spec.nodeName) this.#guard(pod, () => this.#onPod(pod, undefined));
    }
  }

  /** Handlers must not throw: an object that cannot be counted is reported and left out. */
  #guard(object: Pod | Node, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#parts.log.error('The scheduler could not take in an object.', { kind: object.kind, object: keyOf(object), error: errorMessage(error) });
    }
  }
}
