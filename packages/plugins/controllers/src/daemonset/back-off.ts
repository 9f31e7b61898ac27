const FIRST_MS = 1_000;
const LONGEST_MS = 15 * 60_000;

interface Pause {
  readonly ms: number;
  readonly since: number;
}

/** When pods that fail on a node may be replaced again: after 1 s, then twice as long each time, 15 min at most (flowcontrol.NewBackOff). Times in milliseconds. */
export class FailedPodsBackOff {
  readonly #pauses = new Map<string, Pause>();

  /** Until when failed pods on a node are left alone; 0 when they need not be. */
  until(node: string, now: number): number {
    const pause = this.#pauses.get(node);
    return pause !== undefined && now - pause.since < pause.ms ? pause.since + pause.ms : 0;
  }

  /** A failed pod on the node is replaced now. */
  note(node: string, now: number): void {
    const pause = this.#pauses.get(node);
    // What has been well for long enough begins anew.
    const again = pause !== undefined && now - pause.since <= 2 * LONGEST_MS;
    this.#pauses.set(node, { ms: again ? Math.min(2 * pause.ms, LONGEST_MS) : FIRST_MS, since: now });
  }

  /** The node is gone. */
  forget(node: string): void {
    this.#pauses.delete(node);
  }
}
