/** First delay after a crash that followed a restart, milliseconds (kubelet's backOffPeriod). */
export const INITIAL_MS = 10_000;
/** No delay is longer (kubelet's MaxContainerBackOff). */
export const MAX_MS = 300_000;

/** Where one container is in its crash loop. */
export interface CrashEntry {
  readonly delayMs: number;
  /** When it was last started again. */
  readonly since: number;
}

/**
 * When a container that ended at `finishedAt` may be started again: at once for the first time, then after 10 s, 20 s, … up to 5 minutes;
 * forgotten when it ended more than twice the longest delay after it was last started (client-go flowcontrol.Backoff as the kubelet uses it). Pure.
 */
export function restartAt(entry: CrashEntry | undefined, finishedAt: number): number {
  if (entry === undefined || finishedAt - entry.since > 2 * MAX_MS) return finishedAt;
  return finishedAt + entry.delayMs;
}

/** The entry after what ended at `finishedAt` was started again `now`. Pure. */
export function afterRestart(entry: CrashEntry | undefined, finishedAt: number, now: number): CrashEntry {
  if (entry === undefined || finishedAt - entry.since > 2 * MAX_MS) return { delayMs: INITIAL_MS, since: now };
  return { delayMs: Math.min(MAX_MS, entry.delayMs * 2), since: now };
}
