import type {
  AttachOptions, ContainerConfig, ContainerResources, ContainerStats, DuplexStream, ExecOptions, ExecSession, ImageFilesystem, ImageStatus, LogEntry, LogOptions, Logger, RegistryAuth, Runtime,
  RuntimeCapabilities, RuntimeContainerStatus, RuntimeEvent, SandboxConfig, SandboxStatus,
} from '@orrery/core';
import { OrreryError, errorMessage, systemRandom } from '@orrery/core';
import { Engine } from './engine/engine.js';
import { DockerImages } from './images/images.js';
import { containerStatus, sandboxStatus } from './inventory/facts.js';
import { Inventory } from './inventory/inventory.js';
import { Containers } from './lifecycle/containers.js';
import { Ending } from './lifecycle/ending.js';
import { engineFacts } from './lifecycle/engine-facts.js';
import type { EngineFacts } from './lifecycle/engine-facts.js';
import { Limiter } from './lifecycle/limiter.js';
import { collectOrphans } from './lifecycle/orphans.js';
import { Sandboxes } from './lifecycle/sandboxes.js';
import { Together } from './lifecycle/together.js';
import { prepare } from './options.js';
import type { DockerRuntimeOptions, PreparedOptions } from './options.js';
import { LayerSizes } from './stats/layer-size.js';
import { readStats } from './stats/stats.js';
import { EventFeed } from './streams/events.js';
import { readLogs } from './streams/logs.js';
import { openPort } from './streams/port-forward.js';
import { Sessions } from './streams/sessions.js';

const CAPABILITIES: RuntimeCapabilities = {
  images: true, exec: true, attach: true, tty: true, portForward: true, stats: true, mounts: true, namespaces: true, confinement: true, limits: true, resize: true, survivesRestart: true, realProcesses: true,
};

/** A runtime on a Docker engine, with what the contract does not ask of every runtime. */
export interface DockerRuntime extends Runtime {
  /** Removes what was begun and can never be finished; resolves with the ids. `ready` does so the first time it succeeds. */
  collectOrphans(signal: AbortSignal): Promise<readonly string[]>;
  /** Removes every container and sandbox that carries this runtime's identity, then closes it. Images stay. */
  destroy(signal: AbortSignal): Promise<void>;
}

/** Opens a runtime on a Docker engine; the engine is reached on first use. Throws `INVALID` for options that make no sense. */
export function createDockerRuntime(options: DockerRuntimeOptions = {}): DockerRuntime {
  return new DockerRuntimeOverEngine(options);
}

/** Puts the parts together; each method is one of them. */
class DockerRuntimeOverEngine implements DockerRuntime {
  readonly name: string;
  readonly capabilities = CAPABILITIES;
  readonly #options: PreparedOptions;
  readonly #logger: Logger | undefined;
  readonly #engine: Engine;
  readonly #inventory: Inventory;
  readonly #images: DockerImages;
  readonly #sandboxes: Sandboxes;
  readonly #containers: Containers;
  readonly #ending: Ending;
  readonly #sessions: Sessions;
  readonly #events: EventFeed;
  readonly #layers: LayerSizes;
  /** What is done to one thing is done once, whoever asks; see {@link Together}. */
  readonly #together = new Together();
  #facts: Promise<EngineFacts> | undefined;
  #collected = false;

