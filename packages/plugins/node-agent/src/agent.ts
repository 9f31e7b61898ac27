import {
  ApiError,
  backoffDelay,
  errorMessage,
  type Logger,
  type NodeStreams,
  OrreryError,
  Pod,
  type PodIdentity,
  type RuntimeContainerStatus,
  type SandboxStatus,
} from '@orrery/core';
import type { NodeAgentOptions } from './agent-options.js';
import { evictionSettings } from './eviction/settings.js';
import { imageSettings } from './images/settings.js';
import type { UsageSource } from './metrics/usage-source.js';
import { Admission } from './node/admission.js';
import { Heartbeat } from './node/heartbeat.js';
import { Housekeeping } from './node/housekeeping.js';
import { LostBindings } from './node/lost-bindings.js';
import { nodeResources } from './node/node-resources.js';
import { podEquipment } from './node/pod-equipment.js';
import { isMirror, isStatic } from './pod/critical.js';
import type { PodWorkerOptions } from './pod/options.js';
import { PodWorker } from './pod/pod-worker.js';
import { apiRecord } from './pod/record.js';
import { EMPTY_VIEW, type PodView, strays } from './pod/view.js';
import { DeferredResizes } from './resize/deferred.js';
import type { ReferenceWatches } from './references/reference-watches.js';
import { StaticPods } from './static-pods/static-pods.js';
import { AgentStreams } from './streams/agent-streams.js';
import type { LocalVolumes } from './volumes/local-volumes.js';

/** The runtime is asked for everything it has so often even without a hint. */
const RELIST_MS = 30_000;
const HINTS_RETRY_MS = 1_000;

/** What the runtime has of a pod, and which pod that is. */
type FoundPod = PodView & { readonly pod: PodIdentity };

/** How long an agent that starts puts up with an API or a runtime that does not answer; less than a part is given to start. */
const INSIST_MS = 15_000;
const INSIST_BACKOFF = { baseMs: 100, maxMs: 3_000 } as const;

/** Whether the same call may succeed in a moment. */
const passing = (error: unknown): boolean =>
  ApiError.is(error) ? error.code >= 500 || error.reason === 'TooManyRequests' || error.reason === 'Conflict' : OrreryError.is(error) && error.retryable;

/**
 * What the kubelet does: registers a node, keeps its lease, and runs the pods bound to it, one worker a pod.
 * When it starts it adopts what runs already and ends what no pod of the API stands behind.
 */
export class NodeAgent {
  readonly #workers = new Map<string, PodWorker>();
  readonly #heartbeat: Heartbeat;
  readonly #localVolumes: LocalVolumes | undefined;
  readonly #pods: PodWorkerOptions;
  readonly #references: ReferenceWatches;
  readonly #housekeeping: Housekeeping;
  readonly #staticPods: StaticPods;
  /** What ran when the agent started, by uid of the pod. */
  #found: ReadonlyMap<string, FoundPod> = new Map();
  readonly #lostBindings: LostBindings;
  readonly #log: Logger;

