import { OrreryError } from '@orrery/core';
import type { Engine } from '../engine/engine.js';
import type { Inventory, Item } from '../inventory/inventory.js';

/** After SIGKILL a container has so long to end before it is killed again, milliseconds. */
const KILL_AGAIN_MS = 5_000;
/** So many SIGKILLs without effect are reported: its processes hang in the kernel. */
const KILLS = 6;
/** The engine may forget to tell an end: it is asked so often, milliseconds. */
const LOOK_AGAIN_MS = 2_000;
const REMOVALS = 8;
const REMOVE_AGAIN_MS = 150;

/** How containers end: asked, killed, removed. It never relies on the engine's own grace, which is counted in seconds and forgotten when the engine restarts. */
export class Ending {
  readonly #engine: Engine;
  readonly #inventory: Inventory;

  constructor(engine: Engine, inventory: Inventory) {
    this.#engine = engine;
    this.#inventory = inventory;
  }

  /** Sends the stop signal, and SIGKILL after the grace. Resolves when it has ended or is gone. */
  async stop(id: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const item = await this.#inventory.find(id, signal);
    if (item?.facts.state !== 'running') return;
    if (item.facts.paused) await this.#resume(id, signal);
    if (graceMs > 0) {
      await this.#signal(item, item.facts.stopSignal === '' ? 'SIGTERM' : item.facts.stopSignal, signal);
      if (await this.#ends(id, graceMs, signal)) return;
    }
    await this.kill(item, signal);
  }

  /** Kills until it has ended. Throws `UNAVAILABLE` when that has no effect. */
  async kill(item: Item, signal: AbortSignal): Promise<void> {
    for (let time = 0; time < KILLS; time++) {
      await this.#signal(item, 'SIGKILL', signal);
      if (await this.#ends(item.id, KILL_AGAIN_MS, signal)) return;
    }
    throw new OrreryError('UNAVAILABLE', `Container ${item.id.slice(0, 12)} does not end: ${KILLS} SIGKILLs had no effect.`, { id: item.id });
  }

  /** Kills if needed and removes, with the anonymous volumes. Something unknown or not ours is left alone. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    if ((await this.#inventory.find(id, signal)) !== undefined) await this.removeOwn(id, signal);
  }

  /** The same for something that is known to be ours. */
  async removeOwn(id: string, signal: AbortSignal): Promise<void> {
    for (let time = 1; ; time++) {
      try {
        await this.#engine.call(`remove ${id.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(id).remove({ force: true, v: true, abortSignal }), { idempotent: true });
        break;
      } catch (error) {
        if (OrreryError.is(error, 'NOT_FOUND')) break;
        // A removal that is under way, a mount that is still busy: both pass.
        const passes = OrreryError.is(error, 'CONFLICT') || (OrreryError.is(error, 'UNAVAILABLE') && error.details['status'] === 500);
        if (!passes || time >= REMOVALS) throw error;
        await this.#engine.clock.sleep(REMOVE_AGAIN_MS * time, signal);
        if ((await this.#inventory.find(id, signal)) === undefined) break;
      }
    }
    this.#inventory.forget(id);
  }

  async #signal({ id }: Item, name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#engine.call(`send ${name} to ${id.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(id).kill({ signal: name, abortSignal }), { idempotent: true });
    } catch (error) {
      // Gone, or ended already.
      if (!OrreryError.is(error, 'NOT_FOUND') && !OrreryError.is(error, 'CONFLICT')) throw error;
    }
  }

  async #resume(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#engine.call(`unpause ${id.slice(0, 12)}`, signal, (docker, abortSignal) => docker.getContainer(id).unpause({ abortSignal }), { idempotent: true });
    } catch (error) {
      // Resumed by somebody else meanwhile, or ended.
      if (!OrreryError.is(error) || error.details['status'] === undefined) throw error;
    }
  }

  /** Whether it has ended after at most so long. */
  async #ends(id: string, withinMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#engine;
    const deadline = clock.monotonic() + withinMs;
    for (;;) {
      const left = deadline - clock.monotonic();
      if (left > 0) await this.#told(id, Math.min(left, LOOK_AGAIN_MS), signal);
      if ((await this.#inventory.find(id, signal))?.facts.state !== 'running') return true;
      if (left <= 0) return false;
    }
  }

  /** Resolves when the engine tells the end, after so long, or when the engine loses the connection: the caller looks in any case. */
  async #told(id: string, forMs: number, signal: AbortSignal): Promise<void> {
    const enough = new AbortController();
    const cancel = this.#engine.clock.timer(forMs, () => enough.abort());
    try {
      await this.#engine.wait(`wait for ${id.slice(0, 12)}`, AbortSignal.any([signal, enough.signal]), (docker, abortSignal) => docker.getContainer(id).wait({ abortSignal }));
    } catch (error) {
      if (signal.aborted || OrreryError.is(error, 'CLOSED')) throw error;
      // Not told: after a lost connection the rest of the time is waited out, so that a broken engine is not asked in a tight loop.
      if (!enough.signal.aborted && !OrreryError.is(error, 'NOT_FOUND')) await this.#engine.clock.sleep(Math.min(forMs, 100), signal);
    } finally {
      cancel();
    }
  }
}
