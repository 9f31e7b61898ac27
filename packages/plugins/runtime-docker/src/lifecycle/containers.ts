import type { ContainerConfig, ContainerResources } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import { engineResources, planContainer } from '../create/container.js';
import { resolveMounts } from '../create/mounts.js';
import type { MountBounds } from '../create/mounts.js';
import type { DockerPolicy } from '../create/policy.js';
import { readSeccompProfile } from '../create/seccomp.js';
import type { Engine } from '../engine/engine.js';
import { isEngineId } from '../identity/names.js';
import { startFailed } from '../inventory/facts.js';
import type { Inventory } from '../inventory/inventory.js';
import { createOnce } from './create-once.js';
import type { Limiter } from './limiter.js';

/** What containers are made with. */
export interface ContainerMaking {
  readonly owner: string;
  readonly policy: DockerPolicy;
  readonly logs: { readonly maxBytes: number; readonly maxFiles: number };
  readonly seccompRoot: string;
  lowestOomScore(signal: AbortSignal): Promise<number>;
  /** Where mounts may lie. */
  bounds(signal: AbortSignal): Promise<MountBounds>;
  /** The user of an image that is present, as its config says it. */
  imageUser(reference: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Starting a container may take the engine long when many start at once. */
const START_TIMEOUT_MS = 300_000;
/** What the engine says, with status 409 or 500, when the kernel or itself refuses other limits: not that it could not be asked. */
const REFUSED = /device or resource busy|invalid argument|unable to set memory limit|numerical result out of range|limit should be/i;
/** More that were made and not started are asked about. */
const MOST_MADE = 1_000;

/** Makes and starts containers. */
export class Containers {
  readonly #engine: Engine;
  readonly #inventory: Inventory;
  readonly #starts: Limiter;
  readonly #making: ContainerMaking;
  /** Names of containers that were made here and not started yet, by id: nothing has to be asked before they are. */
  readonly #made = new Map<string, string>();

  constructor(engine: Engine, inventory: Inventory, starts: Limiter, making: ContainerMaking) {
    this.#engine = engine;
    this.#inventory = inventory;
    this.#starts = starts;
    this.#making = making;
  }

  /** The id of the container with this sandbox, name and attempt, made if there is none. See {@link Runtime.createContainer}. */
  async create(sandboxId: string, config: ContainerConfig, signal: AbortSignal): Promise<string> {
    const { owner, policy, logs, seccompRoot } = this.#making;
    const [sandbox, existing] = await Promise.all([this.#inventory.sandbox(sandboxId, signal), this.#existing(sandboxId, config, signal)]);
    if (existing !== undefined) return existing;
    if (sandbox.facts.state !== 'running') throw new OrreryError('INVALID', `The sandbox ${sandboxId.slice(0, 12)} does not run.`, { sandboxId });
    if (config.targetContainerId !== undefined) await this.#checkTarget(config.targetContainerId, sandboxId, signal);
    const { runAsUser, runAsGroup, seccomp } = config.security;
    const [mounts, seccompProfile, lowestOomScore, imageUser] = await Promise.all([
      this.#making.bounds(signal).then((bounds) => resolveMounts(config.mounts, bounds)),
      readSeccompProfile(seccomp, seccompRoot),
      this.#making.lowestOomScore(signal),
      runAsGroup !== undefined && runAsUser === undefined ? this.#making.imageUser(config.image, signal) : undefined,
    ]);
    const plan = planContainer(config, {
      owner, sandboxId, sandbox: sandbox.identity, policy, mounts, logs, lowestOomScore,
      ...(seccompProfile === undefined ? {} : { seccompProfile }),
      ...(imageUser === undefined ? {} : { imageUser }),
    });
    try {
      const { id, isNew } = await createOnce(this.#engine, plan, signal, () => this.#existing(sandboxId, config, signal));
      if (isNew) this.#remember(id, config.name);
      return id;
    } catch (error) {
      if (!OrreryError.is(error, 'NOT_FOUND')) throw error;
      throw new OrreryError('IMAGE_UNAVAILABLE', `The image of container ${config.name} is not present: ${String(error.details['words'])}`, { image: config.image }, error);
    }
  }

  /** Starts a created container; one that has run is left as it is. See {@link Runtime.startContainer}. */
  async start(id: string, signal: AbortSignal): Promise<void> {
    const name = this.#made.get(id) ?? (await this.#startable(id, signal));
    if (name === undefined) return;
    this.#made.delete(id);
    try {
      await this.#starts.run(signal, () => startCreated(this.#engine, id, signal));
    } catch (error) {
      if (OrreryError.is(error, 'NOT_FOUND') && !(await this.#gone(id, signal))) {
        // The engine's 404 may be about the program, not the container.
        throw cannotStart(name, String(error.details['words']), error);
      }
      // An answer of the engine: whether the container is to blame, or the engine, is what it has written down.
      if (!OrreryError.is(error) || error.details['status'] === undefined) throw error;
      const after = await this.#inventory.find(id, signal);
      if (after !== undefined && startFailed(after.facts)) throw cannotStart(name, after.facts.error, error);
      if (after?.facts.state === 'running') return;
      throw error;
    } finally {
      this.#inventory.forget(id);
    }
  }

  /** Changes cpu and memory of a running container. See {@link Runtime.updateContainer}. */
  async update(id: string, { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes }: ContainerResources, signal: AbortSignal): Promise<void> {
    const { identity, facts } = await this.#inventory.container(id, signal);
    if (facts.state !== 'running') throw new OrreryError('NOT_FOUND', `Container ${identity.name} does not run.`, { container: identity.name });
    const given = { cpuShares, cpuQuota, cpuPeriod, memoryLimitBytes };
    const changes = engineResources(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)), 0);
    if (Object.keys(changes).length === 0) return;
    try {
      await this.#engine.call(`update ${id.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(id).update({ ...changes, abortSignal }) as Promise<unknown>, { idempotent: true });
    } catch (error) {
      if (!OrreryError.is(error) || !REFUSED.test(String(error.details['words']))) throw error;
      throw new OrreryError('INVALID', `Container ${identity.name} cannot be given other resources: ${String(error.details['words'])}`, { container: identity.name }, error);
    } finally {
      this.#inventory.forget(id);
    }
  }

  /** The name of a container that was never started; undefined for one that has run. Throws `INVALID` when a start of it has failed. */
  async #startable(id: string, signal: AbortSignal): Promise<string | undefined> {
    const { identity, facts } = await this.#inventory.container(id, signal);
    if (startFailed(facts)) throw cannotStart(identity.name, facts.error);
    return facts.state === 'created' ? identity.name : undefined;
  }

  #remember(id: string, name: string): void {
    this.#made.set(id, name);
    const oldest = this.#made.size > MOST_MADE ? this.#made.keys().next().value : undefined;
    if (oldest !== undefined) this.#made.delete(oldest);
  }

  async #gone(id: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#inventory.find(id, signal)) === undefined;
  }

  /** By labels: a container that was renamed by hand is still the same. */
  async #existing(sandboxId: string, { name, attempt }: ContainerConfig, signal: AbortSignal): Promise<string | undefined> {
    const all = await this.#inventory.containers(signal, sandboxId);
    return all.find(({ identity }) => identity.name === name && identity.attempt === attempt)?.id;
  }

  async #checkTarget(id: string, sandboxId: string, signal: AbortSignal): Promise<void> {
    const target = isEngineId(id) ? await this.#inventory.container(id, signal) : undefined;
    if (target?.identity.sandboxId !== sandboxId) throw new OrreryError('INVALID', 'targetContainerId: the target must be a container of the same pod.', { field: 'targetContainerId' });
  }
}

/** Sends the start of a created container. Sent again after a lost reply it does nothing: the engine answers that it runs. */
export async function startCreated(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.call(`start ${id.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(id).start({ abortSignal }), { timeoutMs: START_TIMEOUT_MS });
  } catch (error) {
    if (!OrreryError.is(error) || error.details['status'] !== 304) throw error;
  }
}

function cannotStart(name: string, words: string, cause?: unknown): OrreryError {
  return new OrreryError('INVALID', `Container ${name} cannot be started: ${words}`, { container: name }, cause);
}
