import type { Clock, ContainerConfig, PodIdentity, Random, RuntimeEvent, SandboxConfig, SandboxStatus } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { AddressBlock } from './addresses.js';
import type { BehaviourOf } from './behaviour.js';
import { SimulatedContainer } from './container.js';
import { SimulatedImages, type SimulatedImagesOptions } from './images.js';

/** How to make a machine. */
export interface SimulatedMachineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How each container behaves. Default: starts at once, is ready, runs for ever. */
  readonly behaviour?: BehaviourOf;
  /** Where pod addresses come from. Default `10.244.0.0/16`. */
  readonly podCIDR?: string;
  /** Containers come from images. Default: an image is only a name. */
  readonly images?: SimulatedImagesOptions;
}

/** The part of a probe that a simulation answers. */
export type SimulatedProbe = 'liveness' | 'readiness' | 'startup';

/**
 * What runs on one simulated node. It outlives the runtime that is opened on it, as processes outlive an agent:
 * open another runtime on the same machine, and it finds everything again.
 */
export class SimulatedMachine {
  /** What it has of images; undefined where they are only names. */
  readonly images: SimulatedImages | undefined;
  readonly #options: SimulatedMachineOptions;
  readonly #addresses: AddressBlock;
  readonly #sandboxes = new Map<string, SandboxStatus>();
  /** Ids by the pod's uid and the attempt. */
  readonly #byPod = new Map<string, Map<number, string>>();
  readonly #containers = new Map<string, SimulatedContainer>();
  readonly #bySandbox = new Map<string, Map<string, SimulatedContainer>>();
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  #ids = 0;

