import { setMaxListeners } from 'node:events';
import type {
  AttachOptions, Clock, ContainerConfig, ContainerResources, ContainerStats, DuplexStream, ExecOptions, ExecSession, ImageFilesystem, ImageStatus, LogEntry, LogOptions,
  RegistryAuth, Runtime,
  RuntimeCapabilities, RuntimeContainerStatus, RuntimeEvent, SandboxConfig, SandboxStatus,
} from '@orrery/core';
import { OrreryError } from '@orrery/core';
import type { SimulatedContainer } from './container.js';
import type { SimulatedFaults, SimulatedOperation } from './faults.js';
import type { SimulatedMachine } from './machine.js';
import { execSession, hints, simulatedLogs } from './streams.js';

/** How to open a runtime on a machine. */
export interface SimulatedRuntimeOptions {
  readonly machine: SimulatedMachine;
  /** The name a pod's runtime class selects. Default `simulated`. */
  readonly name?: string;
  readonly faults?: SimulatedFaults;
}

/** Opens a runtime on a machine. Closing it leaves the machine as it is. */
export function createSimulatedRuntime(options: SimulatedRuntimeOptions): Runtime {
  return new MachineRuntime(options.name ?? 'simulated', options.machine, options.faults ?? {});
}

const CAPABILITIES: RuntimeCapabilities = {
  images: false, exec: true, attach: false, tty: false, portForward: false, stats: true, mounts: false, namespaces: false, confinement: false, limits: false, resize: true, survivesRestart: true,
  realProcesses: false,
};

class MachineRuntime implements Runtime {
  readonly capabilities: RuntimeCapabilities;
  readonly #closed = new AbortController();

  constructor(readonly name: string, readonly machine: SimulatedMachine, readonly faults: SimulatedFaults) {
    this.capabilities = { ...CAPABILITIES, images: machine.images !== undefined };
  }

  get clock(): Clock {
    return this.machine.clock;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#call('ready', '', signal, () => undefined);
  }

  runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<SandboxStatus> {
    return this.#call('runSandbox', config.pod.uid, signal, () => this.machine.runSandbox(config));
  }

  stopSandbox(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('stopSandbox', id, signal, () => this.machine.stopSandbox(id));
  }

  removeSandbox(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('removeSandbox', id, signal, () => this.machine.removeSandbox(id));
  }

  listSandboxes(signal: AbortSignal, podUid?: string): Promise<readonly SandboxStatus[]> {
    return this.#call('listSandboxes', podUid ?? '', signal, () => this.machine.sandboxes(podUid));
  }

  createContainer(sandboxId: string, config: ContainerConfig, signal: AbortSignal): Promise<string> {
    return this.#call('createContainer', sandboxId, signal, () => this.machine.createContainer(sandboxId, config).id);
  }

  startContainer(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('startContainer', id, signal, () => this.machine.startContainer(id));
  }

  stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void> {
    return this.#call('stopContainer', id, signal, () => this.machine.find(id)?.stop(graceMs));
  }

  updateContainer(id: string, resources: ContainerResources, signal: AbortSignal): Promise<void> {
    return this.#call('updateContainer', id, signal, () => this.machine.container(id).update(resources));
  }

  removeContainer(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('removeContainer', id, signal, () => this.machine.removeContainer(id));
  }

  containerStatus(id: string, signal: AbortSignal): Promise<RuntimeContainerStatus> {
    return this.#call('containerStatus', id, signal, () => this.machine.container(id).status);
  }

  listContainers(signal: AbortSignal, sandboxId?: string): Promise<readonly RuntimeContainerStatus[]> {
    const wanted = (): SimulatedContainer[] => (sandboxId === undefined ? this.machine.containers() : this.machine.containersOf(sandboxId));
    return this.#call('listContainers', sandboxId ?? '', signal, () => wanted().map(({ status }) => status));
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const container = await this.#call('logs', id, signal, () => this.machine.container(id));
    yield* simulatedLogs(container, options, AbortSignal.any([signal, this.#closed.signal]));
  }

  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    return this.#call('exec', id, signal, () => {
      const container = this.machine.container(id);
      if (container.state !== 'running') throw new OrreryError('NOT_FOUND', `Container ${id} is not running.`, { containerId: id });
      return execSession(container, options.command, this.clock, signal);
    });
  }