  constructor(private readonly options: NodeAgentOptions) {
    const { client, runtime, prober, clock, config, events, configure } = options;
    this.#log = options.log.child({ node: config.name });
    this.#lostBindings = new LostBindings(client, config.name, this.#log);
    const { meter, diskSpace, sampleMs, eviction = evictionSettings(), reserved = { kubeReserved: {}, systemReserved: {} } } = options;
    const resources = nodeResources({ machine: options.machine.capacity, given: config.capacity, ...reserved, thresholds: meter === undefined ? [] : eviction.thresholds });
    this.#heartbeat = new Heartbeat({ ...options, log: this.#log, resources, pressures: () => this.#housekeeping.eviction.pressures });
    const { permit, references, localVolumes, ...equipment } = podEquipment({ ...options, log: this.#log, resources });
    this.#references = references;
    this.#localVolumes = localVolumes;
    // As the kubelet names it: of events about the node itself the uid is its name.
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: config.name, uid: config.name } };
    this.#housekeeping = new Housekeeping({
      config, runtime, events, clock, node, diskSpace, eviction, meter, sampleMs, log: this.#log, volumes: equipment.volumes,
      imageSettings: options.imageSettings ?? imageSettings(), pods: this.#workers, pressuresChanged: () => this.#heartbeat.hurry(),
    });
    const admission = new Admission({
      events, permit, log: this.#log, allocatable: resources.allocatable, node: this.#heartbeat, pressures: () => this.#housekeeping.eviction.pressures, others: (pod) => this.#holding(pod),
    });
    this.#pods = { ...equipment, record: apiRecord(client), runtime, prober, events, clock, log: this.#log, hostIP: config.hostIP, progress: options.progress ?? [], configure, resizes: { allocatable: resources.allocatable, refusal: (pod) => admission.refusal(pod), deferred: new DeferredResizes() }, makeRoom: (pod) => admission.makeRoom(pod), admit: (pod) => admission.admit(pod) };
    this.#staticPods = new StaticPods({
      client, clock, events, node: config.name, about: node, log: this.#log, source: options.staticPods,
      start: (pod, record, finished) => this.#look(pod, this.#found.get(pod.metadata.uid ?? ''), { ...this.#pods, record }, finished),
      endFormer: (pod, signal) => this.#endFormer(pod, signal),
      update: (pod) => this.#workers.get(pod.metadata.uid ?? '')?.update(pod),
    });
  }

  /** Output, commands and ports of the pods. */
  get streams(): NodeStreams {
    const { config, runtime } = this.options;
    return new AgentStreams({ node: config.name, runtime, pods: () => [...this.#workers.values()].map(({ current }) => current) });
  }

  /** What pods and the node use. */
  get usage(): UsageSource {
    return this.#housekeeping.usage;
  }

  /** Runs until the signal aborts. Ready when the node is registered and what ran before has been adopted. Pods are left running. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { runtime, clock, staticPods } = this.options;
    await this.#insist('the runtime to answer', () => runtime.ready(signal), signal);
    // An agent with static pods is of use without an API: it does not fail for want of one.
    const cancelReady = staticPods === undefined ? () => {} : clock.timer(INSIST_MS, ready);
    try {
      if (staticPods !== undefined) this.#found = await this.#insist('what runs already', () => this.#listRuntime(signal), signal);
      await this.#staticPods.begin(signal);
      const listening = staticPods === undefined ? undefined : this.#listen(signal);
      await Promise.all([listening, this.#staticPods.run(signal), this.#runFromApi(signal, () => (cancelReady(), ready()))]);
    } finally {
      cancelReady();
      await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
      await this.#references.close();
    }
  }

  async #runFromApi(signal: AbortSignal, ready: () => void): Promise<void> {
    const { informers, config, staticPods } = this.options;
    const insistMs = staticPods === undefined ? INSIST_MS : Number.POSITIVE_INFINITY;
    await this.#insist('the node to be registered', () => this.#heartbeat.register(signal), signal, insistMs);
    const informer = informers.get(Pod, { fieldSelector: `spec.nodeName=${config.name}` });
    await informer.synced(signal);
    const found = await this.#insist('what runs already', () => this.#listRuntime(signal), signal, insistMs);
    const unsubscribe = informer.subscribe({
      added: (pod) => this.#admit(pod, found.get(pod.metadata.uid ?? '')),
      updated: (pod) => this.#workers.get(pod.metadata.uid ?? '')?.update(pod) ?? this.#admit(pod, undefined),
      deleted: (pod) => (isMirror(pod) ? this.#staticPods.mirrorChanged(pod) : void this.#missing(pod, signal)),
    });
    try {
      await this.#endOrphans(found, signal);
      found.clear();
      this.#found = found;
      ready();
      // Who listens already has not heard what happened to pods that were not looked after yet.
      const listening = staticPods === undefined ? this.#listen(signal) : this.#insist('what runs now', () => this.#compareAll(signal), signal, insistMs);
      await Promise.all([this.#heartbeat.run(signal), listening, this.#relist(signal), this.#housekeeping.run(signal), this.#localVolumes?.run(signal), this.#sweepVolumes()]);
    } finally {
      unsubscribe();
    }
  }

  /** The other pods that hold resources of this node: admitted here, and not over as far as the API knows. */
  #holding(pod: Pod): readonly PodWorker[] {
    return [...this.#workers.values()].filter(({ holdsResources, uid }) => holdsResources && uid !== pod.metadata.uid);
  }

  /** What may fail for a moment is tried again for a while, as the kubelet does; then its error is told. */
  async #insist<T>(what: string, attempt: () => Promise<T>, signal: AbortSignal, limitMs = INSIST_MS): Promise<T> {
    const { clock } = this.options;
    const until = clock.monotonic() + limitMs;
    for (let failures = 1; ; failures += 1) {
      try {
        return await attempt();
      } catch (error) {
        const delayMs = backoffDelay(INSIST_BACKOFF, failures);
        if (signal.aborted || !passing(error) || clock.monotonic() + delayMs > until) throw error;
        this.#log.warn(`waiting for ${what}`, { error: errorMessage(error) });
        await clock.sleep(delayMs, signal);
      }
    }
  }

  #admit(pod: Pod, adopted: PodView | undefined): void {
    if (isMirror(pod)) return this.#staticPods.mirrorChanged(pod);
    const known = this.#workers.get(pod.metadata.uid ?? '');
    if (known !== undefined) return known.update(pod);
    // What ended for good and has left nothing here needs nobody to look after it, until it is deleted.
    const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (over && adopted === undefined && pod.metadata.deletionTimestamp === undefined) return;
    this.#look(pod, adopted, this.#pods, () => {});
  }

  #look(pod: Pod, adopted: PodView | undefined, options: PodWorkerOptions, finished: () => void): void {
    const uid = pod.metadata.uid ?? '';
    const worker = new PodWorker(pod, adopted, options, () => {
      this.#workers.delete(uid);
      finished();
    });
    this.#workers.set(uid, worker);
    worker.wake();
  }

  /** Everything the runtime has, by the uid of its pod. */
  async #listRuntime(signal: AbortSignal): Promise<Map<string, FoundPod>> {
    const { runtime } = this.options;
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(signal), runtime.listContainers(signal)]);
    const views = new Map<string, { pod: PodIdentity; sandboxes: SandboxStatus[]; containers: RuntimeContainerStatus[] }>();
    for (const sandbox of sandboxes) {
      const view = views.get(sandbox.pod.uid) ?? { pod: sandbox.pod, sandboxes: [], containers: [] };
      view.sandboxes.push(sandbox);
      view.sandboxes.sort((a, b) => b.attempt - a.attempt);
      views.set(sandbox.pod.uid, view);
    }
    for (const container of containers) {
      const view = views.get(container.pod.uid) ?? { pod: container.pod, sandboxes: [], containers: [] };
      view.containers.push(container);
      views.set(container.pod.uid, view);
    }
    return views;
  }

  /** The API shows the pod among this node's no more: it ends, unless it turns out that only its binding was lost. */
  async #missing({ metadata, spec }: Pod, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid = '' } = metadata;
    const worker = this.#workers.get(uid);
    if (worker === undefined) return;
    // Whoever looks at it again has its pod from the API.
    if (metadata.deletionTimestamp === undefined && (spec.nodeName ?? '') !== '') {
      const isOurs = await this.#insist('what became of a pod', () => this.#lostBindings.isOurs({ namespace, name, uid }), signal, Number.POSITIVE_INFINITY).catch((error: unknown) => {
        if (!signal.aborted) this.#log.warn('a pod that the API does not show is ended', { pod: name, uid, error: errorMessage(error) });
        return signal.aborted;
      });
      if (isOurs) return;
    }
    worker.removed();
  }

  /** Ends what runs without a pod in the API: the pod was deleted while nobody looked. Pods of other nodes that share the runtime are left alone. */
  async #endOrphans(found: ReadonlyMap<string, FoundPod>, signal: AbortSignal): Promise<void> {
    const pods = this.options.client.kind(Pod);
    const strangers = [...found].filter(([uid]) => !this.#workers.has(uid));
    await Promise.all(
      strangers.map(async ([uid, view]) => {
        const pod = await pods.find(view.pod);
        if (this.#workers.has(uid)) return;
        // Pods of other nodes that share the runtime are left alone.
        if (pod?.metadata.uid === uid && ((pod.spec.nodeName ?? '') !== '' || (await this.#lostBindings.isOurs(view.pod)))) return;
        this.#log.info('ending a pod that the API does not have', { pod: view.pod.name, uid });
        for (const { id } of strays(view)) await this.options.runtime.removeContainer(id, signal);
        for (const { id } of view.sandboxes) await this.options.runtime.removeSandbox(id, signal);
        await this.#pods.volumes.remove(uid);
      }),
    );
  }

  /** Ends what a file that was changed while no agent ran has left running. */
  async #endFormer({ metadata }: Pod, signal: AbortSignal): Promise<void> {
    for (const [uid, { pod, sandboxes }] of this.#found) {
      if (pod.name !== metadata.name || pod.namespace !== metadata.namespace || uid === metadata.uid) continue;
      const former = sandboxes.filter(({ annotations }) => isStatic({ metadata: { uid, annotations } }));
      for (const { id } of former) await this.options.runtime.removeSandbox(id, signal);
      if (former.length > 0) await this.#pods.volumes.remove(uid);
    }
  }

  /** Removes the volumes of pods that nobody looks after. */
  async #sweepVolumes(): Promise<void> {
    const { volumes } = this.#pods;
    const remove = (uid: string): Promise<void> =>
      volumes.remove(uid).catch((error: unknown) => this.#log.warn('volumes that nobody needs could not be removed', { uid, error: errorMessage(error) }));
    try {
      // One that is held up does not hold up the others; the next start tries again.
      for (const uid of volumes.uids?.() ?? []) if (!this.#workers.has(uid)) await remove(uid);
    } catch (error) {
      this.#log.warn('the folder of volumes could not be read', { error: errorMessage(error) });
    }
  }

  /** Follows the runtime's hints; when they break off, everything may have changed. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    while (!signal.aborted) {
      // What happened before the hints began was not heard, so there is a look at everything beside them.
      const outcomes = await Promise.allSettled([this.#follow(signal), this.#compareAll(signal)]);
      if (signal.aborted) return;
      for (const outcome of outcomes) if (outcome.status === 'rejected') this.#log.warn('the runtime\'s events broke off', { error: errorMessage(outcome.reason) });
      await clock.sleep(HINTS_RETRY_MS, signal).catch(() => signal);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    for await (const event of this.options.runtime.events(signal)) {
      if (event.pod === undefined) await this.#compareAll(signal);
      else this.#workers.get(event.pod.uid)?.hint(event);
    }
  }

  /** The list is the truth: hints may have been missed, and what belongs to nobody is ended. */
  async #relist(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    for (;;) {
      await clock.sleep(RELIST_MS, signal).catch(() => signal);
      if (signal.aborted) return;
      try {
        await this.#endOrphans(await this.#compareAll(signal), signal);
      } catch (error) {
        if (!signal.aborted) this.#log.warn('the runtime could not be listed', { error: errorMessage(error) });
      }
    }
  }

  /** Lists the runtime once, and lets those pods look again that are not as they were. */
  async #compareAll(signal: AbortSignal): Promise<ReadonlyMap<string, FoundPod>> {
    const found = await this.#listRuntime(signal);
    for (const [uid, worker] of this.#workers) worker.compare(found.get(uid) ?? EMPTY_VIEW);
    return found;
  }
}
