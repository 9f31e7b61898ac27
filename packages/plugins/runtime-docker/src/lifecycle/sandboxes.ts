import type { SandboxConfig, SandboxStatus } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import type { DockerPolicy } from '../create/policy.js';
import { checkSandboxPolicy } from '../create/policy.js';
import { planSandbox } from '../create/sandbox.js';
import type { Engine } from '../engine/engine.js';
import type { SandboxIdentity } from '../identity/labels.js';
import { sandboxStatus } from '../inventory/facts.js';
import type { Inventory, Item } from '../inventory/inventory.js';
import { startCreated } from './containers.js';
import { createOnce } from './create-once.js';
import type { Ending } from './ending.js';
import type { Limiter } from './limiter.js';

/** What sandboxes are made with. */
export interface SandboxMaking {
  readonly owner: string;
  readonly policy: DockerPolicy;
  readonly network: string;
  /** Id of the image that does nothing; made or found on first use. */
  imageId(signal: AbortSignal): Promise<string>;
  lowestOomScore(signal: AbortSignal): Promise<number>;
  /** It turned out that the image is gone. */
  imageGone(): void;
}

/** Makes and ends sandboxes. */
export class Sandboxes {
  readonly #engine: Engine;
  readonly #inventory: Inventory;
  readonly #starts: Limiter;
  readonly #ending: Ending;
  readonly #making: SandboxMaking;

  constructor(engine: Engine, inventory: Inventory, starts: Limiter, ending: Ending, making: SandboxMaking) {
    this.#engine = engine;
    this.#inventory = inventory;
    this.#starts = starts;
    this.#ending = ending;
    this.#making = making;
  }

  /** See {@link Runtime.runSandbox}. One that was made but not started (a crash in between) is started now. */
  async run(config: SandboxConfig, signal: AbortSignal): Promise<SandboxStatus> {
    checkSandboxPolicy(this.#making.policy, config);
    const existing = await this.#existing(config, signal);
    if (existing !== undefined && existing.facts.state !== 'created') return sandboxStatus(existing.id, existing.identity, existing.facts);
    const id = existing?.id ?? (await this.#create(config, signal));
    await this.#starts.run(signal, () => startCreated(this.#engine, id, signal));
    const { identity, facts } = await this.#inventory.sandbox(id, signal);
    return sandboxStatus(id, identity, facts);
  }

  /** See {@link Runtime.stopSandbox}. */
  async stop(id: string, signal: AbortSignal): Promise<void> {
    const sandbox = await this.#find(id, signal);
    if (sandbox === undefined) return;
    await this.#endAll([...(await this.#inventory.containers(signal, id))], signal);
    // Last, so that no container loses its network while it still runs.
    await this.#endAll([sandbox], signal);
  }

  /** See {@link Runtime.removeSandbox}. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    if ((await this.#find(id, signal)) === undefined) return;
    const containers = await this.#inventory.containers(signal, id);
    await Promise.all(containers.map((container) => this.#ending.removeOwn(container.id, signal)));
    await this.#ending.removeOwn(id, signal);
  }

  async #endAll(items: readonly Item[], signal: AbortSignal): Promise<void> {
    await Promise.all(items.filter(({ facts }) => facts.state === 'running').map((item) => this.#ending.kill(item, signal)));
  }

  async #find(id: string, signal: AbortSignal): Promise<Item | undefined> {
    const item = await this.#inventory.find(id, signal);
    return item?.identity.kind === 'sandbox' ? item : undefined;
  }

  async #create(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    for (let again = false; ; again = true) {
      const { owner, policy, network } = this.#making;
      const [imageId, lowestOomScore] = await Promise.all([this.#making.imageId(signal), this.#making.lowestOomScore(signal)]);
      const plan = planSandbox(config, { owner, imageId, network, policy, lowestOomScore });
      try {
        return (await createOnce(this.#engine, plan, signal, async () => (await this.#existing(config, signal))?.id)).id;
      } catch (error) {
        if (!OrreryError.is(error, 'NOT_FOUND') || again) throw error;
        // Somebody removed the image by hand since it was found.
        this.#making.imageGone();
      }
    }
  }

  /** By labels: a sandbox that was renamed by hand is still the same. */
  async #existing({ pod, attempt }: SandboxConfig, signal: AbortSignal): Promise<Item<SandboxIdentity> | undefined> {
    return (await this.#inventory.sandboxes(signal, pod.uid)).find(({ identity }) => identity.pod.uid === pod.uid && identity.attempt === attempt);
  }
}