  constructor(options: SimulatedMachineOptions) {
    this.#options = options;
    this.images = options.images === undefined ? undefined : new SimulatedImages(options.images, options.clock);
    this.#addresses = new AddressBlock(options.podCIDR ?? '10.244.0.0/16');
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** The same pod uid and attempt give the existing sandbox. */
  runSandbox(config: SandboxConfig): SandboxStatus {
    const attempts = this.#byPod.get(config.pod.uid) ?? new Map<number, string>();
    const existing = this.#sandboxes.get(attempts.get(config.attempt) ?? '');
    if (existing !== undefined) return existing;
    const { pod, attempt, labels, annotations } = config;
    const status: SandboxStatus = {
      id: `sandbox-${++this.#ids}`,
      pod,
      attempt,
      state: 'ready',
      ips: config.hostNetwork ? [] : [this.#addresses.take()],
      createdAt: this.clock.now(),
      labels,
      annotations,
    };
    this.#byPod.set(pod.uid, attempts.set(attempt, status.id));
    this.#bySandbox.set(status.id, new Map());
    this.#keep(status);
    return status;
  }

  /** Kills what is in it and gives its address back. */
  stopSandbox(id: string): void {
    for (const container of this.containersOf(id)) container.kill();
    const status = this.#sandboxes.get(id);
    if (status === undefined || status.state === 'notReady') return;
    for (const ip of status.ips) this.#addresses.release(ip);
    this.#keep({ ...status, state: 'notReady', ips: [] });
  }

  removeSandbox(id: string): void {
    this.stopSandbox(id);
    for (const container of this.containersOf(id)) this.removeContainer(container.id);
    const status = this.#sandboxes.get(id);
    if (status === undefined) return;
    this.#sandboxes.delete(id);
    this.#bySandbox.delete(id);
    const attempts = this.#byPod.get(status.pod.uid);
    attempts?.delete(status.attempt);
    if (attempts?.size === 0) this.#byPod.delete(status.pod.uid);
    this.#announce({ type: 'sandboxChanged', pod: status.pod });
  }

  /** All of them, or those of one pod (by its uid), which costs no more than that pod. */
  sandboxes(podUid?: string): SandboxStatus[] {
    if (podUid === undefined) return [...this.#sandboxes.values()];
    return [...(this.#byPod.get(podUid)?.values() ?? [])].flatMap((id) => this.#sandboxes.get(id) ?? []);
  }

  /** The same sandbox, name and attempt give the existing container. Throws `NOT_FOUND`, `INVALID`, `IMAGE_UNAVAILABLE`. */
  createContainer(sandboxId: string, config: ContainerConfig): SimulatedContainer {
    const sandbox = this.#sandboxes.get(sandboxId);
    const siblings = this.#bySandbox.get(sandboxId);
    if (sandbox === undefined || siblings === undefined) throw new OrreryError('NOT_FOUND', `There is no sandbox ${sandboxId}.`, { sandboxId });
    const key = `${config.attempt} ${config.name}`;
    const existing = siblings.get(key);
    if (existing !== undefined) return existing;
    if (sandbox.state !== 'ready') throw new OrreryError('INVALID', `Sandbox ${sandboxId} has been stopped.`, { sandboxId });
    const image = this.images?.status(config.image);
    if (this.images !== undefined && image === undefined) throw new OrreryError('IMAGE_UNAVAILABLE', `Image ${config.image} is not present.`, { image: config.image });
    const behaviour = this.#options.behaviour?.(config, sandbox.pod, this.#options.random) ?? {};
    if (behaviour.failCreate !== undefined) throw new OrreryError('INVALID', `The container cannot be created: ${behaviour.failCreate}`);
    const container = new SimulatedContainer(`container-${++this.#ids}`, sandboxId, sandbox.pod, config, behaviour, this.clock, (event) => this.#announce(event), image?.id);
    siblings.set(key, container);
    this.#containers.set(container.id, container);
    return container;
  }

  /** Throws `NOT_FOUND`. */
  container(id: string): SimulatedContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new OrreryError('NOT_FOUND', `There is no container ${id}.`, { containerId: id });
    return container;
  }

  find(id: string): SimulatedContainer | undefined {
    return this.#containers.get(id);
  }

  containers(): SimulatedContainer[] {
    return [...this.#containers.values()];
  }

  containersOf(sandboxId: string): SimulatedContainer[] {
    return [...(this.#bySandbox.get(sandboxId)?.values() ?? [])];
  }

  /** Starts a container of a sandbox that is ready. */
  startContainer(id: string): Promise<void> {
    const container = this.container(id);
    if (container.state === 'created' && this.#sandboxes.get(container.sandboxId)?.state !== 'ready') {
      return Promise.reject(new OrreryError('INVALID', `The sandbox of container ${id} has been stopped.`));
    }
    return container.start();
  }

  removeContainer(id: string): void {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    container.kill();
    container.discard();
    this.#containers.delete(id);
    this.#bySandbox.get(container.sandboxId)?.delete(`${container.config.attempt} ${container.config.name}`);
    this.#announce({ type: 'containerRemoved', pod: container.pod, containerId: id });
  }

  /** What a probe of this container would find now. A container that does not run passes none. */
  probe(id: string, kind: SimulatedProbe): boolean {
    const container = this.#containers.get(id);
    if (container === undefined || container.state !== 'running') return false;
    const { readyAfterMs = 0, unreadyAfterMs = Infinity, unhealthyAfterMs = Infinity } = container.behaviour;
    if (kind === 'liveness') return container.age < unhealthyAfterMs;
    return container.age >= readyAfterMs && (kind === 'startup' || container.age < unreadyAfterMs);
  }

  /** The machine loses power: every container is dead at once, sandboxes are not ready, and nobody is told. */
  powerCut(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const { id } of this.sandboxes()) this.stopSandbox(id);
    for (const listener of listeners) this.#listeners.add(listener);
  }

  /** Removes an image. Throws `CONFLICT` when a container, running or not, was made from it. */
  removeImage(text: string): void {
    const id = this.images?.status(text)?.id;
    if (id === undefined) return;
    const user = this.containers().find(({ imageId }) => imageId === id);
    if (user !== undefined) throw new OrreryError('CONFLICT', `Image ${text} is in use by container ${user.id}.`, { image: text });
    this.images?.remove(id);
  }

  /** Hears events until the returned function is called. */
  listen(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Cancels every timer. For the end of a simulation. */
  close(): void {
    this.images?.close();
    for (const container of this.#containers.values()) container.discard();
  }

  #keep(status: SandboxStatus): void {
    this.#sandboxes.set(status.id, status);
    this.#announce({ type: 'sandboxChanged', pod: status.pod });
  }

  #announce(event: RuntimeEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

/** Answers probes from the machine instead of the network. What it needs of a probe is whose it is and of which kind. */
export function simulatedProber(machine: SimulatedMachine): (target: { readonly pod: PodIdentity; readonly container: string; readonly kind: SimulatedProbe }) => boolean {
  return ({ pod, container, kind }) => {
    const running = machine.containers().find(({ pod: { uid }, config, state }) => state === 'running' && uid === pod.uid && config.name === container);
    return running !== undefined && machine.probe(running.id, kind);
  };
}