  attach(_id: string, _options: AttachOptions, _signal: AbortSignal): Promise<ExecSession> {
    return Promise.reject(new OrreryError('UNSUPPORTED', 'A simulated container has no streams to join.'));
  }

  portForward(_sandboxId: string, _port: number, _signal: AbortSignal): Promise<DuplexStream> {
    return Promise.reject(new OrreryError('UNSUPPORTED', 'A simulated pod has no ports.'));
  }

  stats(signal: AbortSignal): Promise<readonly ContainerStats[]> {
    return this.#call('stats', '', signal, () =>
      this.machine.containers().filter(({ state }) => state === 'running').map((container) => ({
        containerId: container.id,
        pod: container.pod,
        name: container.config.name,
        timestamp: this.clock.now(),
        cpuNanoseconds: container.cpuNanoseconds,
        workingSetBytes: container.memoryBytes,
        rssBytes: container.memoryBytes,
      })),
    );
  }

  pullImage(reference: string, signal: AbortSignal, auth?: RegistryAuth): Promise<ImageStatus> {
    return this.#call('pullImage', reference, signal, () => this.machine.images?.pull(reference, auth) ?? imageCalled(reference));
  }

  imageStatus(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined> {
    const { images } = this.machine;
    return this.#call('imageStatus', reference, signal, () => (images === undefined ? imageCalled(reference) : images.status(reference)));
  }

  listImages(signal: AbortSignal): Promise<readonly ImageStatus[]> {
    return this.#call('listImages', '', signal, () => this.machine.images?.list() ?? []);
  }

  removeImage(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('removeImage', id, signal, () => this.machine.removeImage(id));
  }

  async imageFilesystem(_signal: AbortSignal): Promise<ImageFilesystem | undefined> {
    const { images } = this.machine;
    return images === undefined ? undefined : { path: '/', usedBytes: images.usedBytes };
  }

  async *events(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    this.#mustBeOpen();
    const cut = new AbortController();
    const listen = (listener: (event: RuntimeEvent) => void): (() => void) =>
      this.machine.listen((event) => {
        if (this.faults.cutEvents?.(event) === true) cut.abort();
        if (!cut.signal.aborted && this.faults.dropEvent?.(event) !== true) listener(event);
      });
    yield* hints(listen, AbortSignal.any([signal, cut.signal]), this.#closed.signal);
    if (cut.signal.aborted && !signal.aborted) throw new OrreryError('UNAVAILABLE', 'The stream of events broke off (simulated).');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new OrreryError('CLOSED', 'The simulated runtime has been closed.'));
  }

  /** Every call goes through here: faults, abort and close act on all of them alike. The work itself goes on when the caller stops waiting. */
  async #call<T>(operation: SimulatedOperation, subject: string, signal: AbortSignal, act: () => T | Promise<T>): Promise<T> {
    this.#mustBeOpen();
    if (signal.aborted) throw new OrreryError('ABORTED', 'The caller stopped waiting.', {}, signal.reason);
    const { faults } = this;
    if (faults.before === undefined && faults.after === undefined) {
      const result = act();
      // Most of a simulation's calls wait for nothing, and need not be watched.
      return result instanceof Promise ? unlessAborted(result, signal, this.#closed.signal) : result;
    }
    const work = async (): Promise<T> => {
      if (faults.before !== undefined) await faults.before(operation, subject);
      const result = await act();
      if (faults.after !== undefined) await faults.after(operation, subject);
      return result;
    };
    return unlessAborted(work(), signal, this.#closed.signal);
  }

  #mustBeOpen(): void {
    if (this.#closed.signal.aborted) throw new OrreryError('CLOSED', 'The simulated runtime has been closed.');
  }
}

/** There are no images here: every name stands for itself. */
const imageCalled = (reference: string): ImageStatus => ({ id: reference, reference, tags: [], digests: [], sizeBytes: 0, pinned: false });

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, closed: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new OrreryError('ABORTED', 'The caller stopped waiting.', {}, signal.reason));
    const close = (): void => reject(closed.reason as Error);
    // One signal may stand for thousands of calls under way; that is not a leak.
    setMaxListeners(0, signal, closed);
    signal.addEventListener('abort', abort, { once: true });
    closed.addEventListener('abort', close, { once: true });
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
      closed.removeEventListener('abort', close);
    });
  });
}
