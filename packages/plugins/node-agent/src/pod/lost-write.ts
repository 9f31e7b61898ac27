import type { Pod } from '@orrery/core';

/** An older version than what was written here is an echo, and the newer follows at once. One that is shown for so long is the truth: what was written is lost. */
const ECHO_MS = 10_000;

/** Tells an echo from a write that the store lost after it had acknowledged it. */
export class LostWrite {
  #shown: { readonly pod: Pod; readonly since: number } | undefined;

  /** The API shows this older version. */
  older(pod: Pod, now: number): void {
    const same = this.#shown?.pod.metadata.resourceVersion === pod.metadata.resourceVersion;
    this.#shown = { pod, since: same ? (this.#shown?.since ?? now) : now };
  }

  /** The API shows what was written, or something newer. */
  caughtUp(): void {
    this.#shown = undefined;
  }

  /** The version to go on from, once it has been shown for long enough. */
  take(now: number): Pod | undefined {
    if (this.#shown === undefined || now - this.#shown.since < ECHO_MS) return undefined;
    const { pod } = this.#shown;
    this.#shown = undefined;
    return pod;
  }

  /** Milliseconds until {@link take} may have something; undefined: nothing is older. */
  dueIn(now: number): number | undefined {
    return this.#shown === undefined ? undefined : Math.max(0, ECHO_MS - (now - this.#shown.since));
  }
}
