import { OrreryError } from '@orrery/core';
import type { Engine } from '../engine/engine.js';
import { LABEL, decodeLabels } from '../identity/labels.js';
import type { ContainerIdentity, Identity, SandboxIdentity } from '../identity/labels.js';
import { isEngineId } from '../identity/names.js';
import { factsOf, stateOf } from './facts.js';
import type { Facts } from './facts.js';

/** Something of ours as the engine has it now. */
export interface Item<I extends Identity = Identity> {
  readonly id: string;
  readonly identity: I;
  readonly facts: Facts;
}

/** What the list of the engine tells of one container, before it is inspected. */
interface Row {
  readonly Id: string;
  readonly State: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** Inspections of containers that have not ended are believed so long where no event says otherwise, milliseconds. */
const BELIEVE_MS = 30_000;
/** What was inspected so lately need not be inspected again for the next step, milliseconds. */
const RECENT_MS = 2_000;
/** So many inspections at once. */
const PARALLEL = 16;

/**
 * What of this owner is on the engine. The engine's list is the truth about what there is and in which state; what the list does not tell (exact times, exit codes)
 * comes from an inspection, made once per container and state: a list of a thousand unchanged containers is one request.
 */
export class Inventory {
  readonly #engine: Engine;
  readonly #owner: string;
  readonly #known = new Map<string, { readonly item: Item; readonly at: number }>();

  constructor(engine: Engine, owner: string) {
    this.#engine = engine;
    this.#owner = owner;
  }

  /** All sandboxes, or those of one pod. */
  async sandboxes(signal: AbortSignal, uid?: string): Promise<readonly Item<SandboxIdentity>[]> {
    return (await this.#list(['sandbox', ...(uid === undefined ? [] : [`${LABEL.uid}=${uid}`])], signal)) as readonly Item<SandboxIdentity>[];
  }

  /** All containers, or those of one sandbox. */
  async containers(signal: AbortSignal, sandboxId?: string): Promise<readonly Item<ContainerIdentity>[]> {
    if (sandboxId !== undefined && !isEngineId(sandboxId)) return [];
    return (await this.#list(['container', ...(sandboxId === undefined ? [] : [`${LABEL.sandbox}=${sandboxId}`])], signal)) as readonly Item<ContainerIdentity>[];
  }

  /** One container or sandbox as it is now; undefined when there is none, or it is not this owner's. */
  async find(id: string, signal: AbortSignal): Promise<Item | undefined> {
    if (!isEngineId(id)) {
      if (signal.aborted || this.#engine.closed.aborted) await this.#engine.call('find', signal, () => Promise.resolve());
      return undefined;
    }
    try {
      const info = await this.#engine.call(`inspect ${id.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(id).inspect({ abortSignal }), { idempotent: true });
      const identity = decodeLabels(this.#owner, info.Config.Labels);
      if (identity === undefined) return undefined;
      const item = { id, identity, facts: factsOf(info) };
      this.#known.set(id, { item, at: this.#engine.clock.monotonic() });
      return item;
    } catch (error) {
      if (!OrreryError.is(error, 'NOT_FOUND')) throw error;
      this.#known.delete(id);
      return undefined;
    }
  }

  /** A sandbox as it is now, or was a moment ago when it then ran. Throws `NOT_FOUND`. */
  async sandbox(id: string, signal: AbortSignal): Promise<Item<SandboxIdentity>> {
    const known = this.#known.get(id);
    const recent = known?.item.facts.state === 'running' && this.#engine.clock.monotonic() - known.at < RECENT_MS;
    const item = recent ? known.item : await this.find(id, signal);
    if (item?.identity.kind !== 'sandbox') throw new OrreryError('NOT_FOUND', `There is no sandbox ${id.slice(0, 64)}.`, { id: id.slice(0, 64) });
    return item as Item<SandboxIdentity>;
  }

  /** A container as it is now. Throws `NOT_FOUND`. */
  async container(id: string, signal: AbortSignal): Promise<Item<ContainerIdentity>> {
    const item = await this.find(id, signal);
    if (item?.identity.kind !== 'container') throw new OrreryError('NOT_FOUND', `There is no container ${id.slice(0, 64)}.`, { id: id.slice(0, 64) });
    return item as Item<ContainerIdentity>;
  }

  /** Something happened to it: the next list inspects it again. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  /** It was started: unless it was inspected since, the next list inspects it again. */
  started(id: string): void {
    if (this.#known.get(id)?.item.facts.state !== 'running') this.forget(id);
  }

  /** Anything may have happened. */
  forgetAll(): void {
    this.#known.clear();
  }

  async #list([kind = '', ...labels]: readonly string[], signal: AbortSignal): Promise<readonly Item[]> {
    const label = [`${LABEL.owner}=${this.#owner}`, `${LABEL.kind}=${kind}`, ...labels];
    const rows: readonly Row[] = await this.#engine.call(kind === 'sandbox' ? 'list sandboxes' : 'list containers', signal, (docker, abortSignal) => docker.listContainers({ all: true, filters: { label }, abortSignal }), { idempotent: true });
    const items: (Item | undefined)[] = Array.from({ length: rows.length });
    const queue = [...rows.entries()];
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) items[next[0]] = await this.#item(next[1], signal);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, rows.length) }, work));
    this.#prune(rows, kind, labels.length === 0);
    return items.filter((item) => item !== undefined);
  }

  async #item(row: Row, signal: AbortSignal): Promise<Item | undefined> {
    const identity = decodeLabels(this.#owner, row.Labels);
    if (identity === undefined) return undefined;
    const known = this.#known.get(row.Id);
    const { state } = known?.item.facts ?? {};
    const fresh = state === stateOf(row.State) && (state === 'exited' || this.#engine.clock.monotonic() - (known?.at ?? 0) < BELIEVE_MS);
    if (known !== undefined && fresh) return known.item;
    // Gone since the list was made: then it is not listed.
    return this.find(row.Id, signal);
  }

  /** Keeps what is known as small as the list. */
  #prune(rows: readonly Row[], kind: string, complete: boolean): void {
    if (!complete || kind !== 'container' || this.#known.size < 4 * rows.length + 1_000) return;
    this.#known.clear();
  }
}