  constructor(options: DockerRuntimeOptions) {
    this.#options = prepare(options);
    this.#logger = options.logger;
    const { name, id: owner, socketPath, network, policy, parallelStarts, logMaxBytes, logMaxFiles, seccompProfileRoot } = this.#options;
    const { clock, random = systemRandom, callTimeoutMs, sandboxImage, parallelPulls } = options;
    this.name = name;
    this.#engine = new Engine({ socketPath, ...(clock === undefined ? {} : { clock }), ...(callTimeoutMs === undefined ? {} : { callTimeoutMs }) });
    this.#images = new DockerImages(this.#engine, {
      ...(sandboxImage === undefined ? {} : { sandboxImage: typeof sandboxImage === 'string' ? { reference: sandboxImage } : sandboxImage }),
      ...(parallelPulls === undefined ? {} : { parallelPulls }),
    });
    this.#inventory = new Inventory(this.#engine, owner);
    const starts = new Limiter(parallelStarts);
    this.#ending = new Ending(this.#engine, this.#inventory);
    this.#sandboxes = new Sandboxes(this.#engine, this.#inventory, starts, this.#ending, {
      owner, policy, network,
      imageId: (signal) => this.#images.ensureSandboxImage(signal),
      lowestOomScore: async (signal) => (await this.#engineFacts(signal)).lowestOomScore,
      imageGone: () => this.#images.forgetSandboxImage(),
    });
    this.#containers = new Containers(this.#engine, this.#inventory, starts, {
      owner, policy,
      logs: { maxBytes: logMaxBytes, maxFiles: logMaxFiles },
      seccompRoot: seccompProfileRoot,
      lowestOomScore: async (signal) => (await this.#engineFacts(signal)).lowestOomScore,
      bounds: async (signal) => (await this.#engineFacts(signal)).bounds,
      imageUser: (reference, signal) => this.#images.user(reference, signal),
    });
    this.#sessions = new Sessions(this.#engine, this.#inventory, options.logger);
    this.#layers = new LayerSizes(this.#engine.clock);
    this.#events = new EventFeed(this.#engine, this.#inventory, owner, random);
  }

  async ready(signal: AbortSignal): Promise<void> {
    try {
      await this.#engine.call('ask whether the engine is ready', signal, (docker, abortSignal) => docker.version({ abortSignal } as never) as unknown as Promise<unknown>, { idempotent: true });
    } catch (error) {
      if (OrreryError.is(error, 'ABORTED') || OrreryError.is(error, 'CLOSED') || OrreryError.is(error, 'UNAVAILABLE')) throw error;
      throw new OrreryError('UNAVAILABLE', `The engine at ${this.#options.socketPath} is not ready: ${errorMessage(error)}`, {}, error);
    }
    if (this.#collected) return;
    this.#collected = true;
    // Beside everything else: nothing waits for it, and what it misses stays for the next time.
    this.collectOrphans(this.#engine.closed).then(
      (ids) => ids.length > 0 && this.#logger?.info('orphans were removed', { ids }),
      (error: unknown) => this.#logger?.debug('orphans were not looked for', { error: errorMessage(error) }),
    );
  }

  runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<SandboxStatus> {
    return this.#once(`run ${config.pod.uid} ${config.attempt}`, signal, (life) => this.#sandboxes.run(config, life));
  }

  stopSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    return this.#once(`stop ${sandboxId}`, signal, (life) => this.#sandboxes.stop(sandboxId, life));
  }

  removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    return this.#once(`remove ${sandboxId}`, signal, (life) => this.#sandboxes.remove(sandboxId, life));
  }

  async listSandboxes(signal: AbortSignal, podUid?: string): Promise<readonly SandboxStatus[]> {
    return (await this.#inventory.sandboxes(signal, podUid)).map(({ id, identity, facts }) => sandboxStatus(id, identity, facts));
  }

  createContainer(sandboxId: string, config: ContainerConfig, signal: AbortSignal): Promise<string> {
    return this.#once(`create ${sandboxId} ${config.name} ${config.attempt}`, signal, (life) => this.#containers.create(sandboxId, config, life));
  }

  startContainer(containerId: string, signal: AbortSignal): Promise<void> {
    return this.#once(`start ${containerId}`, signal, (life) => this.#containers.start(containerId, life));
  }

  stopContainer(containerId: string, graceMs: number, signal: AbortSignal): Promise<void> {
    return this.#once(`stop ${containerId} ${graceMs}`, signal, (life) => this.#ending.stop(containerId, graceMs, life));
  }

  updateContainer(containerId: string, resources: ContainerResources, signal: AbortSignal): Promise<void> {
    return this.#once(`update ${containerId} ${JSON.stringify(resources)}`, signal, (life) => this.#containers.update(containerId, resources, life));
  }

  removeContainer(containerId: string, signal: AbortSignal): Promise<void> {
    return this.#once(`remove ${containerId}`, signal, (life) => this.#ending.remove(containerId, life));
  }

  async containerStatus(containerId: string, signal: AbortSignal): Promise<RuntimeContainerStatus> {
    const { id, identity, facts } = await this.#inventory.container(containerId, signal);
    return containerStatus(id, identity, facts);
  }

  async listContainers(signal: AbortSignal, sandboxId?: string): Promise<readonly RuntimeContainerStatus[]> {
    return (await this.#inventory.containers(signal, sandboxId)).map(({ id, identity, facts }) => containerStatus(id, identity, facts));
  }

  logs(containerId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogEntry> {
    return readLogs(this.#engine, this.#inventory, containerId, options, signal);
  }

  exec(containerId: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    return this.#sessions.exec(containerId, options, signal);
  }

  attach(containerId: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    return this.#sessions.attach(containerId, options, signal);
  }

  portForward(sandboxId: string, port: number, signal: AbortSignal): Promise<DuplexStream> {
    return openPort(this.#engine, this.#inventory, sandboxId, port, signal);
  }

  stats(signal: AbortSignal): Promise<readonly ContainerStats[]> {
    return readStats(this.#engine, this.#inventory, this.#layers, this.#options.logMaxFiles, signal);
  }

  pullImage(reference: string, signal: AbortSignal, auth?: RegistryAuth): Promise<ImageStatus> {
    return this.#images.pull(reference, signal, auth);
  }

  imageStatus(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    return this.#once(`look for image ${reference}`, signal, (life) => this.#images.status(reference, life));
  }

  listImages(signal: AbortSignal): Promise<readonly ImageStatus[]> {
    return this.#images.list(signal);
  }

  removeImage(id: string, signal: AbortSignal): Promise<void> {
    return this.#images.remove(id, signal);
  }

  imageFilesystem(signal: AbortSignal): Promise<ImageFilesystem | undefined> {
    return this.#images.filesystem(signal);
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#events.subscribe(signal);
  }

  collectOrphans(signal: AbortSignal): Promise<readonly string[]> {
    return collectOrphans(this.#inventory, this.#ending, this.#engine.clock, signal);
  }

  async destroy(signal: AbortSignal): Promise<void> {
    // All at once: what is killed in any case need not keep its network until its end.
    const all = await Promise.all([this.#inventory.containers(signal), this.#inventory.sandboxes(signal)]);
    await Promise.all(all.flat().map(({ id }) => this.#ending.removeOwn(id, signal)));
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#engine.close();
    await Promise.all([this.#together.close(), this.#images.close()]);
  }

  /** Work that is shared by all who ask for it, and outlives those who leave. */
  #once<T>(key: string, signal: AbortSignal, work: (life: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#engine.closed.aborted) return Promise.reject(new OrreryError('CLOSED', 'The runtime is closed.'));
    return this.#together.run(key, signal, work);
  }

  /** What the engine tells of itself, asked once; a failure is not kept. */
  #engineFacts(signal: AbortSignal): Promise<EngineFacts> {
    const { socketPath, policy } = this.#options;
    const found = (this.#facts ??= engineFacts(this.#engine, socketPath, policy.mountRoots, signal));
    found.catch(() => {
      if (this.#facts === found) this.#facts = undefined;
    });
    return found;
  }
}
