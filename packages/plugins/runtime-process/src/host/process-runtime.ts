import { rmSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type {
  AttachOptions, Clock, ContainerConfig, ContainerResources, ContainerStats, RuntimeContainerStatus, DuplexStream, ExecOptions, ExecSession, ImageStatus, LogEntry, LogOptions,
  Runtime, RuntimeCapabilities, RuntimeEvent, SandboxConfig, SandboxStatus,
} from '@orrery/core';
import { OrreryError, silentLogger, systemClock } from '@orrery/core';
import { layout } from '../shared/layout.js';
import type { HelperOptions } from '../shared/layout.js';
import { hints } from './events.js';
import { HelperLink, abortable } from './link.js';
import { readLog } from './log-stream.js';
import type { ProcessRuntimeOptions } from './options.js';
import { prepare } from './options.js';
import { openPort, sessionOver } from './sessions.js';

/** A process runtime, and the way to leave nothing behind. */
export interface ProcessRuntime extends Runtime {
  /** Where records and logs are. */
  readonly stateDir: string;
  /** Ends all containers and the helper, and removes the state directory. The runtime is closed afterwards. */
  destroy(signal: AbortSignal): Promise<void>;
}

/**
 * Makes a runtime that runs containers as processes of this machine. Nothing is started before the first call.
 * Closing it leaves containers running for the next runtime with the same state directory. Throws `INVALID` for bad options.
 */
export function createProcessRuntime(options: ProcessRuntimeOptions = {}): ProcessRuntime {
  const helper = prepare(options);
  const clock = options.clock ?? systemClock;
  return new HelperRuntime(options.name ?? 'process', helper, options.workingDir ?? process.cwd(), clock, new HelperLink(helper, clock, options.logger ?? silentLogger));
}

class HelperRuntime implements ProcessRuntime {
  readonly capabilities: RuntimeCapabilities;
  readonly stateDir: string;

  constructor(readonly name: string, readonly helper: HelperOptions, readonly workingDir: string, readonly clock: Clock, readonly link: HelperLink) {
    this.stateDir = helper.stateDir;
    const limits = helper.cgroups === 'auto' && process.getuid?.() === 0;
    this.capabilities = {
      images: false,
      exec: true,
      attach: true,
      tty: false,
      portForward: true,
      stats: true,
      mounts: false,
      namespaces: false,
      confinement: false,
      limits,
      resize: limits,
      survivesRestart: true,
      realProcesses: true,
    };
  }

  async ready(signal: AbortSignal): Promise<void> {
    await this.link.request('listSandboxes', {}, signal);
  }

  runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<SandboxStatus> {
    return this.link.request('runSandbox', { config }, signal);
  }

  async stopSandbox(id: string, signal: AbortSignal): Promise<void> {
    await this.link.request('stopSandbox', { id }, signal);
  }

  async removeSandbox(id: string, signal: AbortSignal): Promise<void> {
    await this.link.request('removeSandbox', { id }, signal);
  }

  listSandboxes(signal: AbortSignal, podUid?: string): Promise<readonly SandboxStatus[]> {
    return this.link.request('listSandboxes', podUid === undefined ? {} : { podUid }, signal);
  }

  createContainer(sandboxId: string, config: ContainerConfig, signal: AbortSignal): Promise<string> {
    return this.link.request('createContainer', { sandboxId, config: { ...config, workingDir: config.workingDir || this.workingDir } }, signal);
  }

  async startContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.link.request('startContainer', { id }, signal);
  }

  async stopContainer(id: string, graceMs: number, signal: AbortSignal): Promise<void> {
    await this.link.request('stopContainer', { id, graceMs }, signal);
  }

  async updateContainer(id: string, resources: ContainerResources, signal: AbortSignal): Promise<void> {
    if (!this.capabilities.resize) throw new OrreryError('UNSUPPORTED', 'Without control groups the process runtime limits nothing.');
    await this.link.request('updateContainer', { id, resources }, signal);
  }

  async removeContainer(id: string, signal: AbortSignal): Promise<void> {
    await this.link.request('removeContainer', { id }, signal);
  }

  containerStatus(id: string, signal: AbortSignal): Promise<RuntimeContainerStatus> {
    return this.link.request('containerStatus', { id }, signal);
  }

  listContainers(signal: AbortSignal, sandboxId?: string): Promise<readonly RuntimeContainerStatus[]> {
    return this.link.request('listContainers', sandboxId === undefined ? {} : { sandboxId }, signal);
  }

  async *logs(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogEntry> {
    // Also makes sure that the id is one of ours before it becomes part of a path.
    await this.containerStatus(id, signal);
    const isThis = (event: RuntimeEvent): boolean => event.type === 'resync' || event.containerId === id;
    const followed = {
      ended: async (): Promise<boolean> => !['created', 'running'].includes((await this.#statusOf(id, signal))?.state ?? 'removed'),
      onChange: (wake: () => void): (() => void) => this.link.listen((event) => isThis(event) && wake()),
    };
    yield* readLog(layout.container(this.stateDir, id), options, followed, this.clock, AbortSignal.any([signal, this.link.closed]));
  }

  exec(id: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    if (options.tty) return Promise.reject(noTerminal());
    if (options.command.length === 0) return Promise.reject(new OrreryError('INVALID', 'There is no command to run.'));
    return this.link.openSession('exec', { id, command: options.command, stdin: options.stdin }, signal, (connection) => sessionOver(connection, signal));
  }

  attach(id: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    if (options.tty) return Promise.reject(noTerminal());
    return this.link.openSession('attach', { id, stdin: options.stdin }, signal, (connection) => sessionOver(connection, signal));
  }

  async portForward(sandboxId: string, port: number, signal: AbortSignal): Promise<DuplexStream> {
    const sandbox = (await this.listSandboxes(signal)).find(({ id }) => id === sandboxId);
    if (sandbox === undefined) throw new OrreryError('NOT_FOUND', `There is no sandbox ${sandboxId}.`, { sandboxId });
    return openPort(sandbox.ips[0] ?? '127.0.0.1', port, signal);
  }

  stats(signal: AbortSignal): Promise<readonly ContainerStats[]> {
    return this.link.request('stats', {}, signal);
  }

  pullImage(reference: string, _signal: AbortSignal): Promise<ImageStatus> {
    return Promise.resolve(imageCalled(reference));
  }

  imageStatus(reference: string, _signal: AbortSignal): Promise<ImageStatus | undefined> {
    return Promise.resolve(imageCalled(reference));
  }

  listImages(_signal: AbortSignal): Promise<readonly ImageStatus[]> {
    return Promise.resolve([]);
  }

  async removeImage(_id: string, _signal: AbortSignal): Promise<void> {}

  imageFilesystem(_signal: AbortSignal): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async *events(signal: AbortSignal): AsyncGenerator<RuntimeEvent> {
    await abortable(this.link.connected(), signal);
    yield* hints((listener) => this.link.listen(listener), signal, this.link.closed);
  }

  async destroy(signal: AbortSignal): Promise<void> {
    await this.link.destroy(signal);
    rmSync(this.stateDir, { recursive: true, force: true });
    const socketDir = dirname(this.helper.socketPath);
    if (socketDir === this.stateDir) return;
    rmSync(this.helper.socketPath, { force: true });
    removeIfEmpty(socketDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link.close();
  }

  async #statusOf(id: string, signal: AbortSignal): Promise<RuntimeContainerStatus | undefined> {
    try {
      return await this.containerStatus(id, signal);
    } catch (error) {
      if (OrreryError.is(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

/** There are no images here: every name stands for itself. */
const imageCalled = (reference: string): ImageStatus => ({ id: reference, reference, tags: [], digests: [], sizeBytes: 0, pinned: false });

/** The directory of short socket paths is shared by all runtimes of this user: the last one takes it away. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!(error instanceof Error) || !['ENOTEMPTY', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function noTerminal(): OrreryError {
  return new OrreryError('UNSUPPORTED', 'The process runtime has no terminals; ask without tty.');
}
