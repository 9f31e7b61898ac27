import { type Logger, type OutsideInput, errorMessage } from '@orrery/core';

/** Follows what the filters of all profiles look at besides pods and nodes. */
export class OutsideInputs {
  readonly #log: Logger;
  readonly #changed: () => void;
  readonly #followed = new Map<OutsideInput, () => void>();

  /** @param changed is called after each change of any of them. */
  constructor(log: Logger, changed: () => void) {
    this.#log = log;
    this.#changed = changed;
  }

  /** Follows these from now on, and no others; resolves when the new ones are complete. One that fails to be is reported and used as it is. */
  async follow(inputs: readonly OutsideInput[], signal: AbortSignal): Promise<void> {
    const wanted = new Set(inputs);
    for (const [input, stop] of this.#followed) {
      if (wanted.has(input)) continue;
      this.#followed.delete(input);
      stop();
    }
    const fresh = [...wanted].filter((input) => !this.#followed.has(input));
    for (const input of fresh) this.#followed.set(input, input.changed(this.#changed));
    await Promise.all(fresh.map((input) => this.#synced(input, signal)));
  }

  /** Follows none any more. */
  stop(): void {
    for (const stop of this.#followed.values()) stop();
    this.#followed.clear();
  }

  async #synced(input: OutsideInput, signal: AbortSignal): Promise<void> {
    try {
      await input.synced?.(signal);
    } catch (error) {
      if (!signal.aborted) this.#log.error('What a filter depends on is not complete; its pods are scheduled by what there is.', { error: errorMessage(error) });
    }
  }
}
