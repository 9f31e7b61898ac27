import { constants } from 'node:os';
import type { ContainerConfig, ContainerStats, RuntimeContainerStatus, SandboxConfig, SandboxStatus } from '@orrery/core';
import { layout } from '../shared/layout.js';
import { containerStatus, isId, newContainerRecord, newSandboxRecord, sandboxStatus } from '../shared/records.js';
import type { SandboxRecord } from '../shared/records.js';
import type { Addresses } from './addresses.js';
import { Container } from './container.js';
import type { Workshop } from './container.js';
import { HelperFailure } from './failure.js';
import { randomId, now } from './platform.js';
import { processesByMarker, signalProcess } from './proc.js';
import { linkMounts, planMounts, resolveWorkingDir } from './rootfs.js';
import { StatsReader } from './stats.js';

/** All sandboxes and containers of one state directory. */
export class Machine {
  readonly #sandboxes = new Map<string, SandboxRecord>();
  /** Sandbox ids by pod uid and attempt. */
  readonly #byPod = new Map<string, string>();
  readonly #containers = new Map<string, Container>();
  /** Containers by sandbox, then by name and attempt. */
  readonly #bySandbox = new Map<string, Map<string, Container>>();
  readonly #stats = new StatsReader();

  constructor(readonly shop: Workshop, readonly addresses: Addresses) {}

  /** Takes over what an earlier helper left: the living are watched again, the dead are told as unknown, the half-started are ended. */
  recover(): void {
    for (const record of this.shop.journal.sandboxes.values()) {
      this.#remember(record);
      if (record.ip !== undefined) this.addresses.adopt(record.ip);
    }
    for (const record of this.shop.journal.containers.values()) {
      const sandbox = this.#sandboxes.get(record.sandboxId);
      if (sandbox !== undefined) this.#add(new Container(this.shop, sandbox, record));
      else this.shop.journal.removeContainer(record.id);
    }
    const marked = processesByMarker();
    for (const [id, container] of this.#containers) {
      if (container.state === 'running') container.adopt();
      // Started by a helper that died before it could write that down: nobody was told, and the start will be asked for again.
      else for (const pid of marked.get(id) ?? []) signalProcess(pid, 'SIGKILL');
    }
  }

