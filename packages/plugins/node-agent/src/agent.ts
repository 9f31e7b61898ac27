import {
  ApiError,
  type Client,
  type Clock,
  ConfigMap,
  type EventRecorder,
  errorMessage,
  type Informers,
  type Logger,
  Pod,
  type PodIdentity,
  type Runtime,
  type RuntimeContainerStatus,
  type SandboxStatus,
  Secret,
  Service,
} from '@orrery/core';
import { Heartbeat, type HeartbeatTimes } from './node/heartbeat.js';
import type { MachineFacts } from './node/machine.js';
import type { NodeConfig } from './node/node-object.js';
import type { EnvSources } from './pod/env.js';
import { PodWorker, type PodWorkerOptions } from './pod/pod-worker.js';
import type { PodView } from './pod/view.js';
import type { Prober } from './probes/prober.js';
import { type PodVolumes, Volumes } from './volumes/volumes.js';

/** What a node agent is made from. */
export interface NodeAgentOptions {
  readonly config: NodeConfig;
  readonly machine: MachineFacts;
  readonly times: HeartbeatTimes;
  /** Folder of the pods' volumes. */
  readonly rootDir: string;
  readonly client: Client;
  readonly informers: Informers;
  readonly runtime: Runtime;
  readonly prober: Prober;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly configure: PodWorkerOptions['configure'];
  /** Where volumes come from; default: folders below `rootDir`. A simulation without a file system brings its own. */
  readonly volumes?: PodVolumes;
}

/** The runtime is asked for everything it has so often even without a hint. */
const RELIST_MS = 30_000;

/**
 * What the kubelet does: registers a node, keeps its lease, and runs the pods bound to it, one worker a pod.
 * When it starts it adopts what runs already and ends what no pod of the API stands behind.
 */
export class NodeAgent {
  readonly #workers = new Map<string, PodWorker>();
  readonly #heartbeat: Heartbeat;
  readonly #pods: PodWorkerOptions;
  readonly #log: Logger;

  constructor(private readonly options: NodeAgentOptions) {
    const { client, runtime, prober, clock, config, events, configure, machine } = options;
    this.#log = options.log.child({ node: config.name });
    this.#heartbeat = new Heartbeat({ ...options, log: this.#log });
    const services = options.informers.get(Service);
    const optional = async <T>(reading: Promise<T>): Promise<T | undefined> => reading;
    const sources: Omit<EnvSources, 'podIPs'> = {
      configMap: (namespace, name) => optional(client.kind(ConfigMap).find({ namespace, name })),
      secret: (namespace, name) => optional(client.kind(Secret).find({ namespace, name })),
      services: (namespace) => services.lister.list(namespace),
      hostIP: config.hostIP,
      allocatable: { ...machine.capacity, ...config.capacity },
    };
    this.#pods = { client, runtime, prober, volumes: options.volumes ?? new Volumes(options.rootDir), sources, events, clock, log: this.#log, hostIP: config.hostIP, configure };
  }

  /** Runs until the signal aborts. Ready when the node is registered and what ran before has been adopted. Pods are left running. */
  async run(signal: AbortSignal, ready: () => void): Promise<void> {
    const { runtime, informers, config } = this.options;
    await runtime.ready(signal);
    await this.#heartbeat.register(signal);
    const informer = informers.get(Pod, { fieldSelector: `spec.nodeName=${config.name}` });
    await informer.synced(signal);
    const found = await this.#listRuntime(signal);
    const unsubscribe = informer.subscribe({
      added: (pod) => this.#admit(pod, found.get(pod.metadata.uid ?? '')),
      updated: (pod) => this.#workers.get(pod.metadata.uid ?? '')?.update(pod) ?? this.#admit(pod, undefined),
      deleted: (pod) => this.#workers.get(pod.metadata.uid ?? '')?.removed(),
    });
    await this.#endOrphans(found, signal);
    found.clear();
    ready();
    try {
      await Promise.all([this.#heartbeat.run(signal), this.#listen(signal), this.#relist(signal)]);
    } finally {
      unsubscribe();
      await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
    }
  }

  #admit(pod: Pod, adopted: PodView | undefined): void {
    const uid = pod.metadata.uid ?? '';
    if (this.#workers.has(uid)) return;
    // What ended for good and has left nothing here needs nobody to look after it, until it is deleted.
    const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (over && adopted === undefined && pod.metadata.deletionTimestamp === undefined) return;
    const worker = new PodWorker(pod, adopted, this.#pods, () => this.#workers.delete(uid));
    this.#workers.set(uid, worker);
    worker.wake();
  }

  /** Everything the runtime has, by the uid of its pod. */
  async #listRuntime(signal: AbortSignal): Promise<Map<string, PodView & { readonly pod: PodIdentity }>> {
    const { runtime } = this.options;
    const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(signal), runtime.listContainers(signal)]);
    const views = new Map<string, { pod: PodIdentity; sandboxes: SandboxStatus[]; containers: RuntimeContainerStatus[] }>();
    for (const sandbox of sandboxes) {
      const view = views.get(sandbox.pod.uid) ?? { pod: sandbox.pod, sandboxes: [], containers: [] };
      view.sandboxes.push(sandbox);
      view.sandboxes.sort((a, b) => b.attempt - a.attempt);
      views.set(sandbox.pod.uid, view);
    }
    for (const container of containers) views.get(container.pod.uid)?.containers.push(container);
    return views;
  }

  /** Ends what runs without a pod in the API: the pod was deleted while nobody looked. */
  async #endOrphans(found: ReadonlyMap<string, PodView & { readonly pod: PodIdentity }>, signal: AbortSignal): Promise<void> {
    const orphans = [...found].filter(([uid]) => !this.#workers.has(uid));
    await Promise.all(
      orphans.map(async ([uid, view]) => {
        this.#log.info('ending a pod that the API does not have', { pod: view.pod.name, uid });
        for (const { id } of view.sandboxes) await this.options.runtime.removeSandbox(id, signal);
        await this.#pods.volumes.remove(uid);
      }),
    );
  }

  /** Follows the runtime's hints; when they break off, everything may have changed. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { runtime, clock } = this.options;
    while (!signal.aborted) {
      try {
        for await (const event of runtime.events(signal)) {
          if (event.pod === undefined) this.#hintAll();
          else this.#workers.get(event.pod.uid)?.hint();
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn('the runtime\'s events broke off', { error: errorMessage(error) });
      }
      this.#hintAll();
      await clock.sleep(1_000, signal).catch(() => signal);
    }
  }

  /** The list is the truth: hints may have been missed, and what belongs to nobody is ended. */
  async #relist(signal: AbortSignal): Promise<void> {
    const { clock, client } = this.options;
    for (;;) {
      await clock.sleep(RELIST_MS, signal).catch(() => signal);
      if (signal.aborted) return;
      this.#hintAll();
      try {
        const found = await this.#listRuntime(signal);
        for (const [uid, view] of [...found]) {
          const pod = this.#workers.has(uid) ? undefined : await client.kind(Pod).find(view.pod);
          if (this.#workers.has(uid) || pod?.metadata.uid === uid) found.delete(uid);
        }
        await this.#endOrphans(found, signal);
      } catch (error) {
        if (!signal.aborted && !ApiError.is(error, 'NotFound')) this.#log.warn('the runtime could not be listed', { error: errorMessage(error) });
      }
    }
  }

  #hintAll(): void {
    for (const worker of this.#workers.values()) worker.hint();
  }
}