  /** True while something runs. */
  get busy(): boolean {
    return [...this.#containers.values()].some(({ state }) => state === 'running');
  }

  runSandbox(config: SandboxConfig): SandboxStatus {
    requireText('pod uid', config.pod?.uid);
    const existing = this.#sandboxes.get(this.#byPod.get(podKey(config)) ?? '');
    if (existing !== undefined) return sandboxStatus(existing);
    const record = newSandboxRecord(randomId(), config, now(), config.hostNetwork ? undefined : this.addresses.take());
    this.#keep(record);
    return sandboxStatus(record);
  }

  async stopSandbox(id: string): Promise<void> {
    await Promise.all(this.#containersOf(id).map((container) => container.stop(0)));
    const record = this.#sandboxes.get(id);
    if (record === undefined || record.state === 'notReady') return;
    const { ip, ...rest } = record;
    this.#keep({ ...rest, state: 'notReady' });
    if (ip !== undefined) this.addresses.release(ip);
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    await Promise.all(this.#containersOf(id).map((container) => this.removeContainer(container.record.id)));
    const record = this.#sandboxes.get(id);
    if (record === undefined) return;
    this.shop.journal.removeSandbox(id);
    this.#sandboxes.delete(id);
    this.#byPod.delete(podKey(record.config));
    this.#bySandbox.delete(id);
    this.shop.announce({ type: 'sandboxChanged', pod: record.config.pod });
  }

  listSandboxes(podUid?: string): SandboxStatus[] {
    const records = [...this.#sandboxes.values()];
    return (podUid === undefined ? records : records.filter(({ config }) => config.pod.uid === podUid)).map(sandboxStatus);
  }

  createContainer(sandboxId: string, config: ContainerConfig): string {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined) throw new HelperFailure('NOT_FOUND', `There is no sandbox ${sandboxId}.`);
    const existing = this.#bySandbox.get(sandboxId)?.get(containerKey(config));
    if (existing !== undefined) return existing.record.id;
    if (sandbox.state !== 'ready') throw new HelperFailure('INVALID', `Sandbox ${sandboxId} has been stopped.`);
    const checked = checkConfig(config);
    const id = randomId();
    if (checked.mounts.length > 0) linkMounts(layout.rootfs(this.shop.stateDir, id), checked.mounts);
    const record = newContainerRecord(id, sandboxId, checked, now());
    this.shop.journal.saveContainer(record);
    this.#add(new Container(this.shop, sandbox, record));
    return id;
  }

  /** Throws `NOT_FOUND`, and `INVALID` when the sandbox has been stopped or the program cannot be started. */
  async startContainer(id: string): Promise<void> {
    const container = this.container(id);
    if (container.state === 'created' && this.#sandboxes.get(container.record.sandboxId)?.state !== 'ready') {
      throw new HelperFailure('INVALID', `The sandbox of container ${id} has been stopped.`);
    }
    await container.start();
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    await container.remove();
    if (!this.#containers.delete(id)) return;
    this.#bySandbox.get(container.record.sandboxId)?.delete(containerKey(container.record.config));
    this.shop.announce({ type: 'containerRemoved', pod: container.sandbox.config.pod, containerId: id });
  }

  /** Throws `NOT_FOUND`. */
  container(id: string): Container {
    const container = isId(id) ? this.#containers.get(id) : undefined;
    if (container === undefined) throw new HelperFailure('NOT_FOUND', `There is no container ${id}.`);
    return container;
  }

  /** The container, if it is known. */
  find(id: string): Container | undefined {
    return this.#containers.get(id);
  }

  containerStatus(id: string): RuntimeContainerStatus {
    return this.#status(this.container(id));
  }

  listContainers(sandboxId: string | undefined): RuntimeContainerStatus[] {
    const wanted = sandboxId === undefined ? [...this.#containers.values()] : this.#containersOf(sandboxId);
    return wanted.map((container) => this.#status(container));
  }

  stats(): ContainerStats[] {
    return this.#stats.read([...this.#containers.values()]);
  }

  /** Ends and forgets everything. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#sandboxes.keys()].map((id) => this.removeSandbox(id)));
    await this.shop.sweeper.settled();
    await this.shop.fifos.close();
  }

  #containersOf(sandboxId: string): Container[] {
    return [...(this.#bySandbox.get(sandboxId)?.values() ?? [])];
  }

  #status(container: Container): RuntimeContainerStatus {
    return containerStatus(container.record, container.sandbox);
  }

  #keep(record: SandboxRecord): void {
    this.shop.journal.saveSandbox(record);
    this.#remember(record);
    this.shop.announce({ type: 'sandboxChanged', pod: record.config.pod });
  }

  #remember(record: SandboxRecord): void {
    this.#sandboxes.set(record.id, record);
    this.#byPod.set(podKey(record.config), record.id);
  }

  #add(container: Container): void {
    const { id, sandboxId, config } = container.record;
    const siblings = this.#bySandbox.get(sandboxId) ?? new Map<string, Container>();
    this.#bySandbox.set(sandboxId, siblings.set(containerKey(config), container));
    this.#containers.set(id, container);
  }
}

function podKey({ pod, attempt }: SandboxConfig): string {
  return `${attempt} ${pod.uid}`;
}

function containerKey({ name, attempt }: ContainerConfig): string {
  return `${attempt} ${name}`;
}

/** What can be known wrong before starting. Throws `INVALID`. */
function checkConfig(config: ContainerConfig): ContainerConfig {
  requireText('container name', config.name);
  if (config.command.length === 0 || config.command[0] === '') throw new HelperFailure('INVALID', `Container "${config.name}" has no command, and there is no image to take one from.`);
  if (config.stopSignal !== undefined && !(config.stopSignal in constants.signals)) throw new HelperFailure('INVALID', `There is no signal "${config.stopSignal}".`);
  const badName = config.env.find(({ name }) => name === '' || /[=\0]/.test(name));
  if (badName !== undefined) throw new HelperFailure('INVALID', `"${badName.name}" cannot be the name of an environment variable.`);
  const mounts = planMounts(config.mounts);
  if (config.workingDir !== undefined) resolveWorkingDir(config.workingDir, mounts);
  return { ...config, mounts };
}

function requireText(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new HelperFailure('INVALID', `The ${what} is missing.`);
}
